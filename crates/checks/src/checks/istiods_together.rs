//! ML5022: all istiods of a revision on one node.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5022",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "All of its istiods are on one node",
        // The scheduler's chance: an istiod that restarts while a run goes on must not hold it.
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "spread the istiods of this revision over nodes before the upgrade begins",
        why: "More than one istiod is there so that one may go. On one node all of them go together, when the node is \
              drained, upgraded or lost: then no pod can be injected, and proxies get no news until they are elsewhere. An \
              upgrade makes pods all the time.",
        see: "`kubectl get pods -n istio-system -l app=istiod -o wide`: column NODE.",
        fix: "`kubectl delete pod` of one of them makes the scheduler choose again. To keep them apart, set \
              `pilot.topologySpreadConstraints` or `pilot.affinity` (helm; `values.` before it with istioctl).",
        sources: &[
            "https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models",
            "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // On the only node there is, they cannot be apart.
    if context.objects().nodes.len() < 2 {
        return Vec::new();
    }
    let system = &context.mesh.system_namespaces;
    let hits = context.mesh.used_revisions().filter_map(|revision| {
        let pod = |name: &String| {
            system.iter().find_map(|namespace| context.object::<Pod>(&ObjectRef::new("Pod", namespace, name)))
        };
        let nodes: Vec<&str> =
            revision.istiods.iter().filter_map(pod).map(|pod| pod.spec.node_name.as_str()).collect();
        let places: BTreeSet<&str> = nodes.iter().copied().collect();
        let [place] = Vec::from_iter(places)[..] else { return None };
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        (nodes.len() > 1 && !place.is_empty()).then(|| {
            Hit::new(&subject, format!("{} istiods, all on node {place}", nodes.len()))
                .because(format!("{} spec.nodeName={place}", revision.istiods.join(", ")))
        })
    });
    hits.collect()
}
