//! ML4167: priorities of endpoints that are names.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{DestinationRule, Resource, ServiceEntry};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Key of the mesh config's localityLbSetting.
const KEY: &str = "failoverPriority:";

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
              none until the first are ejected. Where its endpoints are in several localities, istiod of 1.30.0 to 1.31.0 counts \
              them beyond the end of a list, which would end it with a panic (read in its code, and not tried).",
        see: "`kubectl get destinationrule -A -o yaml | grep -n -A4 failoverPriority`, and the labels of the ServiceEntry's \
              endpoints.",
        fix: "Where all endpoints should go on to serve, take failoverPriority away from the rule before the control plane \
              moves: today it does nothing there. The same where its endpoints are in several localities.",
        sources: &[
            "https://github.com/istio/istio/blob/1.29.6/pilot/pkg/networking/core/cluster_traffic_policy.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/networking/core/cluster.go",
            "https://github.com/istio/istio/blob/1.30.0/pilot/pkg/networking/core/loadbalancer/loadbalancer.go",
        ],
    },
    needs: &[WORKLOADS, &["destinationrules.networking.istio.io", "serviceentries.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let objects = context.objects();
    // Those with round robin have one endpoint for Envoy, whatever stands behind the name.
    let entries = objects.service_entries.iter().filter(|entry| entry.spec.resolution == "DNS");
    let by_name: BTreeMap<&str, &ServiceEntry> =
        entries.flat_map(|entry| entry.spec.hosts.iter().map(move |host| (host.as_str(), entry))).collect();
    let by_mesh = context.mesh_configs().any(|(_, mut lines)| lines.any(|line| line.starts_with(KEY)));
    let rules = objects.destination_rules.iter().filter(|rule| has_priority(rule, by_mesh));
    rules.filter_map(|rule| Some(hit(rule, by_name.get(rule.spec.host.as_str())?))).collect()
}

fn hit(rule: &DestinationRule, entry: &ServiceEntry) -> Hit {
    let places: BTreeSet<&str> = entry.spec.endpoints.iter().map(|one| one.locality.as_str()).collect();
    let host = &rule.spec.host;
    if places.len() > 1 {
        let detail =
            format!("endpoints of {host} are in {} localities: istiod may end with a panic", places.len());
        return Hit::new(&rule.object_ref(), detail).severity(Severity::Block).offers(&["accept-change"]);
    }
    Hit::new(&rule.object_ref(), format!("endpoints of {host} get priorities"))
}

/// Istio fails over only where ejections tell it which endpoints are bad. What a subset does not say, its rule does.
fn has_priority(rule: &DestinationRule, by_mesh: bool) -> bool {
    let whole = &rule.spec.traffic_policy;
    let subsets = rule.spec.subsets.iter().map(|subset| &subset.traffic_policy);
    std::iter::once(whole).chain(subsets).any(|policy| {
        let near = policy.load_balancer.locality_lb_setting.as_ref();
        let near = near.or(whole.load_balancer.locality_lb_setting.as_ref());
        let has = near.map_or(by_mesh, |setting| !setting.failover_priority.is_empty());
        has && policy.outlier_detection.as_ref().or(whole.outlier_detection.as_ref()).is_some()
    })
}
