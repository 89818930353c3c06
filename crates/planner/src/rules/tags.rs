//! Revision tags, `default` last: each moves when nothing follows it any more but what has moved and what is
//! bound to it; then namespace labels return to it, and its tag-bound workloads move.

use std::collections::BTreeSet;

use meshlift_mesh::Follows;
use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Layer, Stage, Step, StepUndo};

use super::draft::Draft;
use super::{gateways, tag_bound, wave_step};
use crate::survey::{Relabel, TagMove};
use crate::times::{PROOF_SECONDS, WRITE_SECONDS};

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let survey = draft.survey;
    tag_bound::of_names_that_moved(draft);
    for tag in &survey.tags {
        step(draft, tag);
        tag_bound::step(draft, tag.tag.as_str());
        for gateway in survey.gateways.iter().filter(|gateway| gateway.tag.as_ref() == Some(&tag.tag)) {
            gateways::step(draft, gateway);
        }
    }
    match survey.tags.len() {
        0 => "no tag is left to move, or each is followed by something that waits".to_owned(),
        _ => "each after all that follow it; `default` last".to_owned(),
    }
}

fn step(draft: &mut Draft<'_, '_>, tag: &TagMove) {
    let situation = draft.situation;
    let validator = if tag.tag.as_str() == "default" { " + default validator" } else { "" };
    let title = format!("tag {} → {}{validator}", tag.tag, situation.revision);
    let mut step = draft.step(format!("tag-{}", tag.tag), Stage::Tag, Layer::Tags, title);
    step.reason = reason(tag);
    let waits_for = draft.aside_of(followers(draft, tag).iter());
    step.needs.extend(waits_for);
    step.actions.push(Action {
        phase: 0,
        kind: ActionKind::SetTag {
            tag: tag.tag.clone(),
            from: Some(tag.from.clone()),
            to: situation.revision.clone(),
        },
        preconditions: vec![
            Precondition::TagIs { tag: tag.tag.clone(), revision: Some(tag.from.clone()) },
            Precondition::RevisionReady { revision: situation.revision.clone() },
        ],
    });
    relabel(draft, &mut step, &tag.returns, 1);
    step.bake_seconds = situation.limits.bake_seconds_wave;
    step.undo = StepUndo::Inverse { how: format!("labels first, then the tag back to {}", tag.from) };
    if let Some(bound) = draft.survey.bound.get(tag.tag.as_str()) {
        step.may_move = bound.movers.iter().map(|mover| mover.workload().clone()).collect();
        step.may_move.extend(bound.by_itself.iter().cloned());
    }
    draft.push(step);
}

/// Labels and proofs of namespaces that get another name for the same revision.
pub(super) fn relabel(draft: &Draft<'_, '_>, step: &mut Step, relabels: &[Relabel], phase: u32) {
    let situation = draft.situation;
    for one in relabels {
        step.actions.push(wave_step::select(situation, &one.namespace, &one.from, &one.to, phase));
    }
    let mut settle = 0;
    for one in relabels {
        let proof = wave_step::prove(situation, &one.namespace, &one.templates, true, phase + 1);
        settle = if proof.is_some() { situation.limits.selector_settle_seconds } else { settle };
        step.actions.extend(proof);
    }
    let injects =
        relabels.iter().filter_map(|one| wave_step::injects(situation, &one.namespace, &one.templates));
    step.gates = injects.collect();
    step.gates.push(Gate::NoNewFindings);
    let count = i64::try_from(relabels.len()).unwrap_or(i64::MAX);
    step.undo_seconds = WRITE_SECONDS * (count + 1);
    step.expected_seconds = WRITE_SECONDS * (count + 1) + settle + PROOF_SECONDS * count;
}

fn reason(tag: &TagMove) -> String {
    let names: Vec<&str> = tag.returns.iter().map(|one| one.namespace.as_str()).collect();
    let returns = if names.is_empty() {
        "nothing follows it any more".to_owned()
    } else {
        format!("all that followed it has moved; labels return to it without a restart: {}", names.join(", "))
    };
    let two: Vec<&str> = tag
        .returns
        .iter()
        .filter(|one| one.to.injection.is_some())
        .map(|one| one.namespace.as_str())
        .collect();
    let injection = if two.is_empty() { "" } else { " (by istio-injection=enabled alone)" };
    format!("{returns}{injection}")
}

/// Namespaces that the tag decides, or will decide.
fn followers(draft: &Draft<'_, '_>, tag: &TagMove) -> BTreeSet<String> {
    let namespaces = draft.situation.mesh.namespaces.values();
    let follows = namespaces.filter(|facts| facts.follows == Follows::Tag { tag: tag.tag.clone() });
    let follows = follows.map(|facts| facts.name.clone());
    follows.chain(tag.returns.iter().map(|one| one.namespace.clone())).collect()
}

/// Workloads that an action may bring the new proxy without restarting them.
pub(super) fn uninjected(draft: &Draft<'_, '_>, namespace: &str) -> Vec<ObjectRef> {
    let workloads = draft.situation.mesh.workloads.values();
    let here = workloads.filter(|one| one.workload.namespace == namespace && !one.pod_bound);
    let bare = here.filter(|one| !one.pods.is_empty() && !one.now.keys().any(Option::is_some));
    bare.map(|one| one.workload.clone()).collect()
}
