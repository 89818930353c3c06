//! The new revision beside the old one, with the old one's settings.

use meshlift_mesh::Revision;
use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::defaults::ISTIOD_REPLICAS_MIN;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Layer, Stage, StepUndo, WaitingOn};

use super::draft::Draft;
use crate::safety::render;
use crate::situation::{ControlPlane, Situation};
use crate::survey::{names, waits_because};
use crate::times::ISTIOD_SECONDS;

/// True if the new revision is to be installed: it is not there, and something could move to it.
pub(super) fn is_wanted(draft: &Draft<'_, '_>) -> bool {
    let survey = draft.survey;
    let bound = survey.bound.values().any(|bound| !bound.movers.is_empty());
    let moves = !survey.sites.is_empty() || !survey.gateways.is_empty() || !survey.tags.is_empty() || bound;
    draft.situation.control_plane == ControlPlane::Missing && (moves || !draft.leaving().is_empty())
}

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let situation = draft.situation;
    if !is_wanted(draft) {
        return match situation.control_plane {
            ControlPlane::Installed => {
                format!("{} is complete and runs {} already", situation.revision, situation.target)
            }
            ControlPlane::Missing | ControlPlane::Half { .. } => {
                "nothing can move to the new revision yet".to_owned()
            }
        };
    }
    let (revision, replicas_min) = (&situation.revision, replicas_min(situation));
    let old: Vec<&str> = situation.old.iter().map(|one| one.as_str()).collect();
    let title = format!("istiod {revision} beside {} ({replicas_min} replicas)", old.join(", "));
    let mut step = draft.step("control-plane", Stage::ControlPlane, Layer::ControlPlane, title);
    step.reason = format!(
        "nothing follows {revision} yet: it is tried before anything depends on it; {replicas_min} replicas, so \
         that one node can be lost and rollback finds the old one as large as it was"
    );
    let mut preconditions = super::crds::old_ready(situation);
    let created =
        situation.manifest.map(|manifest| render::created(situation.mesh, manifest)).unwrap_or_default();
    let deployments = created.iter().filter(|object| object.kind == "Deployment");
    preconditions.extend(deployments.map(|object| Precondition::Absent { object: object.clone() }));
    step.actions = vec![Action {
        phase: 0,
        kind: ActionKind::InstallRevision {
            manifest_digest: super::crds::manifest_digest(situation),
            revision: revision.clone(),
            replicas_min,
            creates: created,
        },
        preconditions,
    }];
    let healthy = Gate::RevisionHealthy { revision: revision.clone(), ready_min: replicas_min };
    step.gates = vec![healthy, Gate::NothingMoved, Gate::NoNewFindings];
    step.bake_seconds = situation.limits.bake_seconds_control_plane;
    step.undo = StepUndo::Inverse { how: format!("what was created for {revision} is removed again") };
    step.undo_seconds = ISTIOD_SECONDS;
    step.expected_seconds = ISTIOD_SECONDS;
    draft.push(step);
    format!("{revision} is not installed yet")
}

/// As many istiods as the old revision has, at least [`ISTIOD_REPLICAS_MIN`].
fn replicas_min(situation: &Situation<'_>) -> i32 {
    let old = situation.mesh.revisions.values().filter(|one| situation.old.contains(&one.name));
    old.map(|one| one.replicas).max().unwrap_or_default().max(ISTIOD_REPLICAS_MIN)
}

/// Why nothing may begin for the sake of the control planes.
pub(crate) fn obstacles(situation: &Situation<'_>) -> Vec<WaitingOn> {
    let mut all: Vec<WaitingOn> = situation.mesh.revisions.values().filter_map(unknown_version).collect();
    let subject = || ObjectRef::cluster("Revision", situation.revision.as_str());
    match &situation.control_plane {
        ControlPlane::Installed => {}
        ControlPlane::Half { missing } => {
            let reason = format!(
                "is half installed and is not reused; it lacks {}: complete it as it was begun, or remove it",
                names(missing)
            );
            all.push(waits_because(subject(), reason, Vec::new()));
        }
        ControlPlane::Missing => {
            let reasons =
                situation.manifest.map(|manifest| render::blocks(situation, manifest)).unwrap_or_default();
            all.extend(reasons.into_iter().map(|reason| waits_because(subject(), reason, Vec::new())));
        }
    }
    all
}

/// A revision that serves pods and does not tell its version: unknown blocks.
fn unknown_version(revision: &Revision) -> Option<WaitingOn> {
    let unknown = revision.version.is_none() && revision.pods > 0 && revision.deployment.is_some();
    unknown.then(|| {
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        waits_because(subject, "serves pods, and its version cannot be told".to_owned(), Vec::new())
    })
}
