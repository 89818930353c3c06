//! ML4149: mirrors that copy a fraction of the requests.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4149",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(24, 3), (25, 0)]),
        title: "A route mirrors a hundred times as many requests",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the mirror bears a hundred times as many requests",
        why: "Until 1.24.2 a RequestMirror filter with a fraction copied a hundredth of what it says: 1/2 was half a \
              percent. From 1.24.3 and 1.25 on it copies what it says, and the mirror gets a hundred times as many \
              requests as before.",
        see: concat!(
            objects_where!("httproute grpcroute", "[.. | objects | .requestMirror?.fraction] | any"),
            "; the requests that the mirror gets today."
        ),
        fix: "Scale the mirror for what the fraction says. Or write a hundredth of it, such as 1/200 for 1/2, and put it \
              back after the upgrade: gateways that have not moved yet copy next to nothing meanwhile.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.2/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.24.3/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // 1.23 passes the fraction over and copies every request: fewer come, which harms no mirror.
    let copies_a_hundredth =
        |version: &IstioVersion| (version.major, version.minor) == (1, 24) && version.patch < 3;
    if !context.used_or_all().filter_map(|revision| revision.version.as_ref()).any(copies_a_hundredth) {
        return Vec::new();
    }
    with_rules(http_routes(context), "mirror a fraction of their requests", |rule| {
        rule.filters
            .iter()
            .filter_map(|one| one.request_mirror.as_ref())
            .any(|mirror| mirror.fraction.is_some())
    })
}
