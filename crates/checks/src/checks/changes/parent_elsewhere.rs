//! ML4180: a route of the mesh whose Service is in other clusters alone.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, Service};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4180",
        layer: Layer::Configuration,
        versions: Versions::Since(26),
        title: "A route of a Service that is not in this cluster ceases to apply",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "make a Service of that name in this cluster before the control plane moves",
        why: "Until 1.25 istiod took the Service that a route has for its parent from any cluster of the mesh. From 1.26 on it \
              looks in the cluster of the route alone: the route is not accepted (`parent service not found`), and clients \
              reach the Service without it.",
        see: "`kubectl get httproute,grpcroute -A -o yaml | grep -B1 -A4 'kind: Service'` beside `kubectl get svc \
              -A`; once the new istiod answers, `kubectl describe httproute NAME -n NAMESPACE`: condition Accepted.",
        fix: "A Service with the same namespace and name and no pods is enough: backends of all clusters still count. A route to \
              a Service that is nowhere can be deleted.",
        sources: &[
            "https://github.com/istio/istio/blob/1.25.5/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.26.0/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES, &["services"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hits = http_routes(context).filter_map(|(route, spec)| {
        let parents = spec.parent_refs.iter().filter(|parent| parent.kind.as_deref() == Some(Service::KIND));
        let mut parents = parents.map(|parent| {
            let namespace = parent.namespace.as_deref().unwrap_or(&route.namespace);
            ObjectRef::new(Service::KIND, namespace, &parent.name)
        });
        let gone = parents.find(|parent| context.object::<Service>(parent).is_none())?;
        Some(Hit::new(&route, format!("its parent {gone} is not in this cluster")))
    });
    hits.collect()
}
