//! ML4152: origins of CORS filters with a wildcard.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4152",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 6), (29, 1), (30, 0)]),
        title: "A wildcard in the origins of a CORS filter begins to count",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "name the origins that are meant, in full",
        why: "An origin with `*` in a filter CORS was compared as it stands, so that it matched nothing. From 1.28.6, \
              1.29.1 and 1.30 on it is a wildcard: browsers let pages of all the origins that it covers read the \
              answers.",
        see: "`kubectl get httproute -A -o yaml | grep -n -A3 \"allowOrigins:\"`.",
        fix: "Write each origin that is meant in full. Where the wildcard is meant, there is nothing to do.",
        sources: &[
            "https://github.com/istio/istio/blob/1.28.5/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.28.6/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    with_rules(http_routes(context), "allow origins by a wildcard", |rule| {
        let filters = rule.filters.iter().filter_map(|one| one.cors.as_ref());
        filters.flat_map(|cors| &cors.allow_origins).any(|origin| origin.contains('*'))
    })
}
