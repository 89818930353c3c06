//! Surge, unavailability, and the three states of a rollout (`deployment/util/deployment_util.go`).

use meshlift_model::k8s::{Deployment, DeploymentStatus, IntOrString};
use meshlift_model::time::Time;

/// A deadline of this many seconds is none.
const NO_DEADLINE: i32 = i32::MAX;

/// Surge and unavailability of a rolling update, percentages resolved; both zero means one unavailable
/// (`ResolveFenceposts`).
pub(super) fn fenceposts(deployment: &Deployment) -> (i32, i32) {
    let desired = deployment.spec.replicas.unwrap_or(1);
    let quarter = IntOrString::String("25%".to_owned());
    let rolling = deployment.spec.strategy.rolling_update.as_ref();
    let scaled = |limit: Option<&IntOrString>, round_up: bool| {
        limit.unwrap_or(&quarter).scaled(desired, round_up).unwrap_or(0)
    };
    let surge = scaled(rolling.and_then(|limits| limits.max_surge.as_ref()), true);
    let unavailable = scaled(rolling.and_then(|limits| limits.max_unavailable.as_ref()), false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// True unless the strategy is `Recreate`.
pub(super) fn is_rolling(deployment: &Deployment) -> bool {
    deployment.spec.strategy.type_ != "Recreate"
}

/// Pods above the desired count (`MaxSurge`).
pub(super) fn max_surge(deployment: &Deployment) -> i32 {
    if is_rolling(deployment) { fenceposts(deployment).0 } else { 0 }
}

/// Pods that may be missing (`MaxUnavailable`).
pub(super) fn max_unavailable(deployment: &Deployment) -> i32 {
    let desired = deployment.spec.replicas.unwrap_or(1);
    if !is_rolling(deployment) || desired == 0 { 0 } else { fenceposts(deployment).1.min(desired) }
}

/// All replicas are updated and available, and no old pod is left (`DeploymentComplete`).
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let desired = deployment.spec.replicas.unwrap_or(1);
    status.updated_replicas == desired
        && status.replicas == desired
        && status.available_replicas == desired
        && status.observed_generation >= deployment.metadata.generation
}

/// More updated, ready or available pods, or fewer old ones, than the status said before
/// (`DeploymentProgressing`).
pub(super) fn is_progressing(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let before = &deployment.status;
    let old = |status: &DeploymentStatus| status.replicas - status.updated_replicas;
    status.updated_replicas > before.updated_replicas
        || old(status) < old(before)
        || status.ready_replicas > before.ready_replicas
        || status.available_replicas > before.available_replicas
}

/// The deadline in seconds, if there is one.
pub(super) fn progress_deadline_seconds(deployment: &Deployment) -> Option<i64> {
    deployment.spec.progress_deadline_seconds.filter(|seconds| *seconds != NO_DEADLINE).map(i64::from)
}

/// The last progress is longer ago than the deadline (`DeploymentTimedOut`).
pub(super) fn is_timed_out(deployment: &Deployment, status: &DeploymentStatus, now: Time) -> bool {
    let Some(deadline) = progress_deadline_seconds(deployment) else { return false };
    let progressing = status.conditions.iter().find(|condition| condition.type_ == "Progressing");
    match progressing {
        None => false,
        Some(condition) if condition.reason == "NewReplicaSetAvailable" => false,
        Some(condition) if condition.reason == "ProgressDeadlineExceeded" => true,
        Some(condition) => condition.last_update_time.is_some_and(|since| since.plus_seconds(deadline) < now),
    }
}
