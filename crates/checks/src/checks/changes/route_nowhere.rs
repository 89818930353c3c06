//! ML4154: rules of HTTPRoutes without a backend.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{HTTPRoute, Resource};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4154",
        layer: Layer::Configuration,
        versions: Versions::Since(30),
        title: "A route to nowhere answers 404 instead of 500",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that nobody counts on the 500",
        why: "A rule of an HTTPRoute without backendRefs, and without a redirect, answered 500. From 1.30 on it \
              answers 404, as the Gateway API says. Clients and alerts that look at 5xx see a difference.",
        see: concat!(
            objects_where!(
                "httproute",
                "any(.spec.rules[]?; (.backendRefs // []) == [] and (any(.filters[]?; .type == \"RequestRedirect\") | not))"
            ),
            "."
        ),
        fix: "Nothing to do as a rule. A backendRef with weight 0 answers 500 as before.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let routes = http_routes(context).filter(|(route, _)| route.kind == HTTPRoute::KIND);
    with_rules(routes, "name no backend", |rule| {
        rule.backend_refs.is_empty() && !rule.filters.iter().any(|filter| filter.type_ == "RequestRedirect")
    })
}
