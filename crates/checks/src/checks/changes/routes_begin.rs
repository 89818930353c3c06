//! ML4147: routes of connections that istiod ignored until now.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, RouteSpec};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{GATEWAYS, all_read_alpha, is_served};

/// Definitions, and the minor version from which on istiod reads them without being asked to.
const TLS: (&str, u32) = ("tlsroutes.gateway.networking.k8s.io", 30);
const TCP: (&str, u32) = ("tcproutes.gateway.networking.k8s.io", 31);

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
              PILOT_ENABLE_ALPHA_GATEWAY_API=true. What lay there without effect then takes connections at gateways, \
              and of clients in the mesh where its parent is a Service.",
        see: "`kubectl get tlsroutes,tcproutes -A`; `kubectl get deploy -n istio-system -l app=istiod -o yaml | grep -A1 \
              ALPHA_GATEWAY_API` says whether the variable is on.",
        fix: "Remove routes that were never meant, or take their parentRefs away until after the upgrade. There is no \
              variable that keeps istiod from reading them.",
        sources: &[
            "https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/config/kube/gateway/controller.go",
        ],
    },
    needs: &[
        WORKLOADS,
        GATEWAYS,
        &["tlsroutes.gateway.networking.k8s.io", "tcproutes.gateway.networking.k8s.io"],
        &["customresourcedefinitions.apiextensions.k8s.io"],
    ],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if all_read_alpha(context) {
        return Vec::new();
    }
    let objects = context.objects();
    let tls = objects.tls_routes.iter().map(|route| (route.object_ref(), &route.spec));
    let tcp = objects.tcp_routes.iter().map(|route| (route.object_ref(), &route.spec));
    let tls: Vec<(ObjectRef, &RouteSpec)> = tls.filter(|_| begins(context, TLS)).collect();
    let all = tls.into_iter().chain(tcp.filter(|_| begins(context, TCP)));
    let served = all.filter(|(route, spec)| is_served(context, route, spec));
    served.map(|(route, _)| Hit::new(&route, "istiod ignores it today")).collect()
}

/// True where the definition serves what the target reads, and nothing that runs reads it yet.
fn begins(context: &Context<'_>, (definition, minor): (&str, u32)) -> bool {
    let mut versions = context.mesh.used_revisions().filter_map(|revision| revision.version.as_ref());
    let mut definitions = context.objects().crds.iter().filter(|one| one.metadata.name == definition);
    let serves = |version: &meshlift_model::k8s::CrdVersion| version.served && version.name == "v1";
    versions.any(|version| context.crosses(version, minor))
        && definitions.any(|one| one.spec.versions.iter().any(serves))
}
