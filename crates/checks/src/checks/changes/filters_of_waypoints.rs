//! ML4161: EnvoyFilters that do not reach what they reached.

use meshlift_mesh::facts::{Role, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{EnvoyFilter, Resource};

use super::super::envoy_filter::reaches;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4161",
        layer: Layer::Configuration,
        versions: Versions::Since(27),
        title: "An EnvoyFilter reaches fewer proxies",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "name the waypoint in the EnvoyFilter's targetRefs once the definitions of the target are there",
        why: "From 1.27 on an EnvoyFilter reaches a waypoint only by its targetRefs, as policies do: one by labels, or for \
              all of its namespace, passes it over without a word, and what it adds (a limit, a header, a check) is gone \
              there. And targetRefs, which older istiods do not know, begin to count: the filter leaves all other proxies \
              of its namespace.",
        see: "`kubectl get envoyfilter -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.targetRefs`; `istioctl \
              proxy-config listener POD.NAMESPACE -o json` of the waypoint shows whether the patch is in it.",
        fix: "For the waypoint make an EnvoyFilter with targetRefs (kind: Gateway, group: gateway.networking.k8s.io, its \
              name) beside the old one, and proxyVersion '^1\\.(2[7-9]|3.*)' in its match: proxies of before pass it over.",
        sources: &[
            "https://github.com/istio/istio/blob/1.26.8/pilot/pkg/model/push_context.go",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/model/push_context.go",
            "https://github.com/istio/istio/blob/1.27.0/pilot/pkg/model/policyattachment.go",
        ],
    },
    needs: &[WORKLOADS, &["envoyfilters.networking.istio.io", "gateways.gateway.networking.k8s.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let waypoints = context.mesh.workloads.values().filter(|workload| workload.role == Role::Waypoint);
    let waypoints: Vec<&Workload> = waypoints.collect();
    context.objects().envoy_filters.iter().filter_map(|filter| hit(context, filter, &waypoints)).collect()
}

fn hit(context: &Context<'_>, filter: &EnvoyFilter, waypoints: &[&Workload]) -> Option<Hit> {
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
        waypoints.iter().filter(is_near).filter(is_reached).map(|one| one.workload.to_string()).collect();
    let first = left.first()?;
    let more = crate::new_rules::and_more(left.len());
    Some(Hit::new(&reference, format!("it does not reach {first} any more{more}")))
}
