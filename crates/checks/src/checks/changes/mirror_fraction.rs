//! ML4149: mirrors that copy a fraction of the requests.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4149",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(24, 3), (25, 0)]),
        title: "It mirrors a hundred times as many requests",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the mirror bears a hundred times as many requests",
        why: "A RequestMirror filter with a fraction copied a hundredth of what it says: 1/2 was half a percent. From \
              1.24.3 and 1.25 on it copies what it says, and the mirror gets a hundred times as many requests as \
              before.",
        see: "`kubectl get httproute,grpcroute -A -o yaml | grep -n -A3 \"fraction:\"`; the requests that the mirror \
              gets today.",
        fix: "Scale the mirror for what the fraction says, or write a hundredth of it, such as 1/200 for 1/2, while \
              both versions run.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.2/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.24.3/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    with_rules(http_routes(context), "mirror a fraction of their requests", |rule| {
        rule.filters.iter().filter_map(|one| one.request_mirror.as_ref()).any(|mirror| mirror.fraction.is_some())
    })
}
