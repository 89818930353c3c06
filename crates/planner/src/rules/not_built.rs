//! What this version cannot move yet: one step that always waits, at the end.

use meshlift_model::plan::{Layer, Person, Stage};

use super::draft::{Draft, count};

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let parts = &draft.survey.not_built;
    if parts.is_empty() {
        return "nothing in this mesh is beyond what is built".to_owned();
    }
    let title = format!("not built yet: {}", count(parts.len(), "gateway or node agent"));
    let mut step = draft.step("not-built", Stage::NotBuilt, Layer::Ambient, title);
    step.reason =
        "moving a tag or a namespace's label would roll them in place, at once: nothing that would is \
                   planned"
            .to_owned();
    step.person = Some(Person {
        why: format!("this version of meshlift does not move these yet: {}", parts.join("; ")),
        commands: Vec::new(),
        approval: false,
    });
    step.gates = Vec::new();
    draft.push(step);
    "Gateway API gateways, waypoints and node agents come later".to_owned()
}
