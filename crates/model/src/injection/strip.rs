//! A pod without what injection added: what its owner's template says.

use super::{
    CANONICAL_LABELS, OVERRIDES, Overrides, Owner, PROXY, canonical_labels, restore_probes, status_of,
};
use crate::defaults::{REV_LABEL, STATUS_ANNOTATION};
use crate::k8s::{Container, Pod, StringMap};

/// Annotations that injection writes whatever the pod says.
const ANNOTATIONS: [&str; 3] = [STATUS_ANNOTATION, REV_LABEL, OVERRIDES];
/// Annotations that injection adds where they are missing; they name the first app container.
const DEFAULT_CONTAINER: [&str; 2] =
    ["kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container"];
/// What injection says to istio-cni by default.
const REDIRECTION: [(&str, &str); 4] = [
    ("sidecar.istio.io/interceptionMode", "REDIRECT"),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", "*"),
    ("traffic.sidecar.istio.io/includeInboundPorts", "*"),
    ("traffic.sidecar.istio.io/excludeInboundPorts", "15020"),
];
/// Where Prometheus is sent by injection.
const METRICS_PATH: &str = "/stats/prometheus";

/// The pod as it was before its injection; as it is, if it carries no status of one.
///
/// What the app itself said of metrics and of the labels that injection fills in from its labels cannot be
/// told from what injection wrote; injecting again yields the same in both cases.
#[must_use]
pub fn strip(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    let Some(status) = status_of(&pod) else { return pod };
    let overrides: Overrides = pod
        .metadata
        .annotation(OVERRIDES)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let is_added = |list: &Option<Vec<String>>, name: &str| list.iter().flatten().any(|added| added == name);
    let is_injected = |container: &Container| {
        is_added(&status.init_containers, &container.name) || is_added(&status.containers, &container.name)
    };
    let proxy = pod.spec.all_containers().find(|container| container.name == PROXY && is_injected(container));
    let told = proxy.and_then(|proxy| proxy.env_value("ISTIO_KUBE_APP_PROBERS")).map(str::to_owned);
    pod.spec.init_containers.retain(|container| !is_injected(container));
    pod.spec.containers.retain(|container| !is_injected(container));
    pod.spec.volumes.retain(|volume| !is_added(&status.volumes, &volume.name));
    let own = |container: Container| {
        let image = if container.image.is_empty() { "auto".to_owned() } else { container.image.clone() };
        Container { image, ..container }
    };
    pod.spec.init_containers.extend(overrides.init_containers.into_iter().map(own));
    pod.spec.containers.extend(overrides.containers.into_iter().map(own));
    if let Some(told) = told {
        restore_probes(&mut pod, &told);
    }
    let first =
        pod.spec.containers.iter().find(|container| container.name != PROXY).map(|app| app.name.clone());
    strip_annotations(&mut pod.metadata.annotations, first.as_deref());
    strip_labels(&mut pod);
    pod
}

fn strip_annotations(annotations: &mut StringMap, first: Option<&str>) {
    for key in ANNOTATIONS {
        annotations.remove(key);
    }
    for key in DEFAULT_CONTAINER {
        if annotations.get(key).map(String::as_str) == first {
            annotations.remove(key);
        }
    }
    if annotations.get("prometheus.io/path").is_some_and(|path| path == METRICS_PATH) {
        annotations.retain(|key, _| !key.starts_with("prometheus.io/"));
    }
    annotations.retain(|key, value| !REDIRECTION.contains(&(key.as_str(), value.as_str())));
}

fn strip_labels(pod: &mut Pod) {
    let derived = canonical_labels(&without_canonical(pod), &Owner::of(pod));
    let labels = &mut pod.metadata.labels;
    for (key, injected) in [("security.istio.io/tlsMode", "istio"), ("networking.istio.io/tunnel", "http")] {
        if labels.get(key).is_some_and(|value| value == injected) {
            labels.remove(key);
        }
    }
    labels.retain(|key, value| derived.get(key) != Some(value));
}

fn without_canonical(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    for key in CANONICAL_LABELS {
        pod.metadata.labels.remove(key);
    }
    pod
}
