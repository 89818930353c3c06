//! ML1053: a network policy that knows the old istiod alone.

use super::reach::{Peer, World};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1053",
        layer: Layer::Rollout,
        versions: Versions::Target,
        title: "A NetworkPolicy keeps its new pods from the new istiod",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "permit traffic to every istiod on port 15012 before anything moves",
        why: "The policy names the old istiod by labels that the new one does not have. A new pod cannot ask for \
              certificates and configuration: it never becomes ready, and the rollout stands. \
              The twin knows no NetworkPolicy, so a rehearsal does not show it.",
        see: "`kubectl get networkpolicy -n NAMESPACE -o yaml`, and the labels of both istiods.",
        fix: "Select istiods by `app: istiod` and leave `istio.io/rev` out.",
        sources: &[
            "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
            "https://istio.io/latest/docs/ops/deployment/application-requirements/",
        ],
    },
    needs: &[WORKLOADS, &["networkpolicies.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let policies = &context.objects().network_policies;
    let Some(target) = context.target.filter(|_| !policies.is_empty()) else { return Vec::new() };
    let policies = super::reach::policies(policies);
    let world = World::new(context);
    let new: Vec<Peer<'_>> = world.istiods(context.targets());
    let hits = context.restarted().filter_map(|workload| {
        let reference = &workload.workload;
        let pod = Peer {
            namespace: &reference.namespace,
            labels: workload.template.metadata.labels.clone(),
            address: None,
        };
        let carried =
            context.mesh.used_revisions().filter(|one| workload.now.contains_key(&Some(one.name.clone())));
        let old = world.istiods(carried);
        let next = if new.is_empty() { world.to_come(&old, target) } else { new.clone() };
        let reaches = |istiod: &Peer<'_>| world.refusal(&policies, &pod, istiod);
        let works_today = old.iter().any(|istiod| reaches(istiod).is_none());
        let refused = next.iter().filter_map(reaches).next().filter(|_| works_today)?;
        let hit = Hit::new(
            reference,
            format!("{} lets the old istiod through, and not the new one", refused.object_ref()),
        );
        Some(hit.because(format!("{} does not select istiods of {target}", refused.object_ref())))
    });
    hits.collect()
}
