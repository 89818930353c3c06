//! ML4148: TLSRoutes for more hosts than their listener.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Listener, Resource, RouteReference, TLSRoute};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{ALPHA, GATEWAYS, gateway_of};

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
        why: "From 1.27.9, 1.28.6, 1.29.2 and 1.30 on a TLSRoute serves those hosts alone that its listener names too. \
              Before, each host of the route was served: connections to the others end as soon as the gateway is told \
              by the new istiod.",
        see: "`kubectl get tlsroutes -A -o custom-columns='NAME:.metadata.name,HOSTS:.spec.hostnames'` beside the \
              `hostname` of the listeners that they name.",
        fix: "Widen `hostname` of the listener to what the route serves, before the gateway moves. Whoever does not mean \
              those hosts has nothing to do.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.1/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.29.2/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS, &["tlsroutes.gateway.networking.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_read = |revision| context.istiod_env(revision, ALPHA) == Some("true");
    if !context.mesh.used_revisions().any(is_read) {
        return Vec::new();
    }
    context.objects().tls_routes.iter().filter_map(|route| hit(context, route)).collect()
}

fn hit(context: &Context<'_>, route: &TLSRoute) -> Option<Hit> {
    let (parent, host, listener) = route.spec.parent_refs.iter().find_map(|parent| {
        let gateway = gateway_of(context, &route.metadata.namespace, parent)?;
        let mut listeners = gateway.spec.listeners.iter().filter(|one| is_meant(parent, one));
        listeners.find_map(|listener| {
            let mut hosts = route.spec.hostnames.iter().filter(|host| is_wider(host, &listener.hostname));
            Some((gateway.object_ref(), hosts.next()?, listener))
        })
    })?;
    let detail = format!("of {host}, only {} is served at {parent}", listener.hostname);
    Some(Hit::new(&route.object_ref(), detail).because(format!("listener {} of {parent}", listener.name)))
}

fn is_meant(parent: &RouteReference, listener: &Listener) -> bool {
    listener.protocol == "TLS" && parent.section_name.as_ref().is_none_or(|name| *name == listener.name)
}

/// True if a host with a wildcard covers the other, and more.
fn is_wider(host: &str, other: &str) -> bool {
    host.strip_prefix('*').is_some_and(|end| host != other && other.ends_with(end))
}
