//! ML3007: a Gateway that rolls at once when what selects it moves.

use meshlift_mesh::facts::{Follows, GatewayFacts, GatewayKind};
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Gateway;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3007",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway rolls at once when its selector moves",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "freeze it before its tag or its namespace's label moves, and move it in a step of its own",
        why: "istiod copies a Gateway's labels and its revision into the Deployment that it makes. Moving the \
              tag that the Gateway follows, relabelling it, or relabelling the namespace that it takes its \
              revision from, replaces its pods in place at once, with nobody having restarted anything.",
        see: "`kubectl get gateways.gateway.networking.k8s.io -A -o \
              custom-columns='NS:.metadata.namespace,NAME:.metadata.name,REV:.metadata.labels.istio\\.io/rev,LABELS:.spec.infrastructure.labels'`: \
              without LABELS, a change of its own labels changes its pods.",
        fix: "In one patch of the Gateway (`kubectl patch gateways.gateway.networking.k8s.io NAME -n NAMESPACE \
              --type=merge -p …`) set `metadata.labels` `istio.io/rev` to the revision that it runs, and \
              `spec.infrastructure.labels` to the labels that the Gateway itself has now, its old `istio.io/rev` \
              among them (`kubectl get gateways.gateway.networking.k8s.io NAME -n NAMESPACE -o \
              jsonpath='{.metadata.labels}'`). Do not take those of its pods: the field takes 8 labels, and pods \
              have more. Later set `istio.io/rev` to the new revision: that is its one restart.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/"],
    },
    needs: &[WORKLOADS, &["gateways.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.mesh.gateways.iter().filter_map(|gateway| hit(context, gateway)).collect()
}

fn hit(context: &Context<'_>, gateway: &GatewayFacts) -> Option<Hit> {
    match gateway.kind {
        GatewayKind::Managed | GatewayKind::Waypoint if !gateway.frozen => {}
        GatewayKind::Managed | GatewayKind::Waypoint | GatewayKind::Injected | GatewayKind::Rendered => {
            return None;
        }
    }
    if gateway.running.keys().flatten().all(|revision| context.is_target(revision)) {
        return None;
    }
    let object = context.object::<Gateway>(&gateway.gateway)?;
    let own = object.metadata.label(REV_LABEL);
    let mover = match (&gateway.follows, own) {
        (Follows::Tag { tag }, _) => format!("tag {tag}"),
        (Follows::Revision { revision }, None) => {
            let namespace = context.mesh.namespaces.get(gateway.gateway.namespace.as_str());
            match namespace.and_then(|namespace| namespace.selector.rev.as_ref()) {
                Some(_) => format!("the label of namespace {}", gateway.gateway.namespace),
                None => format!("the default revision, {revision},"),
            }
        }
        (Follows::Revision { .. }, Some(_)) | (Follows::Unserved { .. } | Follows::Nothing, _) => {
            return None;
        }
    };
    let detail =
        format!("{mover} decides its revision: moving that replaces its {} pods at once", gateway.replicas);
    Some(Hit::new(&gateway.gateway, detail).because(format!("{} follows {mover}", gateway.gateway)))
}
