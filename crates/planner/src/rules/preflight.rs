//! Checks, choices, approvals: what a person says yes to before anything moves.

use meshlift_model::plan::{Gate, Layer, Person, Stage};

use super::draft::{Draft, count};
use crate::situation::ControlPlane;
use crate::survey::Site;

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let survey = draft.survey;
    let moves = !survey.sites.is_empty() || !survey.gateways.is_empty();
    let bound = survey.bound.values().any(|bound| !bound.movers.is_empty());
    if !moves && !bound {
        return "no pod moves: whatever is left proves itself in its own step".to_owned();
    }
    let pods: usize = survey.sites.values().map(Site::pods).sum();
    let choices = count(draft.situation.intent.choices.len(), "choice");
    let mut step =
        draft.step("preflight", Stage::Preflight, Layer::Run, "preflight, choices, approvals".to_owned());
    step.reason = "checks run again, and a person has read the plan, before anything moves".to_owned();
    let installs = draft.situation.control_plane == ControlPlane::Missing;
    let forward_only = if installs { "; the CRDs of the new version stay" } else { "" };
    step.person = Some(Person {
        why: format!(
            "approve the plan: {} in waves, {choices} in the intent{forward_only}",
            count(pods, "pod")
        ),
        commands: Vec::new(),
        approval: true,
    });
    let old = draft.situation.mesh.revisions.values().filter(|one| draft.situation.old.contains(&one.name));
    let healthy = old.filter(|one| one.replicas > 0);
    let healthy = healthy.map(|one| Gate::RevisionHealthy { revision: one.name.clone(), ready_min: 1 });
    step.gates = healthy.chain([Gate::NoNewFindings]).collect();
    draft.push(step);
    "pods move".to_owned()
}
