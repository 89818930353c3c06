//! ML4167: priorities of endpoints that are names.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, TrafficPolicy};

use super::breaker_metrics::policies;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4167",
        layer: Layer::Configuration,
        versions: Versions::Since(30),
        title: "failoverPriority begins to count for endpoints that are names",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that the endpoints with the most labels of a client can carry all of its requests",
        why: "Until 1.29 failoverPriority had no effect on a ServiceEntry with resolution DNS: requests went to all of its \
              endpoints. From 1.30 on those that share the most labels with the client get all of them, and the others \
              none until the first are ejected.",
        see: "`kubectl get destinationrule -A -o yaml | grep -n -A4 failoverPriority`, and the labels of the ServiceEntry's \
              endpoints.",
        fix: "Where all endpoints should go on to serve, take failoverPriority away from the rule before the control plane \
              moves: today it does nothing there.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/networking/core/cluster_traffic_policy.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/networking/core/cluster_traffic_policy.go",
        ],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io", "serviceentries.networking.istio.io"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    // Those with round robin have one endpoint for Envoy, whatever stands behind the name.
    let entries = objects.service_entries.iter().filter(|entry| entry.spec.resolution == "DNS");
    let names: BTreeSet<&str> = entries.flat_map(|entry| &entry.spec.hosts).map(String::as_str).collect();
    let rules = objects.destination_rules.iter().filter(|rule| names.contains(rule.spec.host.as_str()));
    let found = rules.filter(|rule| policies(rule).any(has_priority));
    found
        .map(|rule| Hit::new(&rule.object_ref(), format!("endpoints of {} get priorities", rule.spec.host)))
        .collect()
}

/// Istio fails over only where ejections tell it which endpoints are bad.
fn has_priority(policy: &TrafficPolicy) -> bool {
    let near = policy.load_balancer.locality_lb_setting.as_ref();
    near.is_some_and(|setting| !setting.failover_priority.is_empty()) && policy.outlier_detection.is_some()
}
