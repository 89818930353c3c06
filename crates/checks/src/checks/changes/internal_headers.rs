//! ML4117: routes by headers that only internal peers may set.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4117",
        layer: Layer::Configuration,
        versions: Versions::Since(25),
        title: "A route reads headers that gateways now take away",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "tell istiod which networks are internal before gateways move",
        why: "Until 1.24 every private address counted as internal, and headers such as `x-envoy-retry-on` that \
              came from there were kept. From 1.25 on no address does: gateways remove them, and this route does \
              not match any more.",
        see: "`kubectl get virtualservice -A -o yaml | grep -n \"x-envoy-\"`.",
        fix: "Set env ENABLE_HCM_INTERNAL_NETWORKS=true on the new istiod and name the internal ranges in \
              MeshNetworks. Read the advisory first: whoever can reach the gateway from there can set these \
              headers.",
        sources: &["https://istio.io/latest/news/releases/1.25.x/announcing-1.25/upgrade-notes/", "https://github.com/envoyproxy/envoy/security/advisories/GHSA-ffhv-fvxq-r6mf"],
    },
    needs: &[WORKLOADS, &["virtualservices.networking.istio.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let services = context.objects().virtual_services.iter();
    services
        .filter_map(|service| {
            let matches = service.spec.http.iter().flat_map(|route| &route.match_);
            let mut headers = matches.flat_map(|one| one.headers.keys().chain(one.without_headers.keys()));
            let header = headers.find(|name| name.to_ascii_lowercase().starts_with("x-envoy-"))?;
            Some(Hit::new(&service.object_ref(), format!("it routes by {header}")))
        })
        .collect()
}
