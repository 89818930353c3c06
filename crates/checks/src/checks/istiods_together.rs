//! ML5022: all istiods of a revision on one node, or in one zone.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Label of nodes (https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone).
const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5022",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "All of its istiods are on one node or in one zone",
        // The scheduler's chance: an istiod that restarts while a run goes on must not hold it.
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "spread the istiods of this revision over nodes and zones before the upgrade begins",
        why: "More than one istiod is there so that one may go. On one node all of them go together, when the node is \
              drained, upgraded or lost, and in one zone when the zone is: then no pod can be injected, and proxies get no \
              news until they are elsewhere. An upgrade makes pods all the time.",
        see: "`kubectl get pods -n istio-system -l app=istiod -o wide`: column NODE; `kubectl get nodes -L \
              topology.kubernetes.io/zone`.",
        fix: "`kubectl delete pod NAME -n istio-system` of one of them makes the scheduler choose again. To keep \
              them apart, set `pilot.topologySpreadConstraints` or `pilot.affinity` (helm; `values.` before it with \
              istioctl).",
        sources: &[
            "https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models",
            "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let nodes = &context.objects().nodes;
    let zone_of: BTreeMap<&str, &str> = nodes
        .iter()
        .filter_map(|node| Some((node.metadata.name.as_str(), node.metadata.label(ZONE)?)))
        .collect();
    // On the only node there is, and in the only zone, they cannot be apart.
    let zones: BTreeSet<&str> = zone_of.values().copied().collect();
    let (has_nodes, has_zones) = (nodes.len() > 1, zones.len() > 1);
    let system = &context.mesh.system_namespaces;
    let hits = context.mesh.used_revisions().filter_map(|revision| {
        let pod = |name: &String| {
            system.iter().find_map(|namespace| context.object::<Pod>(&ObjectRef::new("Pod", namespace, name)))
        };
        let placed = revision.istiods.iter().filter_map(pod).map(|pod| pod.spec.node_name.as_str());
        let placed: Vec<&str> = placed.filter(|node| !node.is_empty()).collect();
        let in_zones: Option<Vec<&str>> = placed.iter().map(|node| zone_of.get(node).copied()).collect();
        let node = only(&placed).filter(|_| has_nodes).map(|node| format!("on node {node}"));
        let zone = || only(&in_zones?).filter(|_| has_zones).map(|zone| format!("in zone {zone}"));
        let place = node.or_else(zone)?;
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        Some(Hit::new(&subject, format!("{} istiods, all {place}", placed.len())).because(format!(
            "{} run on {}",
            revision.istiods.join(", "),
            placed.join(", ")
        )))
    });
    hits.collect()
}

/// The one value that several have.
fn only<'a>(values: &[&'a str]) -> Option<&'a str> {
    let (first, others) = values.split_first()?;
    (!others.is_empty() && others.iter().all(|other| other == first)).then_some(*first)
}
