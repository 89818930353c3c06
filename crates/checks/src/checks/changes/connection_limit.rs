//! ML4174: a limit of connections that proxies of 1.28 do not obey.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::Resource;
use meshlift_model::names::IstioVersion;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Name of the limit among runtimeValues of a proxy's config.
const LIMIT: &str = "overload.global_downstream_max_connections";
/// Annotation with the config of a pod's proxy.
const CONFIG: &str = "proxy.istio.io/config";
/// Minor version whose proxies pass it over.
const DEAF: (u32, u32) = (1, 28);

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4174",
        layer: Layer::Sidecars,
        versions: Versions::Target,
        title: "A limit of connections does not hold in 1.28",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "go to 1.29 or later in one step, or expect proxies without the limit (or with it again, where you come from 1.28)",
        why: "runtimeValues may limit the connections that a proxy takes (overload.global_downstream_max_connections). Proxies \
              of 1.28 pass it over and take any number. Those of 1.27 and before, and of 1.29 and later, obey it.",
        see: "`kubectl get deploy,cm -A -o yaml | grep -n global_downstream_max_connections`.",
        fix: "Coming from before: choose a target of 1.29 or later. Coming from 1.28: see that the limit is above \
              what the proxy takes today (`kubectl exec POD -n NAMESPACE -c istio-proxy -- pilot-agent request GET \
              stats | grep -E '^listener.*downstream_cx_active' | grep -v worker_`: the sum). From 1.29 on \
              proxyMetadata ISTIO_META_GLOBAL_DOWNSTREAM_MAX_CONNECTIONS is the way to say it.",
        sources: &[
            "https://github.com/istio/istio/blob/1.28.0/tools/packaging/common/envoy_bootstrap.json",
            "https://github.com/istio/istio/blob/1.29.0/pkg/bootstrap/config.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let obeys = |version: &IstioVersion| (version.major, version.minor) != DEAF;
    let Some(then) = context.target.map(obeys) else { return Vec::new() };
    if !context.used_versions().any(|version| obeys(version) != then) {
        return Vec::new();
    }
    let word = if then { "holds again" } else { "does not hold" };
    let maps = context.mesh_configs().filter_map(|(map, mut lines)| {
        lines.any(|line| line.contains(LIMIT)).then(|| {
            Hit::new(&map.object_ref(), format!("the limit of its mesh config {word} after a restart"))
        })
    });
    let own = context.restarted().filter_map(|workload| {
        let config = workload.template.metadata.annotation(CONFIG)?;
        let hit =
            || Hit::new(&workload.workload, format!("the limit of its annotation {word} after its restart"));
        config.contains(LIMIT).then(hit)
    });
    maps.chain(own).collect()
}
