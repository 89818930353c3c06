//! Hazards of what stands around proxies: autoscalers, gateways between networks, limits of istiod, rules of nodes.

use meshlift_model::defaults::NETWORK_LABEL;
use meshlift_model::k8s::{
    ConfigMap, Deployment, HorizontalPodAutoscaler, MetricSource, MetricSpec, MetricStatus,
    ResourceMetricStatus,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::{Ambient, Sidecars, TwoRevisions};
use super::changes_ambient::setting;
use super::{Mutation, add};
use crate::edit::object;

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML1061", Sidecars, "Deployment/checkout/web"),
            |s, _| scaled_by(s, "istio_requests_per_second", Some(0)),
            |s, _| scaled_by(s, "istio_requests_per_second", None),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML3011", TwoRevisions, "Service/istio-ingress/next"),
            |s, _| second_gateway(s, "here"),
            |s, _| second_gateway(s, "there"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML5030", Sidecars, "Revision/1-29-6"),
            |s, _| limited(s, "800m"),
            |s, _| limited(s, "2"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML5031", TwoRevisions, "ConfigMap/istio-system/istio-1-30-3"),
            |s, _| told(s, "istiod.istio-system.svc:15012"),
            |s, _| told(s, "istiod.example.com:15012"),
        )
        .also(&["ML5026"]),
        Mutation::new(
            ("ML6006", Ambient, "DaemonSet/istio-system/istio-cni-node"),
            |s, _| setting(s, "NATIVE_NFTABLES", "true"),
            |s, _| setting(s, "NATIVE_NFTABLES", "false"),
        )
        .not_on_twin()
        .hop("1.27.9", "1.28.1"),
    ]
}

/// An autoscaler may take pods away by a metric.
fn scaled_by(s: &mut Snapshot, metric: &str, window: Option<i32>) {
    let autoscaler: &mut HorizontalPodAutoscaler = object(s, "checkout/web");
    autoscaler.spec.min_replicas = Some(2);
    autoscaler.spec.behavior.scale_down.stabilization_window_seconds = window;
    let mut source = MetricSource::default();
    source.metric.name = metric.into();
    let metric = MetricSpec { type_: "Pods".into(), pods: Some(source), ..MetricSpec::default() };
    autoscaler.spec.metrics.push(metric);
}

/// A gateway stands between networks, and another Service, without pods yet, does for this one.
fn second_gateway(s: &mut Snapshot, network: &str) {
    for (namespace, name, app, network) in
        [("monitoring", "first", "grafana", "here"), ("istio-ingress", "next", "next", network)]
    {
        let labels = format!(r#"{{"{NETWORK_LABEL}": "{network}"}}"#);
        let metadata = format!(r#"{{"namespace": "{namespace}", "name": "{name}", "labels": {labels}}}"#);
        let selector = format!(r#"{{"app": "{app}"}}"#);
        let spec =
            format!(r#"{{"type": "LoadBalancer", "selector": {selector}, "ports": [{{"port": 15443}}]}}"#);
        add(s, "Service", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    }
    s.objects.sort();
}

/// Each istiod uses 450m of CPU, and may use so much.
fn limited(s: &mut Snapshot, limit: &str) {
    let istiod: &mut Deployment = object(s, "istio-system/istiod-1-29-6");
    let containers = istiod.spec.template.spec.containers.iter_mut();
    containers.for_each(|one| drop(one.resources.limits.insert("cpu".into(), limit.into())));
    let mut used = ResourceMetricStatus { name: "cpu".into(), ..ResourceMetricStatus::default() };
    used.current.average_value = Some("450m".into());
    let autoscaler: &mut HorizontalPodAutoscaler = object(s, "istio-system/istiod-1-29-6");
    autoscaler.status.current_metrics = vec![MetricStatus { resource: Some(used) }];
}

/// The istiod that proxies of the new revision are told.
fn told(s: &mut Snapshot, address: &str) {
    let config: &mut ConfigMap = object(s, "istio-system/istio-1-30-3");
    let text =
        config.data.get("mesh").map(|text| text.replace("istiod-1-30-3.istio-system.svc:15012", address));
    config.data.insert("mesh".into(), text.unwrap_or_default());
}
