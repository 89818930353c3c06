//! Every workload with the revisions that its pods are on, and every Gateway: did anything move?

use std::collections::BTreeSet;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::digest::short_digest;
use meshlift_model::effect::Observation;
use meshlift_model::injection::is_istiod;
use meshlift_model::k8s::{Gateway, Pod, Resource};

use crate::source::{ObjectSource, workload_of};

/// The census. Pods come and go by themselves on the same revision (an autoscaler, an eviction): that moves nothing.
/// istiod's own pods and those of Jobs do not count.
#[must_use]
pub fn census(source: &impl ObjectSource) -> Observation {
    let counts = |pod: &&Pod| {
        let by_job = pod.metadata.controller().is_some_and(|owner| owner.kind == "Job");
        !pod.is_finished() && !by_job && !is_istiod(pod)
    };
    let pods: Vec<&Pod> = source.list_all::<Pod>().filter(counts).collect();
    let revision = |pod: &Pod| pod.metadata.annotation(REV_LABEL).unwrap_or("-").to_owned();
    let lines: BTreeSet<String> =
        pods.iter().map(|pod| format!("{} {}\n", workload_of(pod, source), revision(pod))).collect();
    let mut text: String = lines.into_iter().collect();
    for gateway in source.list_all::<Gateway>() {
        text.push_str(&format!("{} {}\n", gateway.object_ref(), gateway.metadata.generation));
    }
    Observation::Census { pods: pods.len(), digest: short_digest(text.as_bytes()) }
}
