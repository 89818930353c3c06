//! The old istiod at 0 replicas, its webhooks still there: a forgotten follower is refused aloud instead of starting
//! without a sidecar, and undo takes seconds.

use meshlift_mesh::Revision;
use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::plan::{Gate, Layer, Stage, StepUndo};

use super::draft::Draft;
use crate::situation::Situation;
use crate::times::{ISTIOD_SECONDS, WRITE_SECONDS};

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let leaving: Vec<&Revision> =
        draft.leaving().into_iter().filter(|revision| revision.replicas > 0).collect();
    if leaving.is_empty() {
        return "no old istiod runs that may be scaled down".to_owned();
    }
    let names: Vec<&str> = leaving.iter().map(|revision| revision.name.as_str()).collect();
    let mut step =
        draft.step("dark", Stage::Dark, Layer::ControlPlane, format!("istiod {} to 0", names.join(", ")));
    step.reason = "what was forgotten is refused aloud while its webhooks are there; an autoscaler leaves a \
                   Deployment at 0 replicas alone"
        .to_owned();
    step.actions = leaving.iter().filter_map(|revision| scale(draft.situation, revision)).collect();
    let consumers = leaving.iter().map(|revision| Gate::NoConsumers { revision: revision.name.clone() });
    step.gates = consumers.chain([Gate::NoNewFindings]).collect();
    step.bake_seconds = draft.situation.limits.old_istiod_dark_seconds;
    step.undo = StepUndo::Inverse { how: "replicas as they were".to_owned() };
    step.undo_seconds = ISTIOD_SECONDS;
    step.expected_seconds = WRITE_SECONDS;
    draft.push(step);
    "reversible before it is removed".to_owned()
}

fn scale(situation: &Situation<'_>, revision: &Revision) -> Option<Action> {
    let workload = revision.deployment.clone()?;
    let uid = situation.mesh.workloads.get(&workload).map(|facts| facts.uid.clone());
    let mut preconditions = vec![
        Precondition::Exists { object: workload.clone(), uid },
        Precondition::NoConsumers { revision: revision.name.clone() },
        Precondition::RevisionReady { revision: situation.revision.clone() },
    ];
    if revision.autoscaler.is_none() {
        preconditions
            .push(Precondition::ReplicasAre { object: workload.clone(), replicas: revision.replicas });
    }
    let kind = ActionKind::Scale { workload, from: revision.replicas, to: 0 };
    Some(Action { phase: 0, kind, preconditions })
}
