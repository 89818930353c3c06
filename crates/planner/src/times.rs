//! How long things take, predicted from what the mesh tells. Predictions only: deadlines are far above them.

use std::collections::BTreeMap;

use meshlift_mesh::{Mesh, RolloutRules};
use meshlift_model::defaults::CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX;
use meshlift_model::names::ObjectRef;

/// A pod's start where none was seen: image there, proxy and app started (assumption).
const POD_READY_SECONDS: i64 = 20;
/// Termination of a pod that serves to the end of its drain: proxies drain for 5 s by default (assumption).
const POD_STOP_SECONDS: i64 = 10;
/// One look of the engine at a rollout, and the controller's own reaction (assumption).
const REACTION_SECONDS: i64 = 5;
/// One write and its answer.
pub(crate) const WRITE_SECONDS: i64 = 1;
/// Dry-run creations of one namespace (assumption: a few a second).
pub(crate) const PROOF_SECONDS: i64 = 5;
/// A new istiod until it is ready and serves (assumption).
pub(crate) const ISTIOD_SECONDS: i64 = 60;
/// CRDs applied and established.
pub(crate) const CRDS_SECONDS: i64 = 60;

/// Longest time that a running pod of each workload took from creation to Ready, in whole seconds.
pub(crate) fn ready_seconds(mesh: &Mesh) -> BTreeMap<ObjectRef, i64> {
    let mut longest = BTreeMap::new();
    let pods = mesh.snapshot.objects.pods.iter();
    for pod in pods {
        let reference = ObjectRef::new("Pod", &pod.metadata.namespace, &pod.metadata.name);
        let Some(facts) = mesh.pods.get(&reference) else { continue };
        let ready = pod.status.conditions.iter().find(|one| one.type_ == "Ready" && one.status == "True");
        let since = ready.and_then(|condition| condition.last_transition_time);
        let (Some(created), Some(since)) = (pod.metadata.creation_timestamp, since) else { continue };
        let seconds = since.millis_since(created).max(0).div_euclid(1000);
        let entry = longest.entry(facts.workload.clone()).or_insert(seconds);
        *entry = seconds.max(*entry);
    }
    longest
}

/// What a restart's duration follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Desired pods.
    pub(crate) replicas: i32,
    /// Seconds from creation to Ready; absent where no pod was seen.
    pub(crate) ready_seconds: Option<i64>,
    /// minReadySeconds.
    pub(crate) min_ready_seconds: i32,
    /// New pods are made one after another, as a StatefulSet makes them.
    pub(crate) in_turn: bool,
}

/// Seconds that moving all pods takes under these rules.
pub(crate) fn move_seconds(rules: &RolloutRules, pace: Pace) -> i64 {
    let start = pace.ready_seconds.unwrap_or(POD_READY_SECONDS) + i64::from(pace.min_ready_seconds);
    let at_once = match rules {
        RolloutRules::Rolling { max_unavailable, max_surge, .. }
        | RolloutRules::PerNode { max_unavailable, max_surge } => max_unavailable + max_surge,
        _ if pace.in_turn => 1,
        RolloutRules::Recreate => pace.replicas,
        RolloutRules::Ordered { .. }
        | RolloutRules::OnDelete
        | RolloutRules::NextRun
        | RolloutRules::Bare
        | RolloutRules::Foreign { .. } => 1,
    };
    let batches = i64::from((pace.replicas + at_once.max(1) - 1) / at_once.max(1));
    batches * (start + POD_STOP_SECONDS) + REACTION_SECONDS
}

/// Seconds for which all workloads of a step roll, as many at once as the limits let: each in turn to the lane
/// that is free first.
pub(crate) fn step_seconds<'a>(
    workloads: impl IntoIterator<Item = (&'a str, i64)>,
    concurrent_workloads_max: usize,
) -> i64 {
    let mut lanes = vec![0_i64; concurrent_workloads_max.max(1)];
    let mut namespaces: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (namespace, seconds) in workloads {
        let own =
            namespaces.entry(namespace).or_insert_with(|| vec![0; CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX]);
        let (Some(lane), Some(own)) = (lanes.iter_mut().min(), own.iter_mut().min()) else { continue };
        let end = (*lane).max(*own) + seconds;
        *lane = end;
        *own = end;
    }
    lanes.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_workloads_of_a_namespace_roll_at_once_and_ten_in_all() {
        assert_eq!(step_seconds([("a", 10), ("a", 10), ("a", 10)], 10), 20);
        assert_eq!(step_seconds([("a", 10), ("b", 10), ("c", 10)], 10), 10);
        assert_eq!(step_seconds([("a", 10), ("b", 10), ("c", 10)], 1), 30);
        assert_eq!(step_seconds([], 10), 0);
    }

    #[test]
    fn pods_that_roll_one_by_one_take_longer() {
        let pace = Pace { replicas: 4, ready_seconds: Some(5), min_ready_seconds: 15, in_turn: false };
        let one_by_one = move_seconds(&RolloutRules::ordered(0, None, 4), pace);
        assert_eq!(one_by_one, 4 * (5 + 15 + POD_STOP_SECONDS) + REACTION_SECONDS);
        assert!(move_seconds(&RolloutRules::Recreate, pace) < one_by_one);
    }
}
