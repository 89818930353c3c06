//! What injection leaves on a pod, and the pod without it: the format of istiod's injector (`pkg/kube/inject`).
//!
//! Pure, so that the twin's injector, a writer to a real cluster and whoever answers questions read pods alike.

mod owner;
mod probes;
mod strip;

use serde::{Deserialize, Serialize};

use crate::defaults::{REV_LABEL, STATUS_ANNOTATION};
use crate::k8s::{Container, Pod};
use crate::names::{IstioVersion, RevisionName};

pub use owner::{CANONICAL_LABELS, Owner, canonical_labels};
pub use probes::{restore_probes, rewrite_probes};
pub use strip::strip;

/// Name of the proxy's container.
pub const PROXY: &str = "istio-proxy";
/// Annotation that keeps what the pod itself said of the proxy's container.
pub const OVERRIDES: &str = "proxy.istio.io/overrides";
/// Name of istiod's container.
pub const DISCOVERY: &str = "discovery";

/// The annotation `sidecar.istio.io/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InjectionStatus {
    /// Init containers that were added.
    pub init_containers: Option<Vec<String>>,
    /// Containers that were added, or filled in.
    pub containers: Option<Vec<String>>,
    /// Volumes that were added.
    pub volumes: Option<Vec<String>>,
    /// Pull secrets that were added.
    pub image_pull_secrets: Option<Vec<String>>,
    /// Revision of the injector.
    pub revision: String,
}

/// What the pod itself said of containers that the template fills in: `proxy.istio.io/overrides`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Overrides {
    /// As app containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// As init containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<Container>,
}

/// The status annotation of an injected pod; absent where there is none that can be read.
#[must_use]
pub fn status_of(pod: &Pod) -> Option<InjectionStatus> {
    serde_json::from_str(pod.metadata.annotation(STATUS_ANNOTATION)?).ok()
}

/// True for the pods of an istiod.
#[must_use]
pub fn is_istiod(pod: &Pod) -> bool {
    pod.spec.containers.iter().any(|container| container.name == DISCOVERY)
}

/// Revision of an istiod, as its environment says it.
#[must_use]
pub fn revision_of_istiod(pod: &Pod) -> Option<RevisionName> {
    let discovery = pod.spec.containers.iter().find(|container| container.name == DISCOVERY)?;
    let named = discovery.env_value("REVISION").filter(|revision| !revision.is_empty());
    Some(RevisionName::new(named.or_else(|| pod.metadata.label(REV_LABEL)).unwrap_or("default")))
}

/// The proxy's container, native or classic.
#[must_use]
pub fn proxy_of(pod: &Pod) -> Option<&Container> {
    pod.spec.all_containers().find(|container| container.name == PROXY)
}

/// True if the proxy is a native sidecar: an init container that runs beside the app.
#[must_use]
pub fn is_native(pod: &Pod) -> bool {
    pod.spec
        .init_containers
        .iter()
        .any(|container| container.name == PROXY && container.restart_policy == "Always")
}

/// Version of a pod's proxy, by its image.
#[must_use]
pub fn proxy_version(pod: &Pod) -> Option<IstioVersion> {
    IstioVersion::from_loose(proxy_of(pod)?.image.rsplit_once(':')?.1)
}
