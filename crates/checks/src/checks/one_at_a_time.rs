//! ML1014: a surge pod that needs the volume of an old one.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{PersistentVolumeClaim, Resource};
use meshlift_model::names::ObjectRef;

use super::no_room::needs_surge;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// One pod alone.
const ONE_POD: &str = "ReadWriteOncePod";
/// Pods of one node.
const ONE_NODE: &str = "ReadWriteOnce";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1014",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Its surge pod needs a volume that an old pod holds",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["allow-unavailable"],
        may_accept_unknown: true,
        hint: "choose allow-unavailable 1: the old pod goes first then, and gives the volume back",
        why: "Its rollout makes a new pod before an old one goes, and both use one PersistentVolumeClaim. A \
              ReadWriteOncePod claim is one pod's: the new one stays Pending. A ReadWriteOnce claim is one node's: a \
              new pod that comes to another node waits for the volume (`Multi-Attach error`), and the old pod waits for \
              the new one to be ready. The scheduler does not look at where a ReadWriteOnce volume is, so that it works \
              some days. Volumes that exist on one node alone (local) are no hurdle, and not told apart here. \
              The twin knows no volumes: a rehearsal does not show it.",
        see: "`kubectl get pvc -n NAMESPACE`: ACCESS MODES; `kubectl get events -n NAMESPACE` says \
              `FailedAttachVolume` or `FailedScheduling` once it happens.",
        fix: "`strategy: {type: Recreate}`, or `maxSurge: 0` with `maxUnavailable: 1`: both mean a gap with one \
              replica. Without a gap: a ReadWriteMany volume, or a StatefulSet with a claim for each pod.",
        sources: &[
            "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes",
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable",
        ],
    },
    needs: &[WORKLOADS, &["persistentvolumeclaims", "nodes"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let takes_pods = context.objects().nodes.iter().filter(|node| !node.spec.unschedulable).count();
    let surging = context.restarted().filter(|workload| needs_surge(workload));
    surging.filter_map(|workload| hit(context, workload, takes_pods > 1)).collect()
}

fn hit(context: &Context<'_>, workload: &Workload, has_other_nodes: bool) -> Option<Hit> {
    let namespace = &workload.workload.namespace;
    let volumes = workload.template.spec.volumes.iter();
    let claims = volumes.filter_map(|volume| {
        let name = &volume.persistent_volume_claim.as_ref()?.claim_name;
        context.object(&ObjectRef::new(PersistentVolumeClaim::KIND, namespace, name))
    });
    let held = claims.filter_map(|claim: &PersistentVolumeClaim| {
        let modes = &claim.spec.access_modes;
        let has = |mode: &str| modes.iter().any(|one| one == mode);
        let what = if has(ONE_POD) {
            "one pod at a time may use it"
        } else if modes.len() == 1 && has(ONE_NODE) && has_other_nodes {
            "a new pod on another node than the old one waits for it"
        } else {
            return None;
        };
        Some((claim, what))
    });
    let (claim, what) = held.min_by_key(|(claim, _)| &claim.metadata.name)?;
    let modes = claim.spec.access_modes.join(", ");
    let hit = Hit::new(&workload.workload, format!("its claim {} is {modes}: {what}", claim.metadata.name));
    Some(hit.because(format!("{} spec.accessModes={modes}", claim.object_ref())))
}
