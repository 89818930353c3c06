//! ML4104: mirrored requests keep their host.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, RouteSpec, VirtualService};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, mirrors};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4104",
        layer: Layer::Configuration,
        versions: Versions::Since(28),
        title: "Mirrored requests no longer say `-shadow` in their host",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the mirror tells copies otherwise, or set DISABLE_SHADOW_HOST_SUFFIX=false on the new istiod",
        why: "Until 1.27 a mirrored request came with `-shadow` behind its host. From 1.28 on it comes with the \
              host of the original. A mirror that tells copies by their host takes them for real requests, and \
              one that routes by host may answer where it did not.",
        see: concat!(
            objects_where!(
                "virtualservice httproute grpcroute",
                "[.. | objects | .mirror, .mirrors, .requestMirror] | any"
            ),
            "; the Host header that the mirror receives."
        ),
        fix: "Let the mirror tell copies by a header that the route sets, or keep the former host: env \
              DISABLE_SHADOW_HOST_SUFFIX=false on the new istiod.",
        sources: &[
            "https://github.com/istio/istio/blob/release-1.30/manifests/helm-profiles/compatibility-version-1.27.yaml",
            "https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-requestmirrorpolicy",
        ],
    },
    needs: &[WORKLOADS, &["virtualservices.networking.istio.io"], HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let services = context.objects().virtual_services.iter().filter_map(of_service);
    services.chain(http_routes(context).filter_map(|(route, spec)| of_route(&route, spec))).collect()
}

fn of_service(service: &VirtualService) -> Option<Hit> {
    let routes = service.spec.http.iter();
    let copies = routes.flat_map(|route| {
        let several = route.mirrors.iter().map(|mirror| &mirror.destination);
        route.mirror.iter().chain(several).map(|destination| destination.host.as_str())
    });
    hit(&service.object_ref(), "spec.http[]", &copies.collect())
}

fn of_route(route: &ObjectRef, spec: &RouteSpec) -> Option<Hit> {
    let names = spec.rules.iter().flat_map(mirrors).map(|to| to.name.as_str());
    hit(route, "spec.rules[]", &names.collect())
}

fn hit(subject: &ObjectRef, place: &str, hosts: &BTreeSet<&str>) -> Option<Hit> {
    let first = hosts.first()?;
    let hit = Hit::new(subject, format!("copies to {first} come with the host of the original"));
    Some(hosts.iter().fold(hit, |hit, host| hit.because(format!("{place} mirrors to {host}"))))
}
