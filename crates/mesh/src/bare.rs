//! Pods as their makers asked for them.
//!
//! Injection leaves marks on a pod. Whoever predicts what a pod gets must not see them, or it would read
//! the answer off the pod: a type makes this so.

use meshlift_model::defaults::STATUS_ANNOTATION;
use meshlift_model::k8s::{Container, Pod, PodSpec, PodTemplateSpec, Shared, StringMap};
use serde::Deserialize;

/// Annotation of an injected pod: the revision that injected it.
pub const REVISION_ANNOTATION: &str = "istio.io/rev";
/// Name of the proxy's container.
pub const PROXY_CONTAINER: &str = "istio-proxy";
/// Containers that injection adds (istio: pkg/kube/inject/inject.go).
const INJECTED_CONTAINERS: [&str; 4] =
    [PROXY_CONTAINER, "istio-init", "istio-validation", "enable-core-dump"];
/// Annotations that tell what was injected.
const HIDDEN_ANNOTATIONS: [&str; 2] = [REVISION_ANNOTATION, STATUS_ANNOTATION];

/// The revision that the annotation `sidecar.istio.io/status` names: every pod has one, and nearly nobody asks for the
/// rest of it.
#[derive(Deserialize)]
struct StatusRevision {
    revision: Option<String>,
}

/// JSON of the annotation `sidecar.istio.io/status` (istio: pkg/kube/inject/inject.go,
/// `SidecarInjectionStatus`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct InjectionStatus {
    pub(crate) init_containers: Option<Vec<String>>,
    pub(crate) containers: Option<Vec<String>>,
    pub(crate) volumes: Option<Vec<String>>,
}

impl InjectionStatus {
    /// The revision that it names, whatever else it holds.
    pub(crate) fn revision(annotations: &StringMap) -> Option<String> {
        let status: StatusRevision = serde_json::from_str(annotations.get(STATUS_ANNOTATION)?).ok()?;
        status.revision
    }

    /// Reads the annotation; `None` where it is absent or no such JSON.
    pub(crate) fn of(annotations: &StringMap) -> Option<Self> {
        serde_json::from_str(annotations.get(STATUS_ANNOTATION)?).ok()
    }

    fn names_container(&self, name: &str) -> bool {
        let lists = self.init_containers.iter().chain(&self.containers);
        lists.flatten().any(|injected| injected == name)
    }

    fn names_volume(&self, name: &str) -> bool {
        self.volumes.iter().flatten().any(|injected| injected == name)
    }
}

/// A pod without what injection left on it: no annotation `istio.io/rev` or `sidecar.istio.io/status`, no
/// injected containers and volumes. Nothing that injection replaced is restored. The predictor sees pods
/// through this type alone.
#[derive(Clone, Copy, Debug)]
pub struct BarePod<'a> {
    namespace: &'a str,
    labels: &'a Shared<StringMap>,
    annotations: &'a Shared<StringMap>,
    spec: &'a PodSpec,
    ran: bool,
}

impl<'a> BarePod<'a> {
    /// Of a pod that exists.
    #[must_use]
    pub fn of_pod(pod: &'a Pod) -> Self {
        Self {
            namespace: &pod.metadata.namespace,
            labels: &pod.metadata.labels,
            annotations: &pod.metadata.annotations,
            spec: &pod.spec,
            ran: true,
        }
    }

    /// Of a template, as the API has it. What a hand-made injection (`istioctl kube-inject`) lists in the
    /// template's status annotation is left out too.
    #[must_use]
    pub fn of_template(namespace: &'a str, template: &'a PodTemplateSpec) -> Self {
        Self {
            namespace,
            labels: &template.metadata.labels,
            annotations: &template.metadata.annotations,
            spec: &template.spec,
            ran: false,
        }
    }

    /// Namespace.
    #[must_use]
    pub fn namespace(&self) -> &'a str {
        self.namespace
    }

    /// Labels. Those that injection adds (`security.istio.io/tlsMode` and the like) select nothing.
    #[must_use]
    pub fn labels(&self) -> &'a StringMap {
        self.labels
    }

    /// An annotation that injection does not write.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        if HIDDEN_ANNOTATIONS.contains(&key) { None } else { self.annotations.get(key).map(String::as_str) }
    }

    /// True if it uses its node's network.
    #[must_use]
    pub fn host_network(&self) -> bool {
        self.spec.host_network
    }

    /// True if injection is known to make the same of both: all that it looks at is one and the same.
    pub(crate) fn asks_alike(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.labels.is_one_with(other.labels)
            && self.annotations.is_one_with(other.annotations)
            && self.host_network() == other.host_network()
    }

    /// The same as a template, bound to no node.
    #[must_use]
    pub fn to_template(&self) -> PodTemplateSpec {
        let mut template = PodTemplateSpec { spec: self.spec.clone(), ..PodTemplateSpec::default() };
        template.metadata.labels = self.labels.clone();
        template.metadata.annotations = self.annotations.clone();
        template.metadata.annotations.retain(|key, _| !HIDDEN_ANNOTATIONS.contains(&key.as_str()));
        template.spec.node_name.clear();
        let status = InjectionStatus::of(self.annotations).unwrap_or_default();
        template.spec.init_containers.retain(|container| !self.is_injected(&status, container));
        template.spec.containers.retain(|container| !self.is_injected(&status, container));
        template.spec.volumes.retain(|volume| !status.names_volume(&volume.name));
        template
    }

    fn is_injected(&self, status: &InjectionStatus, container: &Container) -> bool {
        // A template's own `istio-proxy` (`image: auto` of a gateway) is what its maker asked for.
        status.names_container(&container.name)
            || (self.ran && INJECTED_CONTAINERS.contains(&container.name.as_str()))
    }
}
