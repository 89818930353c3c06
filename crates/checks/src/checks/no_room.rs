//! ML1013: no node has room for a surge pod.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Node, PodSpec, has_all};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::quantity::{sum, thousandths};

use super::keepers::keepers;
use super::placement::{Map, Placement, nodes};

/// What the scheduler counts, as far as it decides here.
const RESOURCES: [&str; 2] = ["cpu", "memory"];
/// Effects of taints that keep new pods away.
const KEEPS_AWAY: [&str; 2] = ["NoSchedule", "NoExecute"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1013",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "No node has room for its surge pod",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["allow-unavailable"],
        may_accept_unknown: true,
        hint: "add a node, or choose allow-unavailable 1 to roll without a surge pod",
        why: "Its rollout makes a new pod before an old one goes, and no node can take that pod: by CPU, memory, \
              devices or number of pods that are asked for, by labels that it demands, by taints that it does not \
              tolerate, by its required affinity and spread, by required anti-affinity of pods that run there, by ports \
              of the node that an old pod holds. The pod stays Pending and the rollout stands. \
              The twin knows no affinity, no spread and no hostPort: a rehearsal does not show that part.",
        see: "`kubectl describe nodes`: Allocated resources; `kubectl get events` says `FailedScheduling` once it happens.",
        fix: "Make room for one pod: a node more, smaller requests, or `maxUnavailable: 1`. A cluster autoscaler \
              that adds nodes makes this wait, not fail.",
        sources: &[
            "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-requests-are-scheduled",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find,
};

/// Thousandths of CPU, of bytes, and of pods.
type Amount = [i128; 3];

/// Thousandths of what else a pod asks for, such as devices.
type Further<'a> = BTreeMap<&'a str, i128>;

/// A port of a node, by protocol.
type HostPort<'a> = (i32, &'a str);

/// A node that takes new pods, and what is left on it.
pub(super) struct Room<'a> {
    pub(super) node: &'a Node,
    left: Amount,
    taken: BTreeSet<HostPort<'a>>,
    used: Further<'a>,
}

impl Room<'_> {
    /// How many pods that ask for as much it has room for.
    pub(super) fn times(&self, pod: &PodSpec) -> i128 {
        let wanted = asked(pod);
        let of = |at: usize| self.left[at].max(0).checked_div(wanted[at]).unwrap_or(i128::MAX);
        let times = (0..3).map(of).min().unwrap_or(0);
        if self.has(&further(pod)) { times } else { 0 }
    }

    /// True if this much is left, beside CPU, memory and pods.
    fn has(&self, wanted: &Further<'_>) -> bool {
        wanted.iter().all(|(name, wanted)| {
            let allocatable = self.node.status.allocatable.get(*name).and_then(|text| thousandths(text));
            // A device is on the nodes alone that say so; of all else, one that says nothing has enough.
            let unsaid = if name.contains('/') { 0 } else { i128::MAX };
            let used = self.used.get(name).copied().unwrap_or(0);
            allocatable.unwrap_or(unsaid).saturating_sub(used) >= *wanted
        })
    }
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let nodes = nodes(context);
    let keepers = keepers(context, &nodes);
    let (rooms, map) = (rooms(context), Map::new(context, &nodes, &keepers));
    let surging = context.restarted().filter(|workload| needs_surge(workload));
    surging.filter_map(|workload| hit(context, workload, &rooms, &map)).collect()
}

fn hit<'a>(
    context: &Context<'a>,
    workload: &'a Workload,
    rooms: &[Room<'_>],
    map: &Map<'_, 'a>,
) -> Option<Hit> {
    let pod = &context.as_injected(workload).spec;
    let (wanted, further) = (asked(pod), further(pod));
    let ports: Vec<HostPort<'_>> = host_ports(pod).collect();
    // Those with the most CPU come first: of a full cluster, none is looked at.
    let with_room = || {
        let with_cpu = rooms.iter().take_while(|room| room.left[0] >= wanted[0]);
        with_cpu.filter(|room| (1..3).all(|at| room.left[at] >= wanted[at]) && room.has(&further))
    };
    let is_free = |room: &Room<'_>| !ports.iter().any(|port| room.taken.contains(port));
    let is_open = |room: &&Room<'_>| accepts(room.node, pod);
    let placement = Placement::of(map, &workload.workload.namespace, &workload.template);
    let would_take = || with_room().filter(is_open).filter(|room| placement.allows(room.node));
    if would_take().any(is_free) {
        return None;
    }
    let allowed = rooms.iter().filter(is_open).filter(|room| placement.allows(room.node)).count();
    let asks = format!("it asks for {}", asks(pod));
    let mut kept = with_room().filter(is_open).filter_map(|room| placement.keeper(room.node));
    let kept = kept.next();
    let detail = if would_take().next().is_some() {
        let ports: Vec<String> = ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect();
        format!("its hostPort {} is taken on every node that would take it", ports.join(", "))
    } else if with_room().any(|room| is_open(&room)) {
        format!("{asks}; affinity or spread keeps it from every node that has that left")
    } else {
        format!("{asks}; none of the {allowed} nodes that would take it has that left")
    };
    let hit = Hit::new(&workload.workload, detail)
        .because(format!("{} requests with its sidecar", workload.workload));
    Some(kept.into_iter().fold(hit, Hit::because))
}

