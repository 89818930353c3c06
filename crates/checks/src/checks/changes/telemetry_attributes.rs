//! ML4109: expressions that name attributes of former proxies.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, Telemetry};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Peers of a request, as the Wasm extensions called them.
const PEERS: [&str; 2] = ["wasm.downstream_peer", "wasm.upstream_peer"];
/// The proxy itself.
const NODE: &str = "node";

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4109",
        layer: Layer::Configuration,
        versions: Versions::Since(24),
        title: "A Telemetry expression names attributes that proxies no longer have",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "write the expression with the standard attributes, guarded by has() while both versions run",
        why: "From 1.24 on peer metadata is in `filter_state.downstream_peer` and `filter_state.upstream_peer`, \
              and node metadata in `xds.node`. An expression over `wasm.downstream_peer`, `wasm.upstream_peer` or \
              `node` has no value there: logs are filtered differently, and labels of metrics are empty.",
        see: "`kubectl get telemetry -A -o yaml | grep -nE \"wasm\\.(down|up)stream_peer|node\\.\"`.",
        fix: "For example `has(filter_state.downstream_peer) ? filter_state.downstream_peer.namespace : \
              filter_state[\"wasm.downstream_peer\"].namespace` works with both versions.",
        sources: &["https://istio.io/latest/news/releases/1.24.x/announcing-1.24/upgrade-notes/"],
    },
    needs: &[WORKLOADS, &["telemetries.telemetry.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().telemetries.iter().filter_map(hit).collect()
}

fn hit(telemetry: &Telemetry) -> Option<Hit> {
    let filters = telemetry.spec.access_logging.iter().map(|log| log.filter.expression.as_str());
    let overrides = telemetry.spec.metrics.iter().flat_map(|metrics| &metrics.overrides);
    let labels = overrides.flat_map(|one| one.tag_overrides.values()).map(|label| label.value.as_str());
    let former: Vec<&str> = filters.chain(labels).filter(|text| former(text).is_some()).collect();
    let name = former.first().copied().and_then(self::former)?;
    let hit = Hit::new(
        &telemetry.object_ref(),
        format!("it reads `{name}`, which proxies of the target do not have"),
    );
    Some(former.into_iter().fold(hit, Hit::because))
}

/// The former attribute that an expression names.
fn former(expression: &str) -> Option<&'static str> {
    PEERS
        .into_iter()
        .find(|peer| expression.contains(peer))
        .or_else(|| names_node(expression).then_some(NODE))
}

/// True for `node.…` that is no part of another name, such as `xds.node.…`.
fn names_node(expression: &str) -> bool {
    let is_part = |ch: char| ch.is_alphanumeric() || ch == '_' || ch == '.';
    expression.match_indices("node.").any(|(at, _)| !expression[..at].ends_with(is_part))
}
