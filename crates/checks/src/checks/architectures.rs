//! ML1056: nodes of several architectures, and an image that may not be made for all.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Hubs that hold every image for amd64 and arm64.
const OFFICIAL: [&str; 4] = ["docker.io/istio", "istio", "gcr.io/istio-release", "registry.istio.io/release"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1056",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Whether its proxy image runs on every node is not known",
        severity: Severity::Info,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "make sure that the image of the target is there for every architecture",
        why: "Nodes are of more than one architecture, and the proxy's image does not come from Istio itself. A \
              mirror that holds one of them alone works until a new pod lands on the other: exec format error.",
        see: "`docker manifest inspect IMAGE`, for the image of the target; `kubectl get nodes -L \
              kubernetes.io/arch`.",
        fix: "Mirror the whole manifest list (`crane copy`, `skopeo copy --all`).",
        sources: &["https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch"],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let nodes = context.objects().nodes.iter().map(|node| node.status.node_info.architecture.as_str());
    let kinds: BTreeSet<&str> = nodes.filter(|name| !name.is_empty()).collect();
    if kinds.len() < 2 {
        return Vec::new();
    }
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(" and ");
    let mut mirrors: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in context.restarted() {
        let hub = context.proxy(workload).and_then(|proxy| proxy.image.rsplit_once('/')).map(|(hub, _)| hub);
        if let Some(hub) = hub.filter(|hub| !OFFICIAL.contains(hub)) {
            *mirrors.entry(hub).or_default() += 1;
        }
    }
    let hits = mirrors.into_iter().map(|(hub, workloads)| {
        let subject = ObjectRef::cluster("Cluster", "kubernetes");
        Hit::new(&subject, format!("nodes are {kinds}; {workloads} workloads take their proxy from {hub}"))
            .because(hub)
    });
    hits.collect()
}
