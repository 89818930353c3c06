//! ML4103: an Istio Gateway that configures a managed gateway of another namespace.

use std::collections::BTreeSet;

use meshlift_mesh::Selected;
use meshlift_mesh::facts::GatewayKind;
use meshlift_model::defaults::GATEWAY_LABEL;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4103",
        layer: Layer::Gateways,
        versions: Versions::Since(31),
        title: "An Istio Gateway no longer reaches a managed gateway of another namespace",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "move the Gateway into the namespace of the pods, or set PILOT_ENABLE_STRICT_GATEWAY_MERGING=false",
        why: "From 1.31 on istiod no longer merges Gateways of networking.istio.io from other namespaces into the \
              gateways that it makes for the Gateway API. The listeners and routes that came from there are gone, \
              and nothing reports it.",
        see: "`kubectl get gateways.networking.istio.io -A -o yaml`: a selector that matches pods labelled \
              gateway.networking.k8s.io/gateway-name in another namespace.",
        fix: "Move the Gateway beside the pods, or write HTTPRoutes for the Gateway API. To decide later: env \
              PILOT_ENABLE_STRICT_GATEWAY_MERGING=false on the new istiod.",
        sources: &["https://istio.io/latest/news/releases/1.31.x/announcing-1.31/change-notes/"],
    },
    needs: &[WORKLOADS, &["gateways.networking.istio.io", "gateways.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if !context.mesh.gateways.iter().any(|gateway| gateway.kind == GatewayKind::Managed) {
        return Vec::new();
    }
    let pods = context.objects().pods.iter();
    let managed = pods.filter(|pod| pod.metadata.label(GATEWAY_LABEL).is_some());
    let managed = Selected::new(managed.map(|pod| (pod, &*pod.metadata.labels)));
    let gateways =
        context.objects().istio_gateways.iter().filter(|gateway| !gateway.spec.selector.is_empty());
    gateways
        .filter_map(|gateway| {
            let selected = managed.with(&gateway.spec.selector).into_iter();
            let reached: BTreeSet<String> = selected
                .filter(|pod| pod.metadata.namespace != gateway.metadata.namespace)
                .filter_map(|pod| {
                    Some(format!("{}/{}", pod.metadata.namespace, pod.metadata.label(GATEWAY_LABEL)?))
                })
                .collect();
            let first = reached.first()?;
            let hit = Hit::new(
                &gateway.object_ref(),
                format!("its servers vanish from {first}, in another namespace"),
            );
            Some(
                reached
                    .iter()
                    .fold(hit, |hit, name| hit.because(format!("Gateway/{name} is selected by it"))),
            )
        })
        .collect()
}
