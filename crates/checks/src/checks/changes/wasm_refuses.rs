//! ML4166: WasmPlugins that refuse all requests when their module cannot be fetched.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Resource, WasmPlugin};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::new_rules::not_judged;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4166",
        layer: Layer::Configuration,
        versions: Versions::Since(25),
        title: "A WasmPlugin that cannot be fetched refuses all requests",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that a new pod can fetch the module: registry, pull secret and checksum",
        why: "Every new proxy fetches the module anew. Where that fails, a proxy of 1.24 never becomes ready, so that a \
              rollout stops at its first pod. From 1.25 on the proxy becomes ready and answers every request with 403 (type \
              NETWORK: closes every connection): the rollout goes on to the last pod.",
        see: "`kubectl get wasmplugin -A -o custom-columns=:metadata.namespace,:metadata.name,:spec.url`; restart one pod \
              that nobody needs, and look for `wasm` errors in the log of its istio-proxy.",
        fix: "Fetch the module by hand from inside the cluster with the same credentials (`crane pull`, `curl`) on the day of \
              the upgrade. Where the plugin may be missing, set failStrategy: FAIL_OPEN.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/pkg/wasm/convert.go",
            "https://github.com/istio/istio/blob/1.25.0/pkg/wasm/convert.go",
        ],
    },
    needs: &[WORKLOADS, &["wasmplugins.extensions.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let plugins = context.objects().wasm_plugins.iter().filter(|plugin| closes(plugin));
    plugins
        .map(|plugin| match plugin.spec.url.as_str() {
            // The API server demands one: an earlier build recorded plugins by name alone.
            "" => not_judged(
                &plugin.object_ref(),
                "where its module comes from was not recorded".to_owned(),
                "record the mesh anew",
            ),
            url => Hit::new(&plugin.object_ref(), format!("each new proxy fetches {url}")),
        })
        .collect()
}

/// True where a module from elsewhere decides whether requests pass.
fn closes(plugin: &WasmPlugin) -> bool {
    plugin.spec.fail_strategy != "FAIL_OPEN" && !plugin.spec.url.starts_with("file://")
}