/// True where a new pod must fit beside all old ones.
pub(super) fn needs_surge(workload: &Workload) -> bool {
    matches!(workload.rules, RolloutRules::Rolling { max_unavailable: 0, .. }) && workload.replicas > 0
}

/// Nodes that take new pods, those with the most CPU first.
pub(super) fn rooms<'a>(context: &Context<'a>) -> Vec<Room<'a>> {
    let mut used: BTreeMap<&str, (Amount, BTreeSet<HostPort<'a>>, Further<'a>)> = BTreeMap::new();
    let mut last: Option<(&PodSpec, Amount, Further<'_>)> = None;
    for pod in
        context.objects().pods.iter().filter(|pod| !pod.is_finished() && !pod.spec.node_name.is_empty())
    {
        // Pods of a workload come one after another, and ask alike.
        last = last.filter(|(last, _, _)| same_containers(last, &pod.spec));
        let (_, wanted, more) = last.get_or_insert_with(|| (&pod.spec, asked(&pod.spec), further(&pod.spec)));
        let (sum, taken, devices) = used.entry(&pod.spec.node_name).or_default();
        (0..3).for_each(|at| sum[at] = sum[at].saturating_add(wanted[at]));
        taken.extend(host_ports(&pod.spec));
        for (name, asked) in more {
            let sum = devices.entry(*name).or_default();
            *sum = sum.saturating_add(*asked);
        }
    }
    let nodes = context.objects().nodes.iter().filter(|node| !node.spec.unschedulable);
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
    one.containers.is_one_with(&other.containers) && one.init_containers.is_one_with(&other.init_containers)
}

/// True if labels and taints of a node let a pod in.
pub(super) fn accepts(node: &Node, pod: &PodSpec) -> bool {
    let labels = has_all(&node.metadata.labels, &pod.node_selector);
    let mut taints = node.spec.taints.iter().filter(|taint| KEEPS_AWAY.contains(&taint.effect.as_str()));
    labels && taints.all(|taint| pod.tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

/// Ports of its node that a pod holds; the API server writes those of a pod on the node's network too.
fn host_ports(pod: &PodSpec) -> impl Iterator<Item = HostPort<'_>> {
    let sidecars = pod.init_containers.iter().filter(|one| one.restart_policy == "Always");
    let ports = pod.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    ports.filter(|port| port.host_port != 0).map(|port| {
        let protocol = if port.protocol.is_empty() { "TCP" } else { port.protocol.as_str() };
        (port.host_port, protocol)
    })
}

/// What a pod asks for, in words.
pub(super) fn asks(pod: &PodSpec) -> String {
    let ([cpu, memory, _], further) = (asked(pod), further(pod));
    let devices: String =
        further.iter().map(|(name, asked)| format!(" and {} {name}", asked.div_euclid(1000))).collect();
    format!("{cpu}m CPU and {} MiB{devices}", memory / 1000 / (1 << 20))
}

/// What a pod asks for beside CPU and memory.
fn further(pod: &PodSpec) -> Further<'_> {
    let named = pod.all_containers().flat_map(|container| container.resources.requests.keys());
    let others = named.map(String::as_str).filter(|name| !RESOURCES.contains(name));
    others.map(|name| (name, sum(pod, |resources| &resources.requests, name))).collect()
}

/// Thousandths of CPU, of bytes, and one pod.
fn asked(pod: &PodSpec) -> Amount {
    let [cpu, memory] = RESOURCES.map(|resource| sum(pod, |resources| &resources.requests, resource));
    [cpu, memory, 1000]
}
