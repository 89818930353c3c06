//! ML4125: routes to InferencePools of an early version.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

/// Group of the early versions.
const EARLY: &str = "inference.networking.x-k8s.io";
/// Variable with which istiod reads pools at all.
const ENABLED: &str = "ENABLE_GATEWAY_API_INFERENCE_EXTENSION";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4125",
        layer: Layer::Configuration,
        versions: Versions::Since(28),
        title: "Requests to an InferencePool of an early version fail",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "write the pool as v1 of inference.networking.k8s.io, with a route of its own, before gateways move",
        why: "istiod of 1.27 reads pools of inference.networking.x-k8s.io where ENABLE_GATEWAY_API_INFERENCE_EXTENSION \
              is true. From 1.28 on it reads v1 of inference.networking.k8s.io alone: a route to a pool of the early \
              group stays, and its requests fail. istiod of 1.27 does not know the new group.",
        see: concat!(
            objects_where!(
                "httproute grpcroute",
                "any(.spec.rules[]?.backendRefs[]?; .group == \"inference.networking.x-k8s.io\")"
            ),
            "."
        ),
        fix: "Install the v1 definition and write each pool anew: v1alpha2's `extensionRef` is \
              `endpointPickerRef`, `targetPortNumber` is `targetPorts[].number`, and labels go under \
              `selector.matchLabels`. Give `endpointPickerRef.port.number`: 9002 is no default any more. Each version reads \
              its own group alone: make a second gateway of the new revision with routes to the new pools, and move \
              clients to it.",
        sources: &[
            "https://istio.io/latest/news/releases/1.28.x/announcing-1.28/upgrade-notes/",
            "https://github.com/istio/istio/blob/1.28.0/pkg/config/schema/gvk/resources.gen.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_read = |revision| context.istiod_env(revision, ENABLED) == Some("true");
    if !context.used_or_all().any(is_read) {
        return Vec::new();
    }
    with_rules(http_routes(context), "go to a pool of the early group", |rule| {
        rule.backend_refs.iter().any(|backend| backend.group.as_deref() == Some(EARLY))
    })
}
