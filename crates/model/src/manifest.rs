//! A rendered control plane: what an installer would apply for one version and revision.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::k8s::Objects;
use crate::names::{IstioVersion, RevisionName};

/// The objects of one rendered control plane, trimmed like those of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Version of its istiod.
    pub version: IstioVersion,
    /// Revision that its istiod serves.
    pub revision: RevisionName,
    /// Whether it brings the ambient data plane too.
    pub profile: ManifestProfile,
    /// What it applies.
    pub objects: Objects,
    /// Structural schemas of the definitions that it brings: by resource (`gateways.networking.istio.io`), then by
    /// version. Only what can be told from an outline is kept (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>).
    pub schemas: Schemas,
    /// Objects of kinds that meshlift does not read, counted by kind.
    pub not_read: BTreeMap<String, usize>,
    /// sha256 of the rendered text, hex.
    pub digest: String,
}

/// Schemas by resource and version.
pub type Schemas = BTreeMap<String, BTreeMap<String, Value>>;

/// Data plane that a manifest was rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestProfile {
    /// Sidecars.
    Default,
    /// Sidecars and ztunnel, waypoints, istio-cni.
    Ambient,
}

impl ManifestProfile {
    /// Name as istioctl spells it: `default` or `ambient`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Ambient => "ambient",
        }
    }
}
