//! ML4117: routes and policies by headers that only internal peers may set.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{AuthorizationPolicy, Resource, RouteSpec, VirtualService};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes};

/// What Envoy takes away, behind `x-envoy-` (envoy: source/common/http/conn_manager_utility.cc, cleanInternalHeaders).
const INTERNAL: [&str; 18] = [
    "decorator-operation",
    "downstream-service-cluster",
    "downstream-service-node",
    "expected-rq-timeout-ms",
    "force-trace",
    "hedge-on-per-try-timeout",
    "internal",
    "ip-tags",
    "max-retries",
    "original-url",
    "retriable-header-names",
    "retriable-status-codes",
    "retry-grpc-on",
    "retry-on",
    "upstream-alt-stat-name",
    "upstream-rq-per-try-timeout-ms",
    "upstream-rq-timeout-alt-response",
    "upstream-rq-timeout-ms",
];

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4117",
        layer: Layer::Configuration,
        versions: Versions::Since(25),
        title: "A route or policy reads headers that gateways now take away",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "tell istiod which networks are internal before gateways move",
        why: "Until 1.24 every private address counted as internal, and headers such as `x-envoy-retry-on` that \
              came from there were kept. From 1.25 on no address does: gateways remove them. A route by such a \
              header does not match any more; a policy that allows by it allows nothing, and one that denies by it \
              denies nothing.",
        see: concat!(
            objects_where!(
                "virtualservice httproute grpcroute authorizationpolicy",
                ".spec | tostring | test(\"x-envoy-\"; \"i\")"
            ),
            "."
        ),
        fix: "Let callers send a header of another name. Where that cannot be: ranges in meshNetworks (`endpoints` with \
              `fromCidr`) count as internal at gateways, and with env ENABLE_HCM_INTERNAL_NETWORKS=true on the new \
              istiod in sidecars too. They also say to which network an address belongs, to the old istiod as well, and \
              whoever reaches the gateway from there can set these headers: read the advisory first.",
        sources: &[
            "https://istio.io/latest/news/releases/1.25.x/announcing-1.25/upgrade-notes/",
            "https://github.com/envoyproxy/envoy/security/advisories/GHSA-ffhv-fvxq-r6mf",
        ],
    },
    needs: &[
        WORKLOADS,
        &["virtualservices.networking.istio.io", "authorizationpolicies.security.istio.io"],
        HTTP_ROUTES,
    ],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let routes = |object: &ObjectRef, header: &str| Hit::new(object, format!("it routes by {header}"));
    let decides = |object: &ObjectRef, header: &str| Hit::new(object, format!("it decides by {header}"));
    let services = context.objects().virtual_services.iter();
    let services = services.filter_map(|one| Some(routes(&one.object_ref(), of_service(one)?)));
    let api = http_routes(context).filter_map(|(route, spec)| Some(routes(&route, of_route(spec)?)));
    let policies = context.objects().authorization_policies.iter();
    let policies = policies.filter_map(|one| Some(decides(&one.object_ref(), of_policy(one)?)));
    services.chain(api).chain(policies).collect()
}

fn of_service(service: &VirtualService) -> Option<&str> {
    let matches = service.spec.http.iter().flat_map(|route| &route.match_);
    let mut headers = matches.flat_map(|one| one.headers.keys().chain(one.without_headers.keys()));
    headers.find(|name| is_internal(name)).map(String::as_str)
}

fn of_route(spec: &RouteSpec) -> Option<&str> {
    let matches = spec.rules.iter().flat_map(|rule| &rule.matches);
    let mut headers = matches.flat_map(|one| &one.headers).map(|header| header.name.as_str());
    headers.find(|name| is_internal(name))
}

fn of_policy(policy: &AuthorizationPolicy) -> Option<&str> {
    let conditions = policy.spec.rules.iter().flat_map(|rule| &rule.when);
    let mut headers =
        conditions.filter_map(|one| one.key.strip_prefix("request.headers[")?.strip_suffix(']'));
    headers.find(|name| is_internal(name))
}

fn is_internal(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    header.strip_prefix("x-envoy-").is_some_and(|rest| INTERNAL.contains(&rest))
}
