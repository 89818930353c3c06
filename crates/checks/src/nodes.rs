//! Nodes as the scheduler sees them: what is left on each, and which pods keep others away from theirs.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::EcoString;
use meshlift_model::k8s::{
    Affinity, Node, Objects, Pod, PodAffinity, PodAffinityTerm, PodSpec, Shared, has_all,
};
use meshlift_model::quantity::{Ask, named, of_pod, thousandths};

/// The label that is a node's name.
pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";
/// What the scheduler counts, as far as it decides here.
const RESOURCES: [&str; 2] = ["cpu", "memory"];
/// Effects of taints that keep new pods away.
const KEEPS_AWAY: [&str; 2] = ["NoSchedule", "NoExecute"];

/// All nodes.
pub(crate) struct Nodes<'a> {
    pub(crate) by_name: BTreeMap<&'a str, &'a Node>,
    /// Those that take new pods, those with the most CPU first.
    pub(crate) rooms: Vec<Room<'a>>,
    pub(crate) keepers: Vec<Keeper<'a>>,
}

impl<'a> Nodes<'a> {
    pub(crate) fn new(objects: &'a Objects) -> Self {
        let by_name = objects.nodes.iter().map(|node| (node.metadata.name.as_str(), node)).collect();
        Self { rooms: rooms(objects), keepers: keepers(objects, &by_name), by_name }
    }
}

/// Thousandths of CPU, of bytes, and of pods.
pub(crate) type Amount = [i128; 3];

/// Thousandths of what else a pod asks for, such as devices.
pub(crate) type Further<'a> = BTreeMap<&'a str, i128>;

/// A port of a node, by protocol.
pub(crate) type HostPort<'a> = (i32, &'a str);

/// A node that takes new pods, and what is left on it.
pub(crate) struct Room<'a> {
    pub(crate) node: &'a Node,
    pub(crate) left: Amount,
    pub(crate) taken: BTreeSet<HostPort<'a>>,
    used: Further<'a>,
}

impl Room<'_> {
    /// How many pods that ask for as much it has room for.
    pub(crate) fn times(&self, pod: &PodSpec) -> i128 {
        let wanted = asked(pod);
        let of = |at: usize| self.left[at].max(0).checked_div(wanted[at]).unwrap_or(i128::MAX);
        let times = (0..3).map(of).min().unwrap_or(0);
        if self.has(&further(pod)) { times } else { 0 }
    }

    /// True if this much is left, beside CPU, memory and pods.
    pub(crate) fn has(&self, wanted: &Further<'_>) -> bool {
        wanted.iter().all(|(name, wanted)| {
            let allocatable = self.node.status.allocatable.get(*name).and_then(|text| thousandths(text));
            // A device is on the nodes alone that say so; of all else, one that says nothing has enough.
            let unsaid = if name.contains('/') { 0 } else { i128::MAX };
            let used = self.used.get(name).copied().unwrap_or(0);
            allocatable.unwrap_or(unsaid).saturating_sub(used) >= *wanted
        })
    }
}

/// Nodes that take new pods, those with the most CPU first.
fn rooms(objects: &Objects) -> Vec<Room<'_>> {
    // With names of its own: they are compared for every pod, and those in the pods are far apart.
    let mut used: BTreeMap<EcoString, (Amount, BTreeSet<HostPort<'_>>, Further<'_>)> = BTreeMap::new();
    let mut last: Option<(&PodSpec, Amount, Further<'_>)> = None;
    for pod in objects.pods.iter().filter(|pod| !pod.is_finished() && !pod.spec.node_name.is_empty()) {
        // Pods of a workload come one after another, and ask alike.
        last = last.filter(|(last, _, _)| same_containers(last, &pod.spec));
        let (_, wanted, more) = last.get_or_insert_with(|| (&pod.spec, asked(&pod.spec), further(&pod.spec)));
        let (sum, taken, devices) = used.entry(pod.spec.node_name.clone()).or_default();
        (0..3).for_each(|at| sum[at] = sum[at].saturating_add(wanted[at]));
        taken.extend(host_ports(&pod.spec));
        for (name, asked) in more {
            let sum = devices.entry(*name).or_default();
            *sum = sum.saturating_add(*asked);
        }
    }
    let nodes = objects.nodes.iter().filter(|node| !node.spec.unschedulable);
    let mut rooms: Vec<Room<'_>> = nodes
        .map(|node| {
            let (sum, taken, devices) = used.remove(node.metadata.name.as_str()).unwrap_or_default();
            let has = |resource: &str| {
                // A node that does not say how much it has does not hold anybody back.
                node.status.allocatable.get(resource).and_then(|text| thousandths(text)).unwrap_or(i128::MAX)
            };
            let left = [has("cpu"), has("memory"), has("pods")];
            let left = std::array::from_fn(|at| left[at].saturating_sub(sum[at]));
            Room { node, left, taken, used: devices }
        })
        .collect();
    // Most pods fit on the emptiest node: then one look is enough.
    rooms.sort_by_key(|room| std::cmp::Reverse(room.left));
    rooms
}

