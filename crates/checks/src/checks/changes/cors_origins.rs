//! ML4152: origins of CORS filters with a wildcard.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{RouteRule, RouteSpec};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4152",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 6), (29, 1), (30, 0)]),
        title: "A CORS filter treats origins otherwise",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "name the origins that are meant, in full",
        why: "An origin such as `https://*.example.com` in a filter CORS was compared as it stands, so that it matched \
              nothing. From 1.28.6, 1.29.1 and 1.30 on it is a wildcard: browsers let pages of all the origins that it \
              covers read the answers. And preflights (OPTIONS) of origins that the filter does not name are answered by \
              the proxy; they reached the app before.",
        see: concat!(
            objects_where!("httproute", "any(.spec.rules[]?.filters[]?; .type == \"CORS\")"),
            ", and their allowOrigins."
        ),
        fix: "Write each origin that is meant in full. Where the wildcard is meant, and no app answers preflights itself, \
              there is nothing to do.",
        sources: &[
            "https://github.com/istio/istio/blob/1.28.5/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.28.6/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    type Routes<'a> = Vec<(ObjectRef, &'a RouteSpec)>;
    let (wider, others): (Routes<'_>, Routes<'_>) =
        http_routes(context).partition(|(_, spec)| spec.rules.iter().any(has_wildcard));
    let wider = with_rules(wider.into_iter(), "allow origins by a wildcard", has_wildcard);
    let what = "have a filter CORS: preflights of other origins end there";
    let others =
        with_rules(others.into_iter(), what, |rule| rule.filters.iter().any(|one| one.cors.is_some()));
    wider.into_iter().chain(others.into_iter().map(|hit| hit.severity(Severity::Info))).collect()
}

/// True for `https://*.example.com`; `*` alone has always been any origin.
fn has_wildcard(rule: &RouteRule) -> bool {
    let filters = rule.filters.iter().filter_map(|one| one.cors.as_ref());
    filters.flat_map(|cors| &cors.allow_origins).any(|origin| origin.contains('*') && origin != "*")
}
