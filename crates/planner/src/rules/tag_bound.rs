//! Workloads that their own template binds to a name: in a wave right after the name means the new revision.

use meshlift_model::plan::{Layer, Stage};

use super::draft::Draft;
use super::wave_step::{self, MOVE, PROVE};
use crate::safety::moves::Mover;
use crate::survey::Bound;

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    if draft.survey.bound.values().all(|bound| bound.movers.is_empty()) {
        return "no workload that its own template binds to a name moves".to_owned();
    }
    "right after their tags: changing their templates would restart them twice".to_owned()
}

/// Workloads bound to names that mean the new revision already.
pub(super) fn of_names_that_moved(draft: &mut Draft<'_, '_>) {
    let survey = draft.survey;
    let moves = |name: &str| survey.tags.iter().any(|tag| tag.tag.as_str() == name);
    for name in survey.bound.keys().filter(|name| !moves(name)) {
        step(draft, name);
    }
    // Gateways likewise: their tag has moved, or is none.
    let gateways =
        survey.gateways.iter().filter(|one| one.tag.as_ref().is_some_and(|tag| !moves(tag.as_str())));
    for gateway in gateways {
        super::gateways::step(draft, gateway);
    }
}

/// The wave of what is bound to one name, if anything is.
pub(super) fn step(draft: &mut Draft<'_, '_>, name: &str) {
    let Some(Bound { tag, movers, .. }) = draft.survey.bound.get(name) else { return };
    if movers.is_empty() {
        return;
    }
    let situation = draft.situation;
    let what = if tag.is_some() { "tag" } else { "revision" };
    let title = format!(
        "bound to {what} {name}: {}",
        movers.iter().map(|one| one.workload().short()).collect::<Vec<_>>().join(", ")
    );
    let mut step = draft.step(format!("tag-bound-{name}"), Stage::TagBound, Layer::Sidecars, title);
    step.reason = format!("their own template names {name}, which means {} now", situation.revision);
    let mut namespaces: Vec<&str> = movers.iter().map(|one| one.workload().namespace.as_str()).collect();
    namespaces.dedup();
    for namespace in namespaces {
        let here = movers.iter().filter(|one| one.workload().namespace == namespace);
        let templates: Vec<_> = here.map(|one| one.workload().clone()).collect();
        step.actions.extend(wave_step::prove(situation, namespace, &templates, true, PROVE));
    }
    step.actions.extend(movers.iter().map(|mover| mover.action(MOVE, &[])));
    let references: Vec<&Mover> = movers.iter().collect();
    wave_step::finish(situation, &mut step, &references, Vec::new(), situation.limits.bake_seconds_wave);
    let failover: Vec<String> = movers.iter().filter_map(|mover| mover.failover.clone()).collect();
    if failover.is_empty() {
        draft.push(step);
    } else {
        step.person = Some(wave_step::failover(&step.id, &failover));
        draft.push_aside(step, movers.iter().map(|one| one.workload().namespace.to_string()).collect());
    }
}
