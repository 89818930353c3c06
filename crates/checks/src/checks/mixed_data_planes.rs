//! ML6002: sidecars in an ambient mesh.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML6002",
        layer: Layer::Ambient,
        versions: Versions::Any,
        title: "Sidecars in an ambient mesh",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "it moves like any other namespace; its calls cross both data planes",
        why: "Its pods have sidecars while others are captured by ztunnel. Their calls cross both data planes: \
              each can be a cause of what goes wrong, and waypoints do not see calls as they do from ambient pods.",
        see: "`kubectl get ns -L istio-injection,istio.io/rev,istio.io/dataplane-mode`.",
        fix: "Nothing has to be fixed; restart sidecars and node agents at different times.",
        sources: &["https://istio.io/latest/docs/ambient/migrate/"],
    },
    needs: &[WORKLOADS],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if context.mesh.ambient.ztunnels.is_empty() {
        return Vec::new();
    }
    context
        .mesh
        .namespaces
        .values()
        .filter_map(|namespace| {
            let of = |workload: &&meshlift_mesh::facts::Workload| {
                workload.workload.namespace == namespace.name && context.is_injected(workload)
            };
            let pods: usize = context.proxied().filter(of).map(|workload| workload.pods.len()).sum();
            let subject = ObjectRef::cluster("Namespace", &namespace.name);
            (pods > 0).then(|| Hit::new(&subject, format!("{pods} pods with sidecars, beside ztunnel")))
        })
        .collect()
}
