//! ML4161: EnvoyFilters that do not reach what they reached.

use meshlift_mesh::facts::{Role, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{EnvoyFilter, Resource};

use super::super::envoy_filter::{BY_REFERENCE, reaches};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::and_more;

/// Variable without which istiod attaches nothing to gateways of the Gateway API by labels.
const BY_SELECTOR: &str = "ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4161",
        layer: Layer::Configuration,
        versions: Versions::Since(BY_REFERENCE),
        title: "An EnvoyFilter reaches fewer proxies",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "make a second EnvoyFilter that names the waypoint in targetRefs, in the waypoint's namespace",
        why: "From 1.27 on an EnvoyFilter reaches a waypoint only by its targetRefs, as policies do: one by labels, or for \
              all of its namespace, passes it over without a word, and what it adds (a limit, a header, a check) is gone \
              there. And targetRefs, which older istiods do not know, begin to count: the filter leaves all other proxies \
              of its namespace. With ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY=false all gateways of the Gateway API are \
              passed over as waypoints are.",
        see: "`kubectl get envoyfilter -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.targetRefs`; `istioctl \
              proxy-config listener POD.NAMESPACE -o json` of the waypoint shows whether the patch is in it.",
        fix: "Make a second EnvoyFilter in the namespace of the waypoint, with targetRefs (kind: Gateway, group: \
              gateway.networking.k8s.io, its name) and proxyVersion '^1\\.(2[7-9]|3.*)' in its match: proxies of before pass \
              it over. For a filter of the root namespace that is one for each waypoint; from 1.27.4 on one of the root \
              namespace may name them all (kind: GatewayClass, name: istio-waypoint).",
        sources: &[
            "https://github.com/istio/istio/blob/1.26.8/pilot/pkg/model/push_context.go",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/model/push_context.go",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/model/policyattachment.go",
        ],
    },
    needs: &[WORKLOADS, &["envoyfilters.networking.istio.io", "gateways.gateway.networking.k8s.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_off =
        context.used_or_all().any(|revision| context.istiod_env(revision, BY_SELECTOR) == Some("false"));
    let by_reference = |workload: &&Workload| {
        workload.role == Role::Waypoint || is_off && workload.role == Role::ManagedGateway
    };
    let left: Vec<&Workload> = context.mesh.workloads.values().filter(by_reference).collect();
    context.objects().envoy_filters.iter().filter_map(|filter| hit(context, filter, &left)).collect()
}

fn hit(context: &Context<'_>, filter: &EnvoyFilter, gateways: &[&Workload]) -> Option<Hit> {
    let reference = filter.object_ref();
    if let Some(target) = filter.spec.target_refs.first() {
        let detail = format!("it reaches {} {} alone, and no other proxy", target.kind, target.name);
        return filter.spec.workload_selector.is_none().then(|| Hit::new(&reference, detail));
    }
    let own = &filter.metadata.namespace;
    let of_all = context.mesh.system_namespaces.contains(own);
    let is_near = |workload: &&&Workload| of_all || workload.workload.namespace == *own;
    let is_reached = |workload: &&&Workload| {
        filter.spec.config_patches.iter().any(|patch| reaches(context, filter, patch, workload))
    };
    let left: Vec<String> =
        gateways.iter().filter(is_near).filter(is_reached).map(|one| one.workload.to_string()).collect();
    let first = left.first()?;
    let more = and_more(left.len());
    Some(Hit::new(&reference, format!("it does not reach {first} any more{more}")))
}