fn same_containers(one: &PodSpec, other: &PodSpec) -> bool {
    one.containers.is_one_with(&other.containers)
        && one.init_containers.is_one_with(&other.init_containers)
        && one.resources == other.resources
}

/// True if labels and taints of a node let a pod in.
pub(crate) fn accepts(node: &Node, pod: &PodSpec) -> bool {
    let labels = has_all(&node.metadata.labels, &pod.node_selector);
    let mut taints = node.spec.taints.iter().filter(|taint| KEEPS_AWAY.contains(&taint.effect.as_str()));
    labels && taints.all(|taint| pod.tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

/// Ports of its node that a pod holds; the API server writes those of a pod on the node's network too.
pub(crate) fn host_ports(pod: &PodSpec) -> impl Iterator<Item = HostPort<'_>> {
    let sidecars = pod.init_containers.iter().filter(|one| one.restart_policy == "Always");
    let ports = pod.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    ports.filter(|port| port.host_port != 0).map(|port| {
        let protocol = if port.protocol.is_empty() { "TCP" } else { port.protocol.as_str() };
        (port.host_port, protocol)
    })
}

/// What a pod asks for, in words.
pub(crate) fn asks(pod: &PodSpec) -> String {
    let ([cpu, memory, _], further) = (asked(pod), further(pod));
    let devices: String =
        further.iter().map(|(name, asked)| format!(" and {} {name}", asked.div_euclid(1000))).collect();
    format!("{cpu}m CPU and {} MiB{devices}", memory / 1000 / (1 << 20))
}

/// What a pod asks for beside CPU and memory.
pub(crate) fn further(pod: &PodSpec) -> Further<'_> {
    let others = named(pod, Ask::Requests).into_iter().filter(|name| !RESOURCES.contains(name));
    others.map(|name| (name, of_pod(pod, Ask::Requests, name))).collect()
}

/// Thousandths of CPU, of bytes, and one pod.
pub(crate) fn asked(pod: &PodSpec) -> Amount {
    let [cpu, memory] = RESOURCES.map(|resource| of_pod(pod, Ask::Requests, resource));
    [cpu, memory, 1000]
}

/// A term of running pods of a namespace, and the places that they hold by it.
pub(crate) struct Keeper<'a> {
    pub(crate) namespace: &'a str,
    /// One of those pods.
    pub(crate) first: &'a Pod,
    pub(crate) term: &'a PodAffinityTerm,
    pub(crate) places: BTreeSet<&'a str>,
}

impl Keeper<'_> {
    /// True if it keeps others away from a node.
    pub(crate) fn is_at(&self, node: &Node) -> bool {
        node.metadata.label(&self.term.topology_key).is_some_and(|place| self.places.contains(place))
    }
}

/// What all running pods demand.
fn keepers<'a>(objects: &'a Objects, nodes: &BTreeMap<&'a str, &'a Node>) -> Vec<Keeper<'a>> {
    let mut all: Vec<Keeper<'a>> = Vec::new();
    // Pods of a workload come one after another, and demand alike.
    let mut last: Option<(&Pod, &Shared<Affinity>, usize)> = None;
    let runs = |pod: &&Pod| !pod.is_finished() && pod.metadata.deletion_timestamp.is_none();
    for pod in objects.pods.iter().filter(runs) {
        let Some(affinity) = &pod.spec.affinity else { continue };
        let alike = last.filter(|(last, said, _)| {
            affinity.is_one_with(said) && last.metadata.namespace == pod.metadata.namespace
        });
        let first = alike.map_or_else(
            || {
                let terms = required(affinity.pod_anti_affinity.as_ref()).iter();
                let new = terms.filter(|term| term.label_selector.is_some()).map(|term| Keeper {
                    namespace: &pod.metadata.namespace,
                    first: pod,
                    term,
                    places: BTreeSet::new(),
                });
                let first = all.len();
                all.extend(new);
                first
            },
            |(_, _, first)| first,
        );
        last = Some((pod, affinity, first));
        let Some(node) = nodes.get(pod.spec.node_name.as_str()) else { continue };
        for keeper in all.iter_mut().skip(first) {
            keeper.places.extend(node.metadata.label(&keeper.term.topology_key));
        }
    }
    all
}

/// What affinity to pods, or against them, demands.
pub(crate) fn required(affinity: Option<&PodAffinity>) -> &[PodAffinityTerm] {
    affinity.map_or(&[], |one| &one.required_during_scheduling_ignored_during_execution)
}
