//! Routes of the Gateway API that Istio serves.

use meshlift_mesh::facts::Revision;
use meshlift_model::k8s::{Gateway, Resource, RouteReference, RouteRule, RouteSpec};
use meshlift_model::names::ObjectRef;

use crate::check::Hit;
use crate::context::Context;
use crate::go_bool::go_bool;

/// Sources that tell which Gateways are Istio's.
pub(crate) const GATEWAYS: &[&str] =
    &["gatewayclasses.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io"];
/// Sources that tell which routes of HTTP requests Istio serves.
pub(crate) const HTTP_ROUTES: &[&str] = &[
    "gatewayclasses.gateway.networking.k8s.io",
    "gateways.gateway.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "grpcroutes.gateway.networking.k8s.io",
];
/// Variable without which istiod does not read what is experimental.
const ALPHA: &str = "PILOT_ENABLE_ALPHA_GATEWAY_API";
/// Start of the names of Istio's controllers of GatewayClasses.
const CONTROLLERS: &str = "istio.io/";

/// HTTPRoutes and GRPCRoutes that Istio serves.
pub(crate) fn http_routes<'a>(context: &'a Context<'_>) -> impl Iterator<Item = (ObjectRef, &'a RouteSpec)> {
    let objects = context.objects();
    let http = objects.http_routes.iter().map(|route| (route.object_ref(), &route.spec));
    let grpc = objects.grpc_routes.iter().map(|route| (route.object_ref(), &route.spec));
    http.chain(grpc).filter(|(route, spec)| is_served(context, route, spec))
}

/// A finding for each of the routes that has such rules.
pub(crate) fn with_rules<'a>(
    routes: impl Iterator<Item = (ObjectRef, &'a RouteSpec)>,
    what: &str,
    is_one: fn(&RouteRule) -> bool,
) -> Vec<Hit> {
    let found = |(route, spec): (ObjectRef, &RouteSpec)| {
        let rules = spec.rules.iter().filter(|rule| is_one(rule)).count();
        (rules > 0).then(|| Hit::new(&route, format!("{rules} of its {} rules {what}", spec.rules.len())))
    };
    routes.filter_map(found).collect()
}

/// True where a Gateway of Istio's has the route, or the mesh itself: a Service.
pub(crate) fn is_served(context: &Context<'_>, route: &ObjectRef, spec: &RouteSpec) -> bool {
    spec.parent_refs.iter().any(|parent| match parent.kind.as_deref() {
        None | Some(Gateway::KIND) => gateway_of(context, &route.namespace, parent).is_some(),
        // The mesh itself, and sets of listeners, which are not read.
        Some(kind) => ["Service", "ServiceEntry", "ListenerSet", "XListenerSet"].contains(&kind),
    })
}

/// The Gateway of Istio's that a route in a namespace names as its parent.
pub(crate) fn gateway_of<'a>(
    context: &Context<'a>,
    namespace: &str,
    parent: &RouteReference,
) -> Option<&'a Gateway> {
    let namespace = parent.namespace.as_deref().unwrap_or(namespace);
    let gateway = context.object::<Gateway>(&ObjectRef::new(Gateway::KIND, namespace, &parent.name))?;
    is_istios(context, gateway).then_some(gateway)
}

/// True for Gateways of a class of Istio's.
pub(crate) fn is_istios(context: &Context<'_>, gateway: &Gateway) -> bool {
    controller(context, gateway).starts_with(CONTROLLERS)
}

/// Name of the controller of a Gateway's class; empty where there is no such class.
pub(crate) fn controller<'a>(context: &Context<'a>, gateway: &Gateway) -> &'a str {
    let mut classes = context.objects().gateway_classes.iter();
    let class = classes.find(|class| class.metadata.name == gateway.spec.gateway_class_name);
    class.map_or("", |class| class.spec.controller_name.as_str())
}

/// Where a rule sends copies of requests.
pub(crate) fn mirrors(rule: &RouteRule) -> impl Iterator<Item = &RouteReference> {
    rule.filters.iter().filter_map(|filter| Some(&filter.request_mirror.as_ref()?.backend_ref))
}

/// True if the revision reads what is experimental.
pub(crate) fn reads_alpha(context: &Context<'_>, revision: &Revision) -> bool {
    context.istiod_env(revision, ALPHA).and_then(go_bool) == Some(true)
}

/// True if something that runs reads what is experimental.
pub(crate) fn alpha_is_read(context: &Context<'_>) -> bool {
    context.used_or_all().any(|revision| reads_alpha(context, revision))
}
