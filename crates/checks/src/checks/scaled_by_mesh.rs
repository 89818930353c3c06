//! ML1061: autoscalers that count requests by Istio's metrics, and act at once.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{HorizontalPodAutoscaler, MetricSpec};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// How the names of Istio's metrics begin, and those that adapters make of them.
const ISTIOS: &str = "istio_";
/// Seconds for which an autoscaler keeps to the highest recommendation by default, before it goes down.
const WINDOW: i32 = 300;
/// A shorter window than this is over before a new pod's requests are counted everywhere.
const SHORT: i32 = 120;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1061",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Its autoscaler counts requests by Istio's metrics, and goes down at once",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "raise minReplicas to what runs for the time of its wave, or give the autoscaler its default window",
        why: "Proxies count from nothing when their pods are made anew, and Prometheus needs two scrapes of each before it knows a \
              rate. While pods are replaced, rates and sums of Istio's metrics are too low, and the autoscaler takes pods away \
              that are needed. With its default of 300 seconds it waits for that to pass; this one waits for less. Autoscalers \
              of KEDA do not name the query of their metric: look into the ScaledObject. The twin knows no metrics: a rehearsal \
              does not show it.",
        see: "`kubectl get hpa -A -o json | jq -r '.items[] | select(any(.spec.metrics[]?; ((.pods // .object // .external).metric.name // \"\") | \
              startswith(\"istio_\"))) | .metadata.namespace + \"/\" + .metadata.name'`.",
        fix: "`kubectl patch hpa NAME -n NAMESPACE --type merge -p '{\"spec\": {\"behavior\": {\"scaleDown\": {\"stabilizationWindowSeconds\": \
              300}}}}'`, and back after its wave.",
        sources: &[
            "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#stabilization-window",
            "https://istio.io/latest/docs/reference/config/metrics/",
        ],
    },
    needs: &[WORKLOADS, &["horizontalpodautoscalers.autoscaling"]],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let reference = workload.autoscaler.as_ref()?;
    let spec = &context.object::<HorizontalPodAutoscaler>(reference)?.spec;
    let window = spec.behavior.scale_down.stabilization_window_seconds.unwrap_or(WINDOW);
    let may_go_down = spec.min_replicas.unwrap_or(1) < workload.replicas;
    let metric = spec.metrics.iter().filter_map(name).find(|name| name.starts_with(ISTIOS))?;
    (window < SHORT && may_go_down).then(|| {
        let detail = format!("its autoscaler counts {metric} and goes down after {window} s");
        Hit::new(&workload.workload, detail)
            .because(format!("{reference} spec.behavior.scaleDown.stabilizationWindowSeconds={window}"))
    })
}

fn name(metric: &MetricSpec) -> Option<&str> {
    let source = metric.pods.as_ref().or(metric.object.as_ref()).or(metric.external.as_ref())?;
    Some(source.metric.name.as_str())
}
