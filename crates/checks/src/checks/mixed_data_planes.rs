//! ML6002: sidecars in an ambient mesh.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
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
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if context.mesh.ambient.ztunnels.is_empty() {
        return Vec::new();
    }
    let mut pods: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in context.proxied().filter(|workload| context.is_injected(workload)) {
        *pods.entry(workload.workload.namespace.as_str()).or_default() += workload.pods.len();
    }
    let recorded = pods.into_iter().filter(|(name, _)| context.mesh.namespaces.contains_key(*name));
    recorded
        .filter(|(_, pods)| *pods > 0)
        .map(|(name, pods)| {
            let subject = ObjectRef::cluster("Namespace", name);
            Hit::new(&subject, format!("{pods} pods with sidecars, beside ztunnel"))
        })
        .collect()
}
