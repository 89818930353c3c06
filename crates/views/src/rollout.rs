//! Whether a rollout is through, by the rules of `kubectl rollout status`
//! (`k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go`). Sets with OnDelete have no rollout: theirs is
//! through when every pod is of the newest template and Ready.

use meshlift_model::effect::PodView;
use meshlift_model::k8s::{Condition, DaemonSet, Deployment, StatefulSet};

const ON_DELETE: &str = "OnDelete";
const TOO_SLOW: &str = "ProgressDeadlineExceeded";

/// A Deployment's.
pub(crate) fn deployment(deployment: &Deployment) -> bool {
    let (wanted, status) = (deployment.spec.replicas.unwrap_or(1), &deployment.status);
    let late = status.conditions.iter().any(|one| one.type_ == "Progressing" && one.reason == TOO_SLOW);
    status.observed_generation >= deployment.metadata.generation
        && !late
        && status.updated_replicas >= wanted
        && status.replicas <= status.updated_replicas
        && status.available_replicas >= status.updated_replicas
}

/// A StatefulSet's.
pub(crate) fn stateful_set(set: &StatefulSet, pods: &[PodView]) -> bool {
    let (wanted, status, strategy) = (set.spec.replicas.unwrap_or(1), &set.status, &set.spec.update_strategy);
    if status.observed_generation < set.metadata.generation {
        return false;
    }
    if strategy.type_ == ON_DELETE {
        return all_new(pods, wanted);
    }
    let partition = strategy.rolling_update.as_ref().and_then(|rolling| rolling.partition).unwrap_or(0);
    if status.ready_replicas < wanted {
        return false;
    }
    if partition > 0 {
        return status.updated_replicas >= wanted - partition;
    }
    status.update_revision == status.current_revision
}

/// A DaemonSet's.
pub(crate) fn daemon_set(set: &DaemonSet, pods: &[PodView]) -> bool {
    let status = &set.status;
    if status.observed_generation < set.metadata.generation {
        return false;
    }
    if set.spec.update_strategy.type_ == ON_DELETE {
        return all_new(pods, status.desired_number_scheduled);
    }
    status.updated_number_scheduled >= status.desired_number_scheduled
        && status.number_available >= status.desired_number_scheduled
}

fn all_new(pods: &[PodView], wanted: i32) -> bool {
    let new = pods.iter().filter(|pod| pod.updated && !pod.terminating && pod.ready_since.is_some()).count();
    pods.iter().all(|pod| pod.updated) && i32::try_from(new).is_ok_and(|new| new >= wanted)
}

/// Why it cannot go on, in the controller's words.
pub(crate) fn trouble(conditions: &[Condition]) -> Option<String> {
    let failing = |one: &&Condition| {
        (one.type_ == "ReplicaFailure" && one.status == "True")
            || (one.type_ == "Progressing" && one.reason == TOO_SLOW)
    };
    conditions.iter().find(failing).map(|one| {
        let word = if one.type_ == "Progressing" { TOO_SLOW } else { "ReplicaFailure" };
        format!("{word}: {}", one.message)
    })
}
