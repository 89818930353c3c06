//! ML4147: routes of connections that istiod ignored until now.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{CrdVersion, Resource, TCPRoute, TLSRoute};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, alpha_is_read, is_served, reads_alpha};

/// Definitions, and the minor version from which on istiod reads them without being asked to.
const TLS: (&str, u32) = (TLSRoute::RESOURCE, 30);
const TCP: (&str, u32) = (TCPRoute::RESOURCE, 31);

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4147",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "A route that istiod ignored begins to apply",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the route: it was ignored until now, and remove it where nobody means it",
        why: "TLSRoutes are read from 1.30 on, TCPRoutes from 1.31 on; before, only by an istiod that has \
              PILOT_ENABLE_ALPHA_GATEWAY_API=true. A route that had no effect then sends connections where it says: at \
              gateways, and of clients in the mesh where its parent is a Service.",
        see: concat!(
            objects_where!("tlsroute tcproute", "true"),
            "; `kubectl get deploy -n istio-system -l app=istiod -o yaml | grep -A1 ALPHA_GATEWAY_API` says whether the \
             variable is on."
        ),
        fix: "Remove routes that were never meant, or take their parentRefs away until after the upgrade. Env \
              PILOT_IGNORE_RESOURCES=tlsroutes.gateway.networking.k8s.io on the new istiod hides all TLSRoutes from it.",
        sources: &[
            "https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/config/kube/gateway/controller.go",
        ],
    },
    needs: &[WORKLOADS, GATEWAYS, &[TLS.0, TCP.0], &["customresourcedefinitions.apiextensions.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if alpha_is_read(context) {
        return Vec::new();
    }
    // An istiod that is there, and reads what is experimental.
    let asked = context.targets().any(|revision| reads_alpha(context, revision));
    let (tls, tcp) = (asked || begins(context, TLS), asked || begins(context, TCP));
    let objects = context.objects();
    let tls_routes = objects.tls_routes.iter().filter(|_| tls).map(|route| (route.object_ref(), &route.spec));
    let tcp_routes = objects.tcp_routes.iter().filter(|_| tcp).map(|route| (route.object_ref(), &route.spec));
    let served = tls_routes.chain(tcp_routes).filter(|(route, spec)| is_served(context, route, spec));
    served.map(|(route, _)| Hit::new(&route, "istiod ignores it today")).collect()
}

/// True where the definition serves what the target reads, and nothing that runs reads it yet.
fn begins(context: &Context<'_>, (definition, minor): (&str, u32)) -> bool {
    let mut versions = context.used_or_all().filter_map(|revision| revision.version.as_ref());
    let mut definitions = context.objects().crds.iter().filter(|one| one.metadata.name == definition);
    let serves = |version: &CrdVersion| version.served && version.name == "v1";
    versions.any(|version| context.crosses(version, minor))
        && definitions.any(|one| one.spec.versions.iter().any(serves))
}
