//! ML4155: Services with a waypoint and several routes.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, Service, VirtualService};
use meshlift_model::names::ObjectRef;

use super::super::subset::meant;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes};
use crate::waypoints::{USES, waypoint_of};

/// Routes that a finding names.
const SHOWN: usize = 5;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4155",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 6), (29, 2), (30, 0)]),
        title: "A waypoint begins to obey all routes of a Service",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the routes that the waypoint passed over until now",
        why: "Of what there is for one Service a waypoint took the HTTPRoutes of one namespace, or its GRPCRoutes, or one \
              VirtualService, and ignored everything else. From 1.28.6, 1.29.2 and 1.30 on it takes all of it together: \
              rules that had no effect begin to apply.",
        see: concat!(
            objects_where!(
                "httproute grpcroute virtualservice",
                ".spec.hosts or any(.spec.parentRefs[]?; .kind == \"Service\")"
            ),
            "; `istioctl proxy-config route POD.NAMESPACE` of the waypoint shows what applies today."
        ),
        fix: "Make one route of them that says what is meant, or remove those that were never meant.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.1/pilot/pkg/networking/core/listener_waypoint.go",
            "https://github.com/istio/istio/blob/1.29.2/pilot/pkg/networking/core/listener_waypoint.go",
        ],
    },
    needs: &[WORKLOADS, SERVICES, HTTP_ROUTES, &["virtualservices.networking.istio.io"]],
    find: Find::Mesh(find),
};

/// What has a Service among its hosts or parents.
struct Route {
    route: ObjectRef,
    /// Those of one kind in one namespace for one port have always been taken together; VirtualServices never.
    together: String,
}

/// Routes by the namespace and name of a Service.
type Routes = BTreeMap<(String, String), Vec<Route>>;

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut routes = Routes::new();
    for (route, spec) in http_routes(context) {
        for parent in spec.parent_refs.iter().filter(|one| one.kind.as_deref() == Some(Service::KIND)) {
            let namespace = parent.namespace.as_deref().unwrap_or(&route.namespace);
            let together = format!("{} {} {:?}", route.kind, route.namespace, parent.port);
            let all = routes.entry((namespace.to_owned(), parent.name.clone())).or_default();
            all.push(Route { route: route.clone(), together });
        }
    }
    for service in context.objects().virtual_services.iter().filter(|one| is_of_the_mesh(one)) {
        let own = &service.metadata.namespace;
        for (namespace, name) in service.spec.hosts.iter().filter_map(|host| meant(host, own)) {
            let route = service.object_ref();
            let all = routes.entry((namespace.to_owned(), name.to_owned())).or_default();
            all.push(Route { together: route.to_string(), route });
        }
    }
    routes.iter().filter_map(|(service, routes)| hit(context, service, routes)).collect()
}

/// True if the mesh itself, and not gateways alone, takes its HTTP routes.
pub(super) fn is_of_the_mesh(service: &VirtualService) -> bool {
    let spec = &service.spec;
    !spec.http.is_empty() && (spec.gateways.is_empty() || spec.gateways.iter().any(|name| name == "mesh"))
}

fn hit(context: &Context<'_>, (namespace, name): &(String, String), routes: &[Route]) -> Option<Hit> {
    let service = context.object::<Service>(&ObjectRef::new(Service::KIND, namespace, name))?;
    let (home, waypoint) = waypoint_of(context, &service.metadata)?;
    // A waypoint reads those of the Service's namespace and of its own.
    let read =
        || routes.iter().filter(|one| one.route.namespace == *namespace || one.route.namespace == home);
    let apart: BTreeSet<&str> = read().map(|one| one.together.as_str()).collect();
    let all: BTreeSet<&ObjectRef> = read().map(|one| &one.route).collect();
    let words: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let hit =
        || Hit::new(&service.object_ref(), format!("{} are for it: {}{more}", all.len(), words.join(", ")));
    (apart.len() > 1).then(|| hit().because(format!("{USES}={waypoint}")))
}
