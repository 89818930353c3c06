//! The observation window: old and new stand side by side, nothing needs the old.

use meshlift_model::plan::{Gate, Layer, Stage};

use super::draft::Draft;

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let leaving: Vec<_> = draft.leaving().into_iter().map(|revision| revision.name.clone()).collect();
    if leaving.is_empty() {
        return "no old revision leaves".to_owned();
    }
    let mut step = draft.step("observe", Stage::Observe, Layer::Run, "observation".to_owned());
    step.reason = "leaks and slow trouble show late; going back is still a matter of restarts".to_owned();
    draft.need_all(&mut step);
    step.gates = leaving.into_iter().map(|revision| Gate::NoConsumers { revision }).collect();
    step.gates.push(Gate::NoNewFindings);
    step.bake_seconds = draft.situation.limits.observation_seconds;
    draft.push(step);
    "everything that needed it has moved".to_owned()
}
