//! ML6004: agents of nodes that are not ready.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DaemonSet, Pod};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Nodes that are named.
const NAMED_MAX: usize = 3;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6004",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "An agent of the nodes is not ready everywhere",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "bring the agent up on these nodes before anything moves there",
        why: "No new pod of the mesh starts on a node where istio-cni does not run: its sandbox cannot be set up. And where \
              ztunnel does not run, pods of the ambient mesh that are there have no connections at all. An upgrade that begins \
              so cannot tell its own losses from these.",
        see: "`kubectl get daemonset -A`: DESIRED and READY of istio-cni-node and ztunnel; `kubectl describe pod \
              NAME -n NAMESPACE` of the one that is not ready.",
        fix: "Look at its log: an image that cannot be pulled, a token that ended (\"Unauthorized\" in the events of other \
              pods), no room on the node.",
        sources: &[
            "https://istio.io/latest/docs/setup/additional-setup/cni/#race-condition--mitigation",
            "https://github.com/istio/istio/issues/57438",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ambient = &context.mesh.ambient;
    ambient.cni.iter().chain(&ambient.ztunnels).filter_map(|agent| hit(context, agent)).collect()
}

fn hit(context: &Context<'_>, agent: &ObjectRef) -> Option<Hit> {
    let status = &context.object::<DaemonSet>(agent)?.status;
    if status.number_ready >= status.desired_number_scheduled {
        return None;
    }
    let pods =
        context.mesh.workloads.get(agent).map(|workload| context.running_pods(workload)).unwrap_or_default();
    let unready: BTreeSet<&str> =
        pods.iter().filter(|(pod, _)| !pod.is_ready()).map(|(pod, _)| pod.spec.node_name.as_str()).collect();
    let enrolled = context.mesh.ambient.enrolled.iter().filter_map(|pod| context.object::<Pod>(pod));
    let beside = enrolled.filter(|pod| unready.contains(pod.spec.node_name.as_str())).count();
    let of_pods = if beside > 0 {
        format!("; {beside} pods of the ambient mesh are on nodes without")
    } else {
        String::new()
    };
    let detail = format!("{} of {} are ready{of_pods}", status.number_ready, status.desired_number_scheduled);
    let named: Vec<&str> = unready.into_iter().filter(|name| !name.is_empty()).take(NAMED_MAX).collect();
    let hit = Hit::new(agent, detail).because(format!("{agent} numberReady={}", status.number_ready));
    Some(if named.is_empty() { hit } else { hit.because(format!("not ready on {}", named.join(", "))) })
}
