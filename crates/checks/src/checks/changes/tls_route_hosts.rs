//! ML4148: TLSRoutes for more hosts than their listener.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Listener, Resource, RouteReference, TLSRoute};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, alpha_is_read, gateway_of};

/// Any host.
const ANY: &str = "*";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4148",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(27, 9), (28, 6), (29, 2), (30, 0)]),
        title: "A TLSRoute serves fewer hosts than it names",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the listener the hosts of the route, or the hosts that are meant a listener of their own",
        why: "From 1.27.9, 1.28.6, 1.29.2 and 1.30 on a TLSRoute serves those hosts alone that its listeners name \
              too. Before, one host in common was enough, and each host of the route was served: connections to the \
              others fail as soon as the gateway has the configuration of the new istiod.",
        see: "`kubectl get tlsroutes -A -o \
              custom-columns='NS:.metadata.namespace,NAME:.metadata.name,HOSTS:.spec.hostnames,PARENTS:.spec.parentRefs[*].name'` \
              beside `kubectl get gateway.gateway.networking.k8s.io -A -o \
              custom-columns='NS:.metadata.namespace,NAME:.metadata.name,HOSTS:.spec.listeners[*].hostname'`.",
        fix: "Widen `hostname` of the listener to what the route serves, before the gateway moves. Where nobody needs \
              the hosts that the finding names, there is nothing to do.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.1/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.29.2/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS, &["tlsroutes.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if !alpha_is_read(context) {
        return Vec::new();
    }
    context.objects().tls_routes.iter().filter_map(|route| hit(context, route)).collect()
}

fn hit(context: &Context<'_>, route: &TLSRoute) -> Option<Hit> {
    route.spec.parent_refs.iter().find_map(|parent| {
        let gateway = gateway_of(context, &route.metadata.namespace, parent)?;
        let meant = gateway.spec.listeners.iter().filter(|one| is_meant(parent, one));
        let listeners: Vec<&str> = meant.map(|listener| any_if_empty(&listener.hostname)).collect();
        let lost = lost(&route.spec.hostnames, &listeners);
        let detail = format!("{} serves it no more for {}", gateway.object_ref(), lost.join(", "));
        let because = format!("its listeners for TLS name {}", listeners.join(", "));
        (!lost.is_empty()).then(|| Hit::new(&route.object_ref(), detail).because(because))
    })
}

/// Hosts of the route that no listener covers, where at least one host is served by one.
fn lost<'a>(hosts: &'a [String], listeners: &[&str]) -> Vec<&'a str> {
    let hosts: Vec<&str> =
        if hosts.is_empty() { vec![ANY] } else { hosts.iter().map(|host| any_if_empty(host)).collect() };
    let meets = |host: &&str| listeners.iter().any(|one| covers(one, host) || covers(host, one));
    if !hosts.iter().any(meets) {
        return Vec::new();
    }
    hosts.into_iter().filter(|host| !listeners.iter().any(|one| covers(one, host))).collect()
}

fn any_if_empty(host: &str) -> &str {
    if host.is_empty() { ANY } else { host }
}

fn is_meant(parent: &RouteReference, listener: &Listener) -> bool {
    listener.protocol == "TLS" && parent.section_name.as_ref().is_none_or(|name| *name == listener.name)
}

/// True if a host, maybe with a wildcard, is the other or has it among its own.
fn covers(host: &str, other: &str) -> bool {
    host == other || host.strip_prefix('*').is_some_and(|end| other.ends_with(end))
}
