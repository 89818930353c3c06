//! ML4155: Services with a waypoint and several routes.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Namespace, Resource, Service, VirtualService};
use meshlift_model::names::ObjectRef;

use super::super::subset::meant;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes};

/// Label of a Service or its namespace that names its waypoint.
const USES: &str = "istio.io/use-waypoint";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4155",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 6), (29, 2), (30, 0)]),
        title: "Its waypoint obeys all of its routes instead of the first",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the routes that the waypoint passed over until now",
        why: "Of several HTTPRoutes, GRPCRoutes and VirtualServices for one Service a waypoint took the first and \
              ignored the others. From 1.28.6, 1.29.2 and 1.30 on it takes all of them together: rules that had no \
              effect begin to apply.",
        see: "`kubectl get httproute,grpcroute,virtualservice -n NAMESPACE -o yaml`: parentRefs of kind Service, and \
              hosts; `istioctl proxy-config route POD.NAMESPACE` of the waypoint shows what applies today.",
        fix: "Make one route of them that says what is meant, or remove those that were never meant.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.1/pilot/pkg/networking/core/listener_waypoint.go",
            "https://github.com/istio/istio/blob/1.29.2/pilot/pkg/networking/core/listener_waypoint.go",
        ],
    },
    needs: &[WORKLOADS, SERVICES, HTTP_ROUTES, &["virtualservices.networking.istio.io"]],
    find,
};

/// Routes by the namespace and name of a Service.
type Routes = BTreeMap<(String, String), BTreeSet<ObjectRef>>;

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut routes = Routes::new();
    for (route, spec) in http_routes(context) {
        for parent in spec.parent_refs.iter().filter(|one| one.kind.as_deref() == Some(Service::KIND)) {
            let namespace = parent.namespace.as_deref().unwrap_or(&route.namespace);
            let service = (namespace.to_owned(), parent.name.clone());
            routes.entry(service).or_default().insert(route.clone());
        }
    }
    for service in context.objects().virtual_services.iter().filter(|one| is_of_the_mesh(one)) {
        for (namespace, name) in
            service.spec.hosts.iter().filter_map(|host| meant(host, &service.metadata.namespace))
        {
            let to = (namespace.to_owned(), name.to_owned());
            routes.entry(to).or_default().insert(service.object_ref());
        }
    }
    let several = routes.into_iter().filter(|(_, routes)| routes.len() > 1);
    several.filter_map(|(service, routes)| hit(context, &service, &routes)).collect()
}

fn is_of_the_mesh(service: &VirtualService) -> bool {
    let spec = &service.spec;
    !spec.http.is_empty() && (spec.gateways.is_empty() || spec.gateways.iter().any(|name| name == "mesh"))
}

fn hit(
    context: &Context<'_>,
    (namespace, name): &(String, String),
    routes: &BTreeSet<ObjectRef>,
) -> Option<Hit> {
    let service = context.object::<Service>(&ObjectRef::new(Service::KIND, namespace, name))?;
    let of_namespace = context.object::<Namespace>(&ObjectRef::cluster(Namespace::KIND, namespace.as_str()));
    let waypoint = service
        .metadata
        .label(USES)
        .or_else(|| of_namespace.and_then(|one| one.metadata.label(USES)))
        .filter(|name| *name != "none")?;
    let words: Vec<String> = routes.iter().map(ToString::to_string).collect();
    let detail = format!("{} are for it: {}", routes.len(), words.join(", "));
    Some(Hit::new(&service.object_ref(), detail).because(format!("{USES}={waypoint}")))
}
