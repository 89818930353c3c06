//! ML4002: a route leads to a subset without pods.

use std::collections::BTreeMap;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, RouteDestination, Service, VirtualService};

use super::subset::{Elsewhere, Rules, has_pods, service_of};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4002",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "A route leads to a subset without pods",
        severity: Severity::Warn,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "take the destination out of the route, or start its pods",
        why: "Requests that take this route are answered 503 already. During an upgrade such errors look as if \
              the new proxies had brought them, and a gate on errors may stop a good wave.",
        see: "`kubectl get virtualservice NAME -n NAMESPACE -o yaml`: the destination's subset; no pod has its \
              labels.",
        fix: "Set its weight to 0 or remove it before the upgrade.",
        sources: &["https://istio.io/latest/docs/concepts/traffic-management/#destination-rules"],
    },
    needs: &[&[
        "pods",
        "services",
        "virtualservices.networking.istio.io",
        "destinationrules.networking.istio.io",
    ]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let (rules, elsewhere) = (Rules::new(context), Elsewhere::new(context));
    let routes = context.objects().virtual_services.iter();
    routes.filter_map(|route| hit(context, &rules, &elsewhere, route)).collect()
}

fn hit(
    context: &Context<'_>,
    rules: &Rules<'_>,
    elsewhere: &Elsewhere<'_>,
    route: &VirtualService,
) -> Option<Hit> {
    let empty: BTreeMap<String, &Service> =
        destinations(route).filter_map(|to| empty(context, rules, route, to)).collect();
    let words: Vec<&str> = empty.keys().map(String::as_str).collect();
    let (_, service) = empty.first_key_value()?;
    let hit = Hit::new(&route.object_ref(), format!("it leads to {}, which has no pods", words.join(", ")));
    Some(elsewhere.judged(hit, service))
}

/// Destinations that may get requests: of several, those with a weight.
fn destinations(route: &VirtualService) -> impl Iterator<Item = &RouteDestination> {
    let http = route.spec.http.iter().map(|http| &http.route);
    let others = route.spec.tls.iter().chain(&route.spec.tcp).map(|other| &other.route);
    http.chain(others).flat_map(|all| all.iter().filter(|to| to.weight > 0 || all.len() == 1))
}

/// The subset of a destination that has no pods; one that no rule defines has none either.
fn empty<'a>(
    context: &Context<'a>,
    rules: &Rules<'_>,
    route: &VirtualService,
    to: &RouteDestination,
) -> Option<(String, &'a Service)> {
    let subset = &to.destination.subset;
    if subset.is_empty() {
        return None;
    }
    let service = service_of(context, &to.destination.host, &route.metadata.namespace)?;
    let served = rules.subsets(service, subset).into_iter().any(|labels| has_pods(context, service, labels));
    (!served).then(|| (format!("subset {subset} of {}", service.metadata.path()), service))
}
