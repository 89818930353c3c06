//! ML4177: an HTTPRoute and a GRPCRoute for one host, of which some versions take one alone.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{GRPCRoute, HTTPRoute, ObjectMeta, Resource, RouteReference, RouteSpec};
use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, is_served};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4177",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "Of an HTTPRoute and a GRPCRoute for one host, one alone counts in some versions",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the GRPCRoute a host of its own, or move it to another namespace, before the control plane moves",
        why: "Until 1.26.1, and again from 1.30 on, istiod unites routes of both kinds that name one host at one listener. \
              From 1.26.2 to 1.29 two of one namespace get the same name inside of istiod: the HTTPRoute stays, all rules of \
              the GRPCRoute vanish (its status stays Accepted), and its calls go by the HTTPRoute's rules or end with 404. On \
              the way out of these versions the GRPCRoute begins to apply.",
        see: "`kubectl get httproute,grpcroute -A -o custom-columns=:kind,:metadata.namespace,:metadata.name,:spec.hostnames,:spec.parentRefs[*].name`: \
              the same host twice in one namespace.",
        fix: "Write both as one HTTPRoute (gRPC is `POST /package.Service/Method`), or give each kind a host of its own: all \
              versions read that alike.",
        sources: &[
            "https://github.com/istio/istio/issues/57172",
            "https://github.com/istio/istio/blob/1.26.2/pilot/pkg/config/kube/gateway/route_collections.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/config/kube/gateway/controller.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

/// Parent (kind, namespace, name, listener, port) and host.
type Place<'a> = ([&'a str; 4], Option<i32>, &'a str);

/// Its oldest route of each kind, as istiod orders them.
#[derive(Default)]
struct Oldest<'a> {
    http: Option<&'a ObjectMeta>,
    grpc: Option<&'a ObjectMeta>,
}

fn find(context: &Context<'_>) -> Vec<Hit> {
    let Some(then) = context.target.map(takes_one) else { return Vec::new() };
    if !context.used_versions().any(|version| takes_one(version) != then) {
        return Vec::new();
    }
    let objects = context.objects();
    let http = objects.http_routes.iter().map(|one| (one.object_ref(), &one.metadata, &one.spec));
    let grpc = objects.grpc_routes.iter().map(|one| (one.object_ref(), &one.metadata, &one.spec));
    let mut places: BTreeMap<Place<'_>, Oldest<'_>> = BTreeMap::new();
    for (route, meta, spec) in http.chain(grpc).filter(|(route, _, spec)| is_served(context, route, spec)) {
        for place in places_of(meta, spec) {
            let oldest = places.entry(place).or_default();
            older(if route.kind == HTTPRoute::KIND { &mut oldest.http } else { &mut oldest.grpc }, meta);
        }
    }
    let hits = places.iter().filter_map(|(place, routes)| hit(place, routes, then));
    // One finding for each route, whatever the number of its hosts.
    let mut by_route: BTreeMap<ObjectRef, Hit> = BTreeMap::new();
    for (route, hit) in hits {
        by_route.entry(route).or_insert(hit);
    }
    by_route.into_values().collect()
}

/// True for versions in which the HTTPRoute alone counts.
fn takes_one(version: &IstioVersion) -> bool {
    version.major == 1 && (26..30).contains(&version.minor) && (version.minor, version.patch) >= (26, 2)
}

fn places_of<'a>(meta: &'a ObjectMeta, spec: &'a RouteSpec) -> impl Iterator<Item = Place<'a>> {
    let hosts = move || {
        let all = spec.hostnames.is_empty().then_some("*");
        spec.hostnames.iter().map(String::as_str).chain(all)
    };
    spec.parent_refs.iter().flat_map(move |parent| {
        let RouteReference { kind, namespace, name, section_name, port, .. } = parent;
        let kind = kind.as_deref().unwrap_or("Gateway");
        let namespace = namespace.as_deref().unwrap_or(&meta.namespace);
        let parent = [kind, namespace, name.as_str(), section_name.as_deref().unwrap_or_default()];
        // The mesh asks for a Service's name, not for hosts.
        let hosts = hosts().map(move |host| if kind == "Gateway" { host } else { "*" });
        hosts.map(move |host| (parent, *port, host))
    })
}

fn older<'a>(kept: &mut Option<&'a ObjectMeta>, meta: &'a ObjectMeta) {
    let age = |one: &'a ObjectMeta| (one.creation_timestamp, &one.namespace, &one.name);
    if kept.is_none_or(|kept| age(meta) < age(kept)) {
        *kept = Some(meta);
    }
}

fn hit(place: &Place<'_>, routes: &Oldest<'_>, then: bool) -> Option<(ObjectRef, Hit)> {
    let (http, grpc) = (routes.http?, routes.grpc?);
    // Of two namespaces, each keeps its own name.
    if http.namespace != grpc.namespace {
        return None;
    }
    let ([kind, _, name, ..], _, host) = place;
    let reference = ObjectRef::new(GRPCRoute::KIND, &grpc.namespace, &grpc.name);
    let what = if then { "takes its place" } else { "took its place until now" };
    let detail = format!("HTTPRoute/{} {what} for host {host} at {kind}/{name}", http.path());
    let hit = Hit::new(&reference, detail);
    Some((reference.clone(), hit.because(format!("HTTPRoute/{} names {host} too", http.path()))))
}
