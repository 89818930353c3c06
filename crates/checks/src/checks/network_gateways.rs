//! ML3011: gateways between networks that take their share at once.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::facts::Workload;
use meshlift_model::defaults::NETWORK_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, Service};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};

/// Makes a Service of type NodePort one that istiod knows by the addresses of nodes.
const NODES: &str = "traffic.istio.io/nodeSelector";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3011",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A second gateway between networks takes its share of requests at once",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "take the label off its Service until the gateway is tried, or let the new pods stand behind the Service of the old ones",
        why: "The istiods of all clusters know each Service with label topology.istio.io/network that has an address from outside, \
              whether pods are behind it or not, and give each address of a network the same weight. A gateway of a new \
              revision beside the old one, or one whose pods are gone, takes its share of what other networks send as soon as \
              it has an address. It cannot be weighted. The twin has one cluster alone: a rehearsal does not show it.",
        see: "`kubectl get service -A -l topology.istio.io/network -L topology.istio.io/network`; from another cluster, \
              `istioctl proxy-config endpoints POD -n NAMESPACE --cluster 'outbound|PORT||HOST'`: addresses of both.",
        fix: "`kubectl label service NAME -n NAMESPACE topology.istio.io/network-` hides it. Try it by a request to its address, then \
              set the label: it takes its share. Take the label off the old one before its pods go.",
        sources: &[
            "https://github.com/istio/istio/issues/53690",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/serviceregistry/kube/controller/network.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/xds/endpoints/ep_filters.go",
        ],
    },
    needs: &[WORKLOADS, SERVICES],
    find: Find::Mesh(find),
};

/// A Service that istiods take for a gateway of a network.
struct Known<'a> {
    service: ObjectRef,
    revisions: BTreeSet<&'a RevisionName>,
    is_ready: bool,
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut networks: BTreeMap<&str, Vec<&Service>> = BTreeMap::new();
    for service in context.objects().services.iter().filter(|service| has_address(service)) {
        let network = service.metadata.label(NETWORK_LABEL).filter(|network| !network.is_empty());
        network.into_iter().for_each(|network| networks.entry(network).or_default().push(service));
    }
    networks.retain(|_, services| services.len() > 1);
    if networks.is_empty() {
        return Vec::new();
    }
    let mut behind: BTreeMap<&ObjectRef, Vec<&Workload>> = BTreeMap::new();
    for workload in context.mesh.workloads.values() {
        workload.services.iter().for_each(|service| behind.entry(service).or_default().push(workload));
    }
    let known = |service: &&Service| {
        // What stands behind one without a selector, somebody else knows.
        let is_elsewhere = service.spec.selector.is_empty();
        let service = service.object_ref();
        let workloads = behind.get(&service).map_or(&[][..], Vec::as_slice);
        let revisions = workloads.iter().flat_map(|workload| workload.now.keys().flatten()).collect();
        let mut pods = workloads.iter().flat_map(|workload| context.running_pods(workload));
        let is_ready = is_elsewhere || pods.any(|(_, pod)| pod.ready && !pod.terminating);
        Known { service, revisions, is_ready }
    };
    let hits = networks.into_iter().filter_map(|(network, services)| {
        judge(context, network, &services.iter().map(known).collect::<Vec<_>>())
    });
    hits.flatten().collect()
}

/// True for what istiod can tell other clusters to connect to, once it is given an address.
fn has_address(service: &Service) -> bool {
    let by_nodes = service.metadata.annotation(NODES).is_some();
    service.spec.type_ == "LoadBalancer" || service.spec.type_ == "NodePort" && by_nodes
}

/// Of the gateways of one network: those without pods, and else those of the newest revision, where there are several.
fn judge(context: &Context<'_>, network: &str, gateways: &[Known<'_>]) -> Option<Vec<Hit>> {
    let share = format!("of {} gateways of network {network} with the same weight", gateways.len());
    let hit = |gateway: &Known<'_>, what: &str| {
        let others = gateways.iter().filter(|other| other.service != gateway.service);
        others.fold(Hit::new(&gateway.service, format!("it is one {share}; {what}")), |hit, other| {
            hit.because(format!("{} has {NETWORK_LABEL}={network} too", other.service))
        })
    };
    let dead = gateways.iter().filter(|gateway| !gateway.is_ready);
    let dead: Vec<Hit> = dead.map(|gateway| hit(gateway, "no pod behind it is ready")).collect();
    if !dead.is_empty() {
        return Some(dead);
    }
    let all: BTreeSet<_> = gateways.iter().flat_map(|gateway| gateway.revisions.iter().copied()).collect();
    let version = |revision: &&RevisionName| context.version_of(revision);
    let newest = all.iter().copied().max_by_key(version)?;
    let is_new = |gateway: &&Known<'_>| gateway.revisions.contains(newest);
    let words = format!("its pods follow {newest}");
    let mut known = gateways.iter().filter(|gateway| !gateway.revisions.is_empty());
    let are_several = known.any(|gateway| !gateway.revisions.contains(newest));
    are_several.then(|| gateways.iter().filter(is_new).map(|gateway| hit(gateway, &words)).collect())
}
