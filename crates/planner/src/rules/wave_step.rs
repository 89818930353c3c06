//! A step that moves namespaces: labels, then proof, then workloads.

use std::collections::BTreeSet;

use meshlift_model::action::{Action, ActionKind, Precondition, Selector};
use meshlift_model::defaults::DRY_RUN_PROOFS;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Person, Step, StepUndo};

use super::draft::{Draft, count, moved};
use crate::safety::moves::Mover;
use crate::situation::Situation;
use crate::survey::Site;
use crate::times::{PROOF_SECONDS, WRITE_SECONDS, step_seconds};

/// Phase of the labels.
pub(super) const SELECT: u32 = 0;
/// Phase of the proofs.
pub(super) const PROVE: u32 = 1;
/// Phase of the moves.
pub(super) const MOVE: u32 = 2;

/// Fills a step with the move of these namespaces.
pub(super) fn fill(draft: &Draft<'_, '_>, step: &mut Step, sites: &[&Site], bake_seconds: i64) {
    let situation = draft.situation;
    for site in sites {
        if let Some((from, to)) = &site.selector {
            step.actions.push(select(situation, &site.namespace, from, to, SELECT));
        }
    }
    for site in sites {
        step.actions.extend(prove(
            situation,
            &site.namespace,
            &site.templates,
            site.selector.is_some(),
            PROVE,
        ));
    }
    for site in sites {
        let selector = site.selector.as_ref().map(|(_, to)| to);
        let beside = selector_is(&site.namespace, selector);
        step.actions.extend(site.movers.iter().map(|mover| mover.action(MOVE, &beside)));
        step.may_move.extend(site.may_move.iter().cloned());
    }
    let movers: Vec<&Mover> = sites.iter().flat_map(|site| &site.movers).collect();
    let unmoved = sites.iter().filter(|site| site.movers.is_empty() && site.selector.is_some());
    let injects: Vec<Gate> =
        unmoved.filter_map(|site| injects(situation, &site.namespace, &site.templates)).collect();
    finish(situation, step, &movers, injects, bake_seconds);
}

/// Gates, figures and undo of a step that moves workloads.
pub(super) fn finish(
    situation: &Situation<'_>,
    step: &mut Step,
    movers: &[&Mover],
    more: Vec<Gate>,
    bake_seconds: i64,
) {
    let workloads = moved(&step.actions);
    step.gates = Vec::new();
    if !workloads.is_empty() {
        step.gates.push(Gate::PodsOnRevision { revision: situation.revision.clone(), workloads });
    }
    step.gates.extend(more);
    step.gates.push(Gate::NoNewFindings);
    step.bake_seconds = bake_seconds;
    step.approve_after = true;
    step.pods = movers.iter().map(|mover| mover.pods).sum();
    step.surge_pods = surge_pods(situation, movers);
    step.floors = movers.iter().map(|mover| mover.floor.clone()).collect();
    let namespaces = selected(&step.actions);
    let rolling = rolling_seconds(situation, movers);
    let labels = WRITE_SECONDS * i64::try_from(namespaces.len()).unwrap_or(i64::MAX);
    step.expected_seconds = labels + overhead(&step.actions) + rolling;
    step.undo_seconds = labels + rolling;
    let selectors = if namespaces.is_empty() {
        String::new()
    } else {
        "former labels first, tried by dry runs; then ".to_owned()
    };
    step.undo = StepUndo::Inverse {
        how: format!(
            "{selectors}{} back by the template's former annotation",
            count(movers.len(), "workload")
        ),
    };
}

/// Seconds for settling and proofs.
fn overhead(actions: &[Action]) -> i64 {
    let proofs = actions.iter().filter_map(|action| match &action.kind {
        ActionKind::ProveInjection { settle_seconds, .. } => Some(*settle_seconds),
        _ => None,
    });
    // Settling runs side by side, dry-run creations one namespace after the other.
    let (settle, count) = proofs.fold((0, 0), |(settle, count), one| (one.max(settle), count + 1));
    settle + count * PROOF_SECONDS
}

/// Seconds that the workloads roll.
pub(super) fn rolling_seconds(situation: &Situation<'_>, movers: &[&Mover]) -> i64 {
    let seconds = movers.iter().map(|mover| (mover.workload().namespace.as_str(), mover.seconds));
    step_seconds(seconds, situation.limits.concurrent_workloads_max)
}

/// The largest surges that may come together.
fn surge_pods(situation: &Situation<'_>, movers: &[&Mover]) -> usize {
    let mut surges: Vec<i32> = movers.iter().map(|mover| mover.surge).collect();
    surges.sort_unstable_by(|a, b| b.cmp(a));
    let together: i32 = surges.iter().take(situation.limits.concurrent_workloads_max).sum();
    usize::try_from(together).unwrap_or_default()
}

/// A namespace's label, in one patch.
pub(super) fn select(
    situation: &Situation<'_>,
    namespace: &str,
    from: &Selector,
    to: &Selector,
    phase: u32,
) -> Action {
    Action {
        phase,
        kind: ActionKind::SelectRevision {
            namespace: namespace.to_owned(),
            from: from.clone(),
            to: to.clone(),
        },
        preconditions: vec![
            Precondition::SelectorIs { namespace: namespace.to_owned(), selector: from.clone() },
            Precondition::RevisionReady { revision: situation.revision.clone() },
        ],
    }
}

/// Proof of what new pods of the namespace get; absent where there is no template to try.
pub(super) fn prove(
    situation: &Situation<'_>,
    namespace: &str,
    templates: &[ObjectRef],
    settles: bool,
    phase: u32,
) -> Option<Action> {
    (!templates.is_empty()).then(|| Action {
        phase,
        kind: ActionKind::ProveInjection {
            namespace: namespace.to_owned(),
            revision: situation.revision.clone(),
            workloads: templates.to_vec(),
            settle_seconds: if settles { situation.limits.selector_settle_seconds } else { 0 },
            proofs: DRY_RUN_PROOFS,
        },
        preconditions: vec![Precondition::RevisionReady { revision: situation.revision.clone() }],
    })
}

/// Nobody set the label back meanwhile.
pub(super) fn selector_is(namespace: &str, selector: Option<&Selector>) -> Vec<Precondition> {
    let namespace = namespace.to_owned();
    selector
        .map(|selector| Precondition::SelectorIs { namespace, selector: selector.clone() })
        .into_iter()
        .collect()
}

/// New pods get the new revision; absent where there is no template that could prove it.
pub(super) fn injects(situation: &Situation<'_>, namespace: &str, templates: &[ObjectRef]) -> Option<Gate> {
    let revision = Some(situation.revision.clone());
    (!templates.is_empty()).then(|| Gate::Injects { namespace: namespace.to_owned(), revision })
}

/// Namespaces whose labels a step changes.
pub(super) fn selected(actions: &[Action]) -> BTreeSet<String> {
    let names = actions.iter().filter_map(|action| match &action.kind {
        ActionKind::SelectRevision { namespace, .. } => Some(namespace.clone()),
        _ => None,
    });
    names.collect()
}

/// A person confirms that traffic is away before the step, and brings it back after it.
pub(super) fn failover(step: &str, reasons: &[String]) -> Person {
    Person {
        why: format!("confirm {step}: traffic is elsewhere ({})", reasons.join("; ")),
        commands: Vec::new(),
        approval: false,
    }
}
