//! ML4150: retries of HTTPRoutes, which nobody read.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4150",
        layer: Layer::Configuration,
        versions: Versions::Since(25),
        title: "What an HTTPRoute says of retries begins to count",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the backends bear the retries that the route asks for, and that requests may come twice",
        why: "Until 1.24 istiod ignores the retry of an HTTPRoute and retries as the mesh does: twice, on what is safe. \
              From 1.25 on it does what the route says: as often as attempts says, not at all with attempts 0, on the \
              codes that it names and where no connection comes about. timeouts.backendRequest then counts for each \
              try: without timeouts.request nothing ends all of them together.",
        see: concat!(objects_where!("httproute", "any(.spec.rules[]?; .retry)"), "."),
        fix: "Where requests may not come twice, or the backends would not bear the load, take retry out of the route \
              before the upgrade.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.25.5/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    with_rules(http_routes(context), "say when to retry, or not to", |rule| rule.retry.is_some())
}
