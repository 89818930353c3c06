//! Namespaces that only need another name for the revision that they run.

use meshlift_model::plan::{Layer, Stage, StepUndo};

use super::draft::Draft;
use super::tags::{relabel, uninjected};
use crate::survey::names;

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let relabels = &draft.survey.relabels;
    if relabels.is_empty() {
        return "no namespace needs another name alone".to_owned();
    }
    let spaces: Vec<&str> = relabels.iter().map(|one| one.namespace.as_str()).collect();
    let mut step =
        draft.step("relabel", Stage::Relabel, Layer::Tags, format!("labels of {}", names(&spaces)));
    let to: Vec<String> = relabels.iter().map(|one| format!("{} to {}", one.namespace, one.to)).collect();
    step.reason =
        format!("no restart: what runs there stays as it is, new pods get it too ({})", to.join(", "));
    step.needs.extend(draft.aside_of(relabels.iter().map(|one| &one.namespace)));
    relabel(draft, &mut step, relabels, 0);
    step.may_move = relabels.iter().flat_map(|one| uninjected(draft, &one.namespace)).collect();
    step.undo = StepUndo::Inverse { how: "former labels".to_owned() };
    draft.push(step);
    "as the intent says, or because a namespace without pods names an old revision".to_owned()
}
