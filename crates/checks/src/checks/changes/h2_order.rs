//! ML4182: what DestinationRules say of HTTP/2, read in another order.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, TrafficPolicy};

use super::breaker_metrics::policies;
use super::client_protocol::mesh_upgrades;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4182",
        layer: Layer::Configuration,
        versions: Versions::Since(28),
        title: "A limit of streams begins to count for connections that are upgraded to HTTP/2",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that maxConnections times maxConcurrentStreams is enough for the host, or take the limit away",
        why: "A rule upgrades connections to HTTP/2 and limits streams by maxConcurrentStreams. Until 1.27 the upgrade \
              overwrote the limit. From 1.28 on it counts: proxies open more connections, and where maxConnections does not \
              let them, requests fail with 503 (response flag UO).",
        see: "`kubectl get destinationrule -A -o yaml | grep -n -B4 -A4 maxConcurrentStreams`; in a proxy of the new \
              version, `istioctl proxy-config cluster POD.NAMESPACE --fqdn HOST -o json | grep \
              maxConcurrentStreams`.",
        fix: "Raise the limit, or take it away: until now it did nothing. Also from 1.28 on h2UpgradePolicy UPGRADE has no say \
              over ports whose protocol is not named: name them http2-… or grpc-… where the host needs HTTP/2.",
        sources: &[
            "https://github.com/istio/istio/blob/1.27.9/pilot/pkg/networking/core/cluster_builder.go",
            "https://github.com/istio/istio/blob/1.28.0/pilot/pkg/networking/core/cluster_builder.go",
            "https://github.com/istio/istio/blob/1.28.0/pilot/pkg/networking/core/cluster_traffic_policy.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps", "destinationrules.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let by_mesh = mesh_upgrades(context);
    let limit = |policy: &TrafficPolicy| {
        let http = &policy.connection_pool.as_ref()?.http;
        let upgrades = match http.h2_upgrade_policy.as_str() {
            "UPGRADE" => true,
            "DO_NOT_UPGRADE" => false,
            _ => by_mesh,
        };
        (upgrades && http.max_concurrent_streams > 0).then_some(http.max_concurrent_streams)
    };
    let rules = context.objects().destination_rules.iter();
    let hits = rules.filter_map(|rule| {
        let limit = policies(rule).find_map(limit)?;
        let detail = format!("connections to {} carry {limit} requests at once from now on", rule.spec.host);
        Some(Hit::new(&rule.object_ref(), detail).because(format!("maxConcurrentStreams={limit}")))
    });
    hits.collect()
}
