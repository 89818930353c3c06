//! ML1013: no node has room for a surge pod.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};

use super::placement::{Map, Placement};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::nodes::{HostPort, Room, accepts, asked, asks, further, host_ports};

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
        see: "`kubectl describe nodes`: Allocated resources; `kubectl get events -n NAMESPACE` says `FailedScheduling` once it happens.",
        fix: "Make room for one pod: a node more, smaller requests, or `maxUnavailable: 1`. A cluster autoscaler \
              that adds nodes makes this wait, not fail.",
        sources: &[
            "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-requests-are-scheduled",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

const NO_NODE: &str = "mend its nodeSelector, affinity or tolerations, or bring a node that has what they ask for: a pod that ends does not \
     come back";

fn find(context: &Context<'_>) -> Vec<Hit> {
    let map = Map::new(context);
    let surging = context.restarted().filter(|workload| needs_surge(workload));
    surging.filter_map(|workload| hit(context, workload, &map)).collect()
}

fn hit<'a>(context: &Context<'a>, workload: &'a Workload, map: &Map<'_, 'a>) -> Option<Hit> {
    let rooms = &context.nodes.rooms;
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
    } else if allowed > 0 {
        format!("{asks}; none of the {allowed} nodes that would take it has that left")
    } else {
        "no node has the labels that it demands and only taints that it tolerates".to_owned()
    };
    let hit = Hit::new(&workload.workload, detail)
        .because(format!("{} requests with its sidecar", workload.workload));
    let hit = kept.into_iter().fold(hit, Hit::because);
    // A pod that is taken away for it would not come back.
    Some(if allowed > 0 { hit } else { hit.hint(NO_NODE).offers(&["hold-namespace"]) })
}

/// True where a new pod must fit beside all old ones.
pub(super) fn needs_surge(workload: &Workload) -> bool {
    matches!(workload.rules, RolloutRules::Rolling { max_unavailable: 0, .. }) && workload.replicas > 0
}
