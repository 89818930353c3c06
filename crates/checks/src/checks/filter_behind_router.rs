//! ML4006: an EnvoyFilter that puts a filter behind the router.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{EnvoyConfigPatch, EnvoyFilter, Resource};

use super::envoy_filter::{attaches, reaches};
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// The network filter whose HTTP filters are meant, by its names.
const MANAGERS: [&str; 2] =
    ["envoy.filters.network.http_connection_manager", "envoy.http_connection_manager"];
/// The last HTTP filter of each listener, by its names.
const ROUTERS: [&str; 2] = ["envoy.filters.http.router", "envoy.router"];

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4006",
        layer: Layer::Configuration,
        versions: Versions::Any,
        title: "An EnvoyFilter puts a filter behind the router",
        severity: Severity::Warn,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "use INSERT_BEFORE with subFilter envoy.filters.http.router, or INSERT_FIRST",
        why: "The router sends the request on and must be the last HTTP filter: what comes behind it never runs, and \
              Envoy refuses the listener for it (`terminal filter named envoy.filters.http.router … must be the last \
              filter`). `ADD`, and `INSERT_AFTER` the router or without a subFilter, put a filter there. A proxy that \
              runs keeps the listener that it had, so that nothing shows; a proxy that starts has none: the pods \
              that an upgrade restarts do not become ready.",
        see: "`kubectl get envoyfilter NAME -n NAMESPACE -o yaml`: patches with applyTo HTTP_FILTER and that \
              operation. `istioctl proxy-status -v 1` (before 1.27 without `-v 1`) shows LDS STALE or ERROR for the \
              pods that it reaches, and istiod's log the error.",
        fix: "Set `operation: INSERT_BEFORE` with `match.listener.filterChain.filter.subFilter.name: \
              envoy.filters.http.router`; the filter then runs last before the router. If the patch never had an \
              effect and nobody misses it, remove it. Restart one pod and see it become ready before the upgrade.",
        sources: &[
            "https://istio.io/latest/docs/reference/config/networking/envoy-filter/",
            "https://github.com/istio/api/pull/2253",
            "https://github.com/envoyproxy/envoy/pull/7779",
        ],
    },
    needs: &[WORKLOADS, &["envoyfilters.networking.istio.io"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.objects().envoy_filters.iter().filter_map(|filter| hit(context, filter)).collect()
}

fn hit(context: &Context<'_>, filter: &EnvoyFilter) -> Option<Hit> {
    let namespace = &filter.metadata.namespace;
    let is_root = context.mesh.system_namespaces.contains(namespace);
    let near = |workload: &&Workload| is_root || workload.workload.namespace == *namespace;
    let patches: Vec<&EnvoyConfigPatch> =
        filter.spec.config_patches.iter().filter(|one| is_behind(one)).collect();
    let is_reached = |workload: &Workload| {
        attaches(context, filter, workload)
            && patches.iter().any(|patch| reaches(context, filter, patch, workload))
    };
    let first = patches.first()?;
    let reached = context.proxied().filter(near).filter(|workload| is_reached(workload)).count();
    // What reaches nobody harms nobody.
    if reached == 0 {
        return None;
    }
    let name = Some(first.patch.value.name.as_str()).filter(|name| !name.is_empty()).unwrap_or("a filter");
    let workloads = if reached == 1 { "1 workload".to_owned() } else { format!("{reached} workloads") };
    let operation = &first.patch.operation;
    let hit =
        Hit::new(&filter.object_ref(), format!("{operation} puts {name} behind the router of {workloads}"));
    Some(patches.into_iter().fold(hit, |hit, patch| {
        hit.because(format!(
            "{} spec.configPatches[] {} {}",
            filter.object_ref(),
            patch.apply_to,
            patch.patch.operation
        ))
    }))
}

/// True if istiod puts the patch's HTTP filter at the end, or right behind the router (istio:
/// pilot/pkg/networking/core/envoyfilter/listener_patch.go).
fn is_behind(patch: &EnvoyConfigPatch) -> bool {
    let chosen = &patch.match_.listener.filter_chain.filter;
    let is_http = patch.apply_to == "HTTP_FILTER"
        && (chosen.name.is_empty() || MANAGERS.contains(&chosen.name.as_str()));
    let (after, class) = (chosen.sub_filter.name.as_str(), patch.patch.filter_class.as_str());
    let is_last = match patch.patch.operation.as_str() {
        // With a class istiod chooses the place.
        "ADD" => class.is_empty() || class == "UNSPECIFIED",
        "INSERT_AFTER" => after.is_empty() || ROUTERS.contains(&after),
        _ => false,
    };
    // The router itself may be put there.
    is_http && is_last && !ROUTERS.contains(&patch.patch.value.name.as_str())
}
