//! ML4179: header values that are no single line.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{RouteFilter, RouteRule};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::routes::{HTTP_ROUTES, http_routes, with_rules};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4179",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(28, 8), (29, 4), (30, 1)]),
        title: "A header with a line end or a control character takes its whole route away",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "write the value on one line (YAML `|-` or quotes, not `|`) before the control plane moves",
        why: "A filter sets or adds a header whose value holds a control character; most often the line end that YAML `value: \
              |` leaves. From 1.28.8, 1.29.4 and 1.30.1 on istiod refuses the route for it: all its rules go, for all its \
              parents, and requests get 404 or another route's answer.",
        see: objects_where!(
            "httproute grpcroute",
            "any(.spec.rules[]? | .filters[]?, .backendRefs[]?.filters[]? | .requestHeaderModifier, .responseHeaderModifier | .set[]?, .add[]?; .value | test(\"[\\u0000-\\u0008\\u000a-\\u001f\\u007f]\"))"
        ),
        fix: "Correct the value; every version accepts what is left. The status of the route says `contains invalid \
              characters` once a new istiod has refused it.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.3/pilot/pkg/config/kube/gateway/conversion.go",
            "https://github.com/istio/istio/blob/1.29.4/pilot/pkg/config/kube/gateway/conversion.go",
        ],
    },
    needs: &[WORKLOADS, HTTP_ROUTES],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    with_rules(http_routes(context), "set a header to a value with a control character", has_one)
}

fn has_one(rule: &RouteRule) -> bool {
    let of_backends = rule.backend_refs.iter().flat_map(|backend| &backend.filters);
    rule.filters.iter().chain(of_backends).any(sets_one)
}

fn sets_one(filter: &RouteFilter) -> bool {
    let modifiers = [&filter.request_header_modifier, &filter.response_header_modifier];
    let mut headers = modifiers.into_iter().flatten().flat_map(|one| one.set.iter().chain(&one.add));
    headers.any(|header| !header.value.bytes().all(|byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f)))
}
