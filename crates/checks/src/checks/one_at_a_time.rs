//! ML1014: a new pod that needs the volume of an old one.

use std::collections::BTreeSet;

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{PersistentVolumeClaim, Resource};
use meshlift_model::names::ObjectRef;

use super::no_room::needs_surge;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::nodes::{HOSTNAME, accepts, required};

/// One pod alone.
const ONE_POD: &str = "ReadWriteOncePod";
/// Pods of one node.
const ONE_NODE: &str = "ReadWriteOnce";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1014",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A new pod needs a volume that an old one holds",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["allow-unavailable"],
        may_accept_unknown: true,
        hint: "choose allow-unavailable 1: the old pod goes first then, and gives the volume back",
        why: "Old and new pods of its rollout use one PersistentVolumeClaim. A ReadWriteOncePod claim is one pod's: a new \
              pod that is made before the old one goes stays Pending. A ReadWriteOnce claim is one node's: a new pod that \
              comes to another node waits for the volume (`Multi-Attach error`) as long as an old pod has it, and old pods \
              wait for the new one to be ready. The scheduler does not look at where a ReadWriteOnce volume is, so that it \
              works some days. Volumes that are not attached (NFS) or exist on one node alone (local) are no hurdle, and \
              not told apart here. \
              The twin knows no volumes: a rehearsal does not show it.",
        see: "`kubectl get pvc -n NAMESPACE`: ACCESS MODES; `kubectl get events -n NAMESPACE` says \
              `FailedAttachVolume` or `FailedScheduling` once it happens.",
        fix: "With one replica: `strategy: {type: Recreate}`, or `maxSurge: 0` with `maxUnavailable: 1`; both mean a gap. \
              With several on a ReadWriteOnce claim: a required podAffinity of its pods to one another over \
              kubernetes.io/hostname, or Recreate. Without a gap: a ReadWriteMany volume, or a StatefulSet with a claim \
              for each pod.",
        sources: &[
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes",
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable",
        ],
    },
    needs: &[WORKLOADS, &["persistentvolumeclaims", "nodes"]],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let namespace = &workload.workload.namespace;
    let volumes = workload.template.spec.volumes.iter();
    let claims = volumes.filter_map(|volume| {
        let name = &volume.persistent_volume_claim.as_ref()?.claim_name;
        context.object(&ObjectRef::new(PersistentVolumeClaim::KIND, namespace, name))
    });
    let held = claims.filter_map(|claim: &PersistentVolumeClaim| {
        let modes = &claim.spec.access_modes;
        if modes.iter().any(|mode| mode == ONE_POD) && needs_surge(workload) {
            Some((claim, "one pod at a time may use it"))
        } else if *modes == [ONE_NODE] && stays_beside(workload) && goes_elsewhere(context, workload) {
            Some((claim, "a new pod on another node than an old one waits for it"))
        } else {
            None
        }
    });
    let (claim, what) = held.min_by_key(|(claim, _)| &claim.metadata.name)?;
    let modes = claim.spec.access_modes.join(", ");
    let hit = Hit::new(&workload.workload, format!("its claim {} is {modes}: {what}", claim.metadata.name))
        .because(format!("{} spec.accessModes={modes}", claim.object_ref()));
    if workload.replicas == 1 {
        return Some(hit);
    }
    // One old pod less does not give it back.
    Some(
        hit.offers(&["hold-namespace"])
            .hint("keep its pods on one node by a required podAffinity, or roll it by Recreate"),
    )
}

/// True if a new pod starts while an old one has the volume.
fn stays_beside(workload: &Workload) -> bool {
    let by_turns = matches!(workload.rules, RolloutRules::Rolling { .. } | RolloutRules::Ordered { .. });
    needs_surge(workload) || by_turns && workload.replicas > 1
}

/// True if a new pod may come to another node than the one where the old ones are. Where they are on several, the volume is
/// of those that need not be attached.
fn goes_elsewhere(context: &Context<'_>, workload: &Workload) -> bool {
    let pods = context.running_pods(workload).iter().map(|(pod, _)| pod.spec.node_name.as_str());
    let held: BTreeSet<&str> = pods.filter(|node| !node.is_empty()).collect();
    let pod = &context.as_injected(workload).spec;
    let nodes = context.nodes.rooms.iter().map(|room| room.node);
    let mut others = nodes.filter(|node| !held.contains(node.metadata.name.as_str()) && accepts(node, pod));
    let near = required(pod.affinity.as_ref().and_then(|all| all.pod_affinity.as_ref()));
    let together = near.iter().any(|term| term.topology_key == HOSTNAME);
    held.len() == 1 && !together && others.next().is_some()
}
