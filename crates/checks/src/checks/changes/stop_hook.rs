//! ML4185: hooks by HTTP, which go through the proxy's agent.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Container, HttpGetAction, IntOrString};
use serde_json::Value;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::go_bool::go_bool;

/// Annotation of a pod that keeps its probes and hooks as they are.
const REWRITES: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
/// First minor version that injects native sidecars by itself.
const NATIVE: u32 = 27;

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4185",
        layer: Layer::Sidecars,
        versions: Versions::Since(25),
        title: "Its preStop hook goes through a proxy that is told to end at the same moment",
        severity: Severity::Warn,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the workload a native sidecar, or write the hook as exec or sleep",
        why: "From 1.25 on the injector turns a preStop hook with httpGet into a request to port 15020, whose agent asks the \
              app, as it does with probes. A classic sidecar gets SIGTERM when the hook begins, and its agent closes that port \
              at once: a hook that comes later is refused, and the app gets SIGTERM without it. Until 1.24 the hook asked the \
              app's own port, which Envoy still serves while it drains (with PeerAuthentication STRICT it was refused: there \
              the hook begins to work). A pod whose annotation pins a proxy before 1.25 does not start at all: its agent \
              does not know the new path. The twin's hooks reach their apps: a rehearsal does not show it.",
        see: "`kubectl get pod NAME -n NAMESPACE -o yaml | grep -A8 preStop`: path /app-lifecycle/… in pods of the \
              new injector; `kubectl get events -A --field-selector reason=FailedPreStopHook`.",
        fix: "Annotation `sidecar.istio.io/nativeSidecar: \"true\"` on the pod template (Kubernetes 1.29 and later): such a proxy \
              ends after the app. Or a hook that needs no network: `exec`, or `sleep`. Annotation \
              `sidecar.istio.io/rewriteAppHTTPProbers: \"false\"` keeps the hook as it was, but the pod's probes too, which \
              STRICT refuses.",
        sources: &[
            "https://github.com/istio/istio/blob/1.24.6/pkg/kube/inject/app_probe.go",
            "https://github.com/istio/istio/blob/1.25.0/pkg/kube/inject/app_probe.go",
            "https://github.com/istio/istio/blob/1.25.0/pilot/cmd/pilot-agent/status/server.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps", "nodes"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    // Where nodes tell, they tell for all.
    let is_new = context.target.is_some_and(|target| (target.major, target.minor) >= (1, NATIVE));
    if is_new && context.mesh.nodes_run_native_sidecars == Some(true) {
        return Vec::new();
    }
    let by_default = rewrites_by_default(context);
    context.restarted().filter(|workload| is_rewritten(workload, by_default)).filter_map(hit).collect()
}

/// True unless the values of an injector say no.
fn rewrites_by_default(context: &Context<'_>) -> bool {
    let values = context.objects().config_maps.iter().filter_map(|map| map.data.get("values"));
    let mut read = values.filter_map(|text| serde_json::from_str::<Value>(text).ok());
    !read.any(|values| values["sidecarInjectorWebhook"]["rewriteAppHTTPProbe"] == Value::Bool(false))
}

/// True where a pod gets a sidecar that is not known to be native, and its probes are rewritten.
fn is_rewritten(workload: &Workload, by_default: bool) -> bool {
    let says = workload.template.metadata.annotation(REWRITES).and_then(go_bool).unwrap_or(by_default);
    workload.on_restart.revision.is_some() && workload.on_restart.native != Some(true) && says
}

fn hit(workload: &Workload) -> Option<Hit> {
    let asks = |container: &Container| container.lifecycle.as_ref()?.pre_stop.as_ref()?.http_get.clone();
    let mut containers = workload.template.spec.containers.iter();
    let (name, HttpGetAction { path, port, .. }) =
        containers.find_map(|container| Some((&container.name, asks(container)?)))?;
    let port = match port {
        IntOrString::Int(port) => port.to_string(),
        IntOrString::String(port) => port.to_string(),
    };
    let hit =
        Hit::new(&workload.workload, format!("the hook of {name} would ask 15020 instead of {port}{path}"));
    Some(
        hit.because(format!(
            "container {name} lifecycle.preStop.httpGet {port}{path}, and a classic sidecar"
        )),
    )
}
