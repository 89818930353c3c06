//! ML4151: CORS filters, which nobody read.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4151",
        layer: Layer::Configuration,
        versions: Versions::Since(26),
        title: "An HTTPRoute with a CORS filter begins to apply",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "read the route: it was ignored as a whole until now",
        why: "Until 1.25 istiod does not know the filter CORS and ignores a route that has it, with all of its rules. \
              From 1.26 on the route applies: requests that other routes, or none, took until then go where it says.",
        see: concat!(
            objects_where!("httproute", "any(.spec.rules[]?.filters[]?; .type == \"CORS\")"),
            "; today their status says that the filter is not supported."
        ),
        fix: "Remove routes that were never meant. Where one is, see that its backends are ready before the gateway \
              moves.",
        sources: &[
            "https://github.com/istio/istio/blob/1.25.5/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.26.0/releasenotes/notes/50452.yaml",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    with_rules(http_routes(context), "have a filter CORS", |rule| {
        rule.filters.iter().any(|filter| filter.type_ == "CORS")
    })
}
