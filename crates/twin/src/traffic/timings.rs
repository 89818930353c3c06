//! The kubelet's times, as the corner has them.

use meshlift_model::k8s::Pod;
use meshlift_model::time::Time;

use super::corner::Corner;
use super::life::{ProxyKind, birth, death, proxy_kind};
use crate::kubelet::{PodStart, PodTimings};
use crate::seed::Seed;
use crate::store::Store;
use meshlift_model::traffic_constants as numbers;

/// Work of a pod that ends by itself, in milliseconds: assumption.
const JOB_MILLIS: (i64, i64) = (5_000, 20_000);

/// Pods start and stop as the traffic model says for one corner. Scheduling and pulling take no time.
#[derive(Clone, Copy, Debug)]
pub struct CornerTimings {
    corner: Corner,
    seed: Seed,
}

impl CornerTimings {
    /// Timings of a corner; the seed draws how long Jobs work.
    #[must_use]
    pub fn new(corner: Corner, seed: u64) -> Self {
        Self { corner, seed: Seed::new(seed).child("corner-timings") }
    }
}

/// From a pod's deletion to the moment when the slowest usual client knows.
#[must_use]
pub fn known_millis(pod: &Pod, corner: Corner) -> i64 {
    let mesh = corner.slice_millis() + numbers::DEBOUNCE_QUIET_MILLIS + corner.push_millis();
    let nodes = corner.slice_millis() + corner.kube_proxy_millis();
    let balancer = if proxy_kind(pod) == ProxyKind::Alone { corner.load_balancer_millis() } else { 0 };
    mesh.max(nodes).max(balancer)
}

impl PodTimings for CornerTimings {
    fn start(&mut self, pod: &Pod, store: &Store) -> PodStart {
        let address_at = store.now();
        let ready_at = address_at.plus_millis(birth(pod, self.corner).ready_millis);
        let ends = matches!(pod.spec.restart_policy.as_str(), "Never" | "OnFailure");
        let work = self.seed.child(&pod.metadata.uid).between(JOB_MILLIS.0, JOB_MILLIS.1);
        PodStart {
            address_at,
            ready_at: Some(ready_at),
            finished_at: ends.then(|| (ready_at.plus_millis(work), true)),
        }
    }

    fn gone_at(&mut self, pod: &Pod, store: &Store) -> Time {
        let known = known_millis(pod, self.corner);
        store.now().plus_millis(death(pod, self.corner, known).ended_millis)
    }
}
