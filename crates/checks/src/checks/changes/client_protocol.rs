//! ML4171: useClientProtocol, which begins to go before the mesh's upgrade to HTTP/2.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, TrafficPolicy};

use super::breaker_metrics::policies;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Line of the mesh config that sends HTTP/1.1 as HTTP/2 everywhere.
const UPGRADE: (&str, &str) = ("h2UpgradePolicy", "UPGRADE");

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4171",
        layer: Layer::Configuration,
        versions: Versions::SincePatches(&[(22, 7), (23, 4), (24, 2), (25, 0)]),
        title: "Requests to a host go back to the protocol of the client",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "expect more connections to the host: HTTP/1.1 takes one for each request that runs",
        why: "The mesh config upgrades connections to HTTP/2, and the rule of this host says useClientProtocol. The mesh \
              won; from 1.22.7, 1.23.4 and 1.24.2 on the rule does: clients with HTTP/1.1 reach the host by HTTP/1.1.",
        see: "`kubectl get destinationrule -A -o yaml | grep -n useClientProtocol`; `h2UpgradePolicy` of the mesh config.",
        fix: "Where HTTP/2 should stay, take useClientProtocol away from the rule: until now it did nothing.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.1/pilot/pkg/networking/core/cluster_traffic_policy.go",
            "https://github.com/istio/istio/blob/1.24.2/pilot/pkg/networking/core/cluster_traffic_policy.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps", "destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    if !mesh_upgrades(context) {
        return Vec::new();
    }
    let rules = context.objects().destination_rules.iter().filter(|rule| policies(rule).any(keeps));
    rules
        .map(|rule| Hit::new(&rule.object_ref(), format!("{} is reached by HTTP/2 today", rule.spec.host)))
        .collect()
}

/// True if some mesh config upgrades connections to HTTP/2.
pub(super) fn mesh_upgrades(context: &Context<'_>) -> bool {
    let upgrades =
        |line: &str| line.split_once(':').is_some_and(|(key, value)| (key, value.trim()) == UPGRADE);
    context.mesh_configs().any(|(_, mut lines)| lines.any(upgrades))
}

/// True if it keeps the client's protocol, and leaves the upgrade to the mesh.
fn keeps(policy: &TrafficPolicy) -> bool {
    policy.connection_pool.as_ref().is_some_and(|pool| {
        pool.http.use_client_protocol && matches!(pool.http.h2_upgrade_policy.as_str(), "" | "DEFAULT")
    })
}
