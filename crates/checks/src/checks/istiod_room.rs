//! ML5032: no room for the istiods of a new revision.

use meshlift_mesh::facts::Revision;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Deployment;
use meshlift_model::names::ObjectRef;

use super::no_room::{Room, accepts, rooms};
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5032",
        layer: Layer::ControlPlane,
        versions: Versions::Target,
        title: "The nodes have no room for the istiods of a new revision",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "add a node, or make room for as many istiods as there are, before the new revision is installed",
        why: "The new revision runs beside the old one until the end, as a rule with as many istiods that ask for as much. \
              Those that no node can take (CPU, memory, devices, number of pods, labels, taints) stay Pending: the \
              revision is not ready, or has fewer istiods than the old one. What proxies and gateways ask for beside \
              them is not counted here.",
        see: "`kubectl describe nodes`: Allocated resources; `kubectl get deployment -n istio-system -l app=istiod -o \
              jsonpath='{..resources.requests}'`.",
        fix: "A node more, or smaller requests of what runs there. A cluster autoscaler that adds nodes makes this wait, \
              not fail. Smaller requests for the new istiod (`--set resources.requests.memory=SIZE` of chart istiod) \
              only if `kubectl top` says that the old one needs less.",
        sources: &[
            "https://istio.io/latest/docs/setup/upgrade/canary/",
            "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-requests-are-scheduled",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // Where the new ones are already, they have their room.
    if context.targets().next().is_some() {
        return Vec::new();
    }
    let rooms = rooms(context);
    context.mesh.used_revisions().filter_map(|revision| hit(context, revision, &rooms)).collect()
}

fn hit(context: &Context<'_>, revision: &Revision, rooms: &[Room<'_>]) -> Option<Hit> {
    let deployment = context.object::<Deployment>(revision.deployment.as_ref()?)?;
    let (pod, count) = (&deployment.spec.template.spec, deployment.spec.replicas.unwrap_or(1));
    let open: Vec<&Room<'_>> = rooms.iter().filter(|room| accepts(room.node, pod)).collect();
    let fitting: i128 = open.iter().map(|room| room.times(pod)).fold(0, i128::saturating_add);
    let count = usize::try_from(count).unwrap_or(0);
    let missing =
        count.checked_sub(usize::try_from(fitting).unwrap_or(usize::MAX)).filter(|more| *more > 0)?;
    let subject = ObjectRef::cluster("Revision", revision.name.as_str());
    let detail = format!(
        "of {count} istiods beside its own, {missing} find no room on the {} nodes that would take them",
        open.len()
    );
    let hit = Hit::new(&subject, detail);
    Some(hit.because(format!("{} asks for {}", revision.deployment.as_ref()?, super::no_room::asks(pod))))
}
