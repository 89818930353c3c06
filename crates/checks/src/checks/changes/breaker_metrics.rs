//! ML4128: metrics of circuit breakers.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource, TrafficPolicy};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4128",
        layer: Layer::Configuration,
        versions: Versions::Since(29),
        title: "Metrics of what its circuit breaker has left are gone",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "look for alerts and dashboards on `remaining_cx`, `remaining_rq` and their like",
        why: "From 1.29 on proxies do not count what is left of the limits of a circuit breaker: the metrics stay \
              0. An alert on them is silent, or never ends.",
        see: "Search dashboards and alerts for `circuit_breakers` and `remaining`.",
        fix: "Rewrite them over what is used, or keep them by env DISABLE_TRACK_REMAINING_CB_METRICS=false on the \
              new istiod.",
        sources: &["https://istio.io/latest/news/releases/1.29.x/announcing-1.29/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let rules = context.objects().destination_rules.iter();
    let limited = rules.filter(|rule| policies(rule).any(|policy| policy.connection_pool.is_some()));
    limited.map(|rule| Hit::new(&rule.object_ref(), format!("{} has limits", rule.spec.host))).collect()
}

/// All policies of a rule: its own, those of its subsets, and those of their ports.
pub(super) fn policies(rule: &DestinationRule) -> impl Iterator<Item = &TrafficPolicy> {
    let subsets = rule.spec.subsets.iter().map(|subset| &subset.traffic_policy);
    let all = std::iter::once(&rule.spec.traffic_policy).chain(subsets);
    all.flat_map(|policy| std::iter::once(policy).chain(&policy.port_level_settings))
}
