//! ML4002: a route leads to a subset without pods.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, RouteDestination, VirtualService};

use super::subset::{Rules, has_pods, service_of};
use crate::check::{Check, Entry, Hit, Layer, Versions};
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
        see: "`kubectl get virtualservice -o yaml`: the destination's subset; no pod has its labels.",
        fix: "Set its weight to 0 or remove it before the upgrade.",
        sources: &["https://istio.io/latest/docs/concepts/traffic-management/#destination-rules"],
    },
    needs: &[&[
        "pods",
        "services",
        "virtualservices.networking.istio.io",
        "destinationrules.networking.istio.io",
    ]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let rules = Rules::new(context);
    context.objects().virtual_services.iter().filter_map(|route| hit(context, &rules, route)).collect()
}

fn hit(context: &Context<'_>, rules: &Rules<'_>, route: &VirtualService) -> Option<Hit> {
    let empty: BTreeSet<String> =
        destinations(route).filter_map(|to| empty(context, rules, route, to)).collect();
    if empty.is_empty() {
        return None;
    }
    let words: Vec<&str> = empty.iter().map(String::as_str).collect();
    Some(Hit::new(&route.object_ref(), format!("it leads to {}, which has no pods", words.join(", "))))
}

/// Destinations that may get requests: of several, those with a weight.
fn destinations(route: &VirtualService) -> impl Iterator<Item = &RouteDestination> {
    let http = route.spec.http.iter().map(|http| &http.route);
    let others = route.spec.tls.iter().chain(&route.spec.tcp).map(|other| &other.route);
    http.chain(others).flat_map(|all| all.iter().filter(|to| to.weight > 0 || all.len() == 1))
}

/// The subset of a destination that has no pods; one that no rule defines has none either.
fn empty(
    context: &Context<'_>,
    rules: &Rules<'_>,
    route: &VirtualService,
    to: &RouteDestination,
) -> Option<String> {
    let subset = &to.destination.subset;
    if subset.is_empty() {
        return None;
    }
    let service = service_of(context, &to.destination.host, &route.metadata.namespace)?;
    let served = rules.subsets(service, subset).into_iter().any(|labels| has_pods(context, service, labels));
    (!served).then(|| format!("subset {subset} of {}", service.metadata.path()))
}
