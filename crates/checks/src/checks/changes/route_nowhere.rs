//! ML4154: rules of HTTPRoutes without a backend.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{HTTPRoute, Resource};
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

/// The minor version that answers otherwise than all others.
const ODD: (u32, u32) = (1, 30);

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4154",
        layer: Layer::Configuration,
        versions: Versions::Target,
        title: "A route to nowhere answers with another code",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that nobody counts on the code",
        why: "A rule of an HTTPRoute without backendRefs, and without a redirect, answers 500. Only 1.30 answers 404: \
              clients and alerts that look at 5xx see a difference on the way to it, and on the way from it.",
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
            "https://github.com/istio/istio/blob/1.31.0-rc.0/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let answers = |version: &IstioVersion| if (version.major, version.minor) == ODD { 404 } else { 500 };
    let Some(then) = context.target.map(answers) else { return Vec::new() };
    let Some(now) = context.used_versions().map(answers).find(|now| *now != then) else { return Vec::new() };
    let routes = http_routes(context).filter(|(route, _)| route.kind == HTTPRoute::KIND);
    with_rules(routes, &format!("name no backend: {then} instead of {now}"), |rule| {
        rule.backend_refs.is_empty() && !rule.filters.iter().any(|filter| filter.type_ == "RequestRedirect")
    })
}
