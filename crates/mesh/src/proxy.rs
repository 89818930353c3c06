//! What a pod really runs: by its containers, its annotations and its proxy's image.

use meshlift_model::k8s::{Container, ObjectMeta, Pod, PodSpec, StringMap};
use meshlift_model::names::{IstioVersion, RevisionName};

use crate::bare::{InjectionStatus, PROXY_CONTAINER, REVISION_ANNOTATION};
use crate::control::image_version;
use crate::facts::ProxyKind;
use crate::native::{TEMPLATES, split_templates};

/// Label of everything that istiod's Gateway controller makes (`istio.io-mesh-controller` for waypoints).
const MANAGED: &str = "gateway.istio.io/managed";
/// Injection template of gateways.
const GATEWAY_TEMPLATE: &str = "gateway";

/// What a pod carries.
#[derive(Clone)]
pub(crate) struct Carried {
    pub(crate) kind: ProxyKind,
    pub(crate) revision: Option<RevisionName>,
    pub(crate) status_revision: Option<RevisionName>,
    pub(crate) image_version: Option<IstioVersion>,
}

/// What a pod carries; `None` without a proxy.
pub(crate) fn carried(pod: &Pod) -> Option<Carried> {
    let kind = kind_of(&pod.metadata, &pod.spec)?;
    Some(Carried {
        kind,
        revision: pod.metadata.annotation(REVISION_ANNOTATION).map(RevisionName::new),
        status_revision: InjectionStatus::revision(&pod.metadata.annotations).map(RevisionName::new),
        image_version: proxy_container(&pod.spec).and_then(|container| image_version(&container.image)),
    })
}

fn kind_of(metadata: &ObjectMeta, spec: &PodSpec) -> Option<ProxyKind> {
    let is_proxy = |container: &Container| container.name == PROXY_CONTAINER;
    if is_ztunnel(&metadata.labels) {
        return Some(ProxyKind::Ztunnel);
    }
    if spec.init_containers.iter().any(|one| is_proxy(one) && one.restart_policy == "Always") {
        return Some(ProxyKind::Native);
    }
    if !spec.containers.iter().any(is_proxy) {
        return None;
    }
    Some(match managed(&metadata.labels) {
        Some(Managed::Waypoint) => ProxyKind::Waypoint,
        Some(Managed::Gateway) => ProxyKind::ManagedGateway,
        None if is_gateway(&metadata.annotations, spec) => ProxyKind::Gateway,
        None => ProxyKind::Classic,
    })
}

/// The proxy's container, init or not.
pub(crate) fn proxy_container(spec: &PodSpec) -> Option<&Container> {
    spec.all_containers().find(|container| container.name == PROXY_CONTAINER)
}

/// What istiod's Gateway controller made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Managed {
    Gateway,
    Waypoint,
}

/// Whether istiod's Gateway controller made the bearer of these labels.
pub(crate) fn managed(labels: &StringMap) -> Option<Managed> {
    let maker = labels.get(MANAGED)?;
    Some(if maker.ends_with("mesh-controller") { Managed::Waypoint } else { Managed::Gateway })
}

/// True for pods and templates whose one container is the proxy: injected gateways (by template), and
/// those that an installer rendered.
pub(crate) fn is_gateway(annotations: &StringMap, spec: &PodSpec) -> bool {
    let by_template = annotations
        .get(TEMPLATES)
        .is_some_and(|names| split_templates(names).any(|name| name == GATEWAY_TEMPLATE));
    let alone = matches!(spec.containers.as_slice(), [only] if only.name == PROXY_CONTAINER);
    by_template || alone
}

/// True for labels of ztunnel's pods.
pub(crate) fn is_ztunnel(labels: &StringMap) -> bool {
    labels.get("app").is_some_and(|app| app == "ztunnel")
}

/// True for labels of istio-cni's pods.
pub(crate) fn is_cni(labels: &StringMap) -> bool {
    labels.get("k8s-app").is_some_and(|app| app == "istio-cni-node")
}
