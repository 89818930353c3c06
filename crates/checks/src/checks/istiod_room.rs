//! ML5032: no room for the istiods of a new revision.

use meshlift_mesh::facts::Revision;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Deployment, PodTemplateSpec, Resource};
use meshlift_model::names::{IstioVersion, ObjectRef};

use super::placement::{Map, Placement};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::nodes::{Room, accepts, asks, required};

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
        why: "The new revision runs beside the old one until the end, as a rule with as many istiods that ask for as much: \
              as its autoscaler's minimum, or as many as there are. Those that no node can take (CPU, memory, devices, \
              number of pods, labels, taints, required affinity) stay Pending: the revision is not ready, or has fewer \
              istiods than the old one. Anti-affinity over a label that old and new istiods share (`app: istiod`) needs \
              twice the nodes. What proxies and gateways ask for beside them is not counted here.",
        see: "`kubectl describe nodes`: Allocated resources; `kubectl get deployment -n istio-system -l app=istiod -o \
              jsonpath='{..resources.requests}'`.",
        fix: "A node more, or smaller requests of what runs there. A cluster autoscaler that adds nodes makes this wait, \
              not fail. Anti-affinity: only preferred, or over `istio.io/rev`. Smaller requests for the new istiod \
              (`--set resources.requests.memory=SIZE` of chart istiod, istioctl: `--set \
              values.pilot.resources.requests.memory=SIZE`) only if `kubectl top` says that the old one needs less.",
        sources: &[
            "https://istio.io/latest/docs/setup/upgrade/canary/",
            "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-requests-are-scheduled",
        ],
    },
    needs: &[WORKLOADS, &["nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // Where the new ones are already, they have their room.
    let Some(target) = context.target.filter(|_| context.targets().next().is_none()) else {
        return Vec::new();
    };
    let map = Map::new(context);
    let used = context.mesh.used_revisions();
    used.filter_map(|revision| {
        let deployment = context.object::<Deployment>(revision.deployment.as_ref()?)?;
        let template = of_new(&deployment.spec.template, target);
        let placement = Placement::of(&map, &deployment.metadata.namespace, &template);
        hit(context, revision, deployment, &placement)
    })
    .collect()
}

/// A template as the new revision's would be: terms of its own that name the revision will name another.
fn of_new(template: &PodTemplateSpec, target: &IstioVersion) -> PodTemplateSpec {
    let mut template = template.clone();
    let revision = target.to_string().replace('.', "-");
    template.metadata.labels.insert(REV_LABEL.to_owned(), revision);
    if let Some(away) = template.spec.affinity.as_mut().and_then(|all| all.pod_anti_affinity.as_mut()) {
        away.required_during_scheduling_ignored_during_execution.retain(|term| {
            let selector = term.label_selector.as_ref();
            selector.is_none_or(|one| {
                !one.match_labels.contains_key(REV_LABEL)
                    && one.match_expressions.iter().all(|one| one.key != REV_LABEL)
            })
        });
    }
    template
}

fn hit(
    context: &Context<'_>,
    revision: &Revision,
    deployment: &Deployment,
    placement: &Placement<'_, '_>,
) -> Option<Hit> {
    let pod = &deployment.spec.template.spec;
    let count = revision.autoscaler.map_or(deployment.spec.replicas.unwrap_or(1), |(least, _)| least);
    let away = pod.affinity.as_ref().and_then(|all| all.pod_anti_affinity.as_ref());
    // Istiods that keep away from one another are one per node at most.
    let most = if required(away).is_empty() { i128::MAX } else { 1 };
    let rooms = context.nodes.rooms.iter();
    let open: Vec<&Room<'_>> =
        rooms.filter(|room| accepts(room.node, pod) && placement.allows(room.node)).collect();
    let times = open.iter().map(|room| room.times(pod).min(most));
    let (nodes, fitting) = (open.len(), times.fold(0, i128::saturating_add));
    let missing = i128::from(count) - fitting;
    (missing > 0).then(|| {
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        let detail =
            format!("of {count} istiods of a new revision, {missing} have no room on the {nodes} nodes that would take them");
        let deployment = deployment.object_ref();
        Hit::new(&subject, detail).because(format!("a pod of {deployment} asks for {}", asks(pod)))
    })
}
