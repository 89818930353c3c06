//! Revisions, tags, and how they were installed.

use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName, TagName};
use meshlift_model::time::Time;
use serde::Serialize;

/// A control plane revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revision {
    /// Name, as istiod's `REVISION` says it.
    pub name: RevisionName,
    /// Version that its istiods answer, else their image; absent where neither tells, or they differ.
    pub version: Option<IstioVersion>,
    /// Namespace of its istiods.
    pub namespace: String,
    /// Its istiod Deployment.
    pub deployment: Option<ObjectRef>,
    /// Desired istiod pods.
    pub replicas: i32,
    /// Ready istiod pods.
    pub ready: i32,
    /// Its istiod pods, by name.
    pub istiods: Vec<String>,
    /// minReplicas and maxReplicas of its HorizontalPodAutoscaler.
    pub autoscaler: Option<(i32, i32)>,
    /// Its own injector webhook configuration.
    pub injector: Option<String>,
    /// Its Service.
    pub service: Option<ObjectRef>,
    /// Tags that point at it.
    pub tags: Vec<TagName>,
    /// Pods that carry it.
    pub pods: usize,
    /// Proxies that are connected to its istiods; absent where that was not read.
    pub connected: Option<usize>,
    /// When its root CA ends; absent where that was not read.
    pub root_ca_until: Option<Time>,
    /// Effective Helm values (`merged-values` of ConfigMap `values[-REV]`); absent where not recorded.
    pub values: Option<serde_json::Value>,
    /// What belongs to this revision alone, in order of removal (webhooks first, istiod last).
    pub objects: Vec<ObjectRef>,
    /// What a complete revision would have and this one lacks; empty for a complete one.
    pub missing: Vec<String>,
}

/// A revision tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Name.
    pub name: TagName,
    /// Revision that its webhook configuration names.
    pub revision: Option<RevisionName>,
    /// Revision that its Service names (from Istio 1.28 on a tag has one).
    pub service_revision: Option<RevisionName>,
    /// Its webhook configuration.
    pub webhook: Option<String>,
    /// Its Service.
    pub service: Option<ObjectRef>,
    /// True if it resolves to a revision that exists with ready istiods.
    pub served: bool,
}

/// How the mesh was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum InstallMethod {
    /// `istioctl install`.
    Istioctl {
        /// What says so.
        evidence: String,
    },
    /// Not known.
    Unknown {
        /// Why not.
        reason: String,
    },
}
