//! What the engine asks of the world, and what the world answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Severity;
use crate::k8s::Object;
use crate::names::{IstioVersion, ObjectRef, RevisionName, TagName};
pub use crate::view::{PodView, WorkloadView};

/// Number of an effect within its run.
pub type EffectId = u64;

/// Something asked of the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Look; never journaled.
    Read(Query),
    /// Change; journaled first.
    Write(Write),
}

/// A change of one object, or of the objects of one tag or revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// What is changed. `RevisionTag/NAME`, `Revision/NAME` and `CustomResourceDefinition/istio.io` stand
    /// for their groups of objects.
    pub target: ObjectRef,
    /// The uid that the target must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The resourceVersion that the target must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// The change.
    pub change: Change,
}

/// A change. Each is safe to do twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// Set (or, with null, remove) labels in one patch.
    Labels {
        /// Labels.
        labels: BTreeMap<String, Option<String>>,
    },
    /// Set or remove one annotation of a workload's pod template.
    TemplateAnnotation {
        /// Key.
        key: String,
        /// Value; null removes.
        value: Option<String>,
    },
    /// Set `spec.replicas`.
    Replicas {
        /// Replicas.
        replicas: i32,
    },
    /// Set a HorizontalPodAutoscaler's minReplicas.
    AutoscalerMin {
        /// Replicas.
        replicas: i32,
    },
    /// Set a StatefulSet's partition.
    Partition {
        /// Partition.
        partition: i32,
    },
    /// Set a Deployment's rolling-update limits.
    Strategy {
        /// maxUnavailable as written.
        max_unavailable: String,
        /// maxSurge as written.
        max_surge: String,
    },
    /// Set one hard limit of a ResourceQuota.
    Quota {
        /// Resource.
        resource: String,
        /// Limit.
        hard: String,
    },
    /// Evict a pod (its PDB is asked).
    Evict,
    /// Delete the object; the outcome carries what was stored.
    Delete,
    /// Delete a bare pod and create it anew without what injection added; the outcome carries the stored pod.
    RecreatePod,
    /// Create an object that was stored before.
    Restore {
        /// The object, whole.
        stored: serde_json::Value,
    },
    /// Apply the manifest's CRDs.
    ApplyCrds {
        /// Manifest.
        manifest_digest: String,
    },
    /// Apply the manifest's objects of the revision.
    InstallRevision {
        /// Manifest.
        manifest_digest: String,
        /// istiod replicas at least.
        replicas_min: i32,
    },
    /// Write the tag's webhook and Service (for `default` the validator too).
    SetTag {
        /// Revision.
        revision: RevisionName,
    },
    /// Remove the tag's objects; the outcome carries them.
    RemoveTag,
}

/// A question to the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "kebab-case")]
pub enum Query {
    /// One object.
    Object {
        /// Object.
        object: ObjectRef,
    },
    /// The objects that a reference stands for, whole: kept in the journal before they are deleted.
    Stored {
        /// An object, or `RevisionTag/NAME` for all objects of a tag.
        object: ObjectRef,
    },
    /// A workload with its pods and what their proxies say.
    Workload {
        /// Deployment, StatefulSet, DaemonSet or Pod.
        workload: ObjectRef,
    },
    /// The revision that a tag points at.
    Tag {
        /// Tag.
        tag: TagName,
    },
    /// Dry-run creations from the workloads' templates, round robin.
    DryRun {
        /// Namespace.
        namespace: String,
        /// Workloads whose templates are tried.
        workloads: Vec<ObjectRef>,
        /// Creations in all.
        count: usize,
    },
    /// A revision's istiods.
    Revision {
        /// Revision.
        revision: RevisionName,
    },
    /// What needs a revision or follows it, from API objects and from istiods' connections.
    Consumers {
        /// Revision.
        revision: RevisionName,
    },
    /// What follows a tag.
    Followers {
        /// Tag.
        tag: TagName,
    },
    /// Every workload with the revisions of its pods, as one digest with a count of pods: did anything move?
    Census,
    /// Checks, run on the mesh as it is now.
    Findings,
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A write is in effect (also when it was in effect before).
    Done {
        /// What was there before, for the undo.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stored: Vec<serde_json::Value>,
    },
    /// A question was answered.
    Observed {
        /// The answer.
        observation: Observation,
    },
    /// It did not happen, or nobody knows.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// Why an effect failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "failure", rename_all = "kebab-case")]
pub enum Failure {
    /// The object changed since it was read (409).
    #[error("conflict: {message}")]
    Conflict {
        /// What the API server said.
        message: String,
    },
    /// The object is not there (404).
    #[error("not found: {message}")]
    NotFound {
        /// What the API server said.
        message: String,
    },
    /// Not allowed (401, 403).
    #[error("forbidden: {message}")]
    Forbidden {
        /// What the API server said.
        message: String,
    },
    /// Refused as invalid, by admission or by a quota (422, 403 of a quota).
    #[error("refused: {message}")]
    Refused {
        /// What the API server said.
        message: String,
    },
    /// An eviction that a PDB does not allow now (429).
    #[error("disruption budget: {message}")]
    Budget {
        /// What the API server said.
        message: String,
    },
    /// No answer, or a 5xx: it may or may not have happened.
    #[error("no answer: {message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
    /// A person holds every run: nothing was done.
    #[error("on hold: {message}")]
    OnHold {
        /// Whose word it is, and how to go on.
        message: String,
    },
    /// This world cannot do it.
    #[error("not supported: {message}")]
    Unsupported {
        /// What is missing.
        message: String,
    },
}

impl Failure {
    /// True if trying again later may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::Budget { .. } | Self::Unavailable { .. } => true,
            Self::NotFound { .. }
            | Self::Forbidden { .. }
            | Self::Refused { .. }
            | Self::OnHold { .. }
            | Self::Unsupported { .. } => false,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "observation", rename_all = "kebab-case")]
pub enum Observation {
    /// To [`Query::Object`].
    Object {
        /// The object, if it is there.
        object: Option<Box<Object>>,
    },
    /// To [`Query::Stored`].
    Stored {
        /// The objects with `apiVersion` and `kind`, as the API server has them; empty where there is none.
        objects: Vec<serde_json::Value>,
    },
    /// To [`Query::Workload`].
    Workload {
        /// The workload, if it is there.
        workload: Option<Box<WorkloadView>>,
    },
    /// To [`Query::Tag`].
    Tag {
        /// Revision of webhook and Service; both, because they can disagree.
        webhook: Option<RevisionName>,
        /// Revision of the tag's Service.
        service: Option<RevisionName>,
    },
    /// To [`Query::DryRun`].
    DryRun {
        /// One per creation.
        proofs: Vec<InjectionProof>,
    },
    /// To [`Query::Revision`].
    Revision {
        /// The revision, if any of its objects is there.
        revision: Option<RevisionView>,
    },
    /// To [`Query::Consumers`] and [`Query::Followers`].
    Consumers {
        /// Who, each in words: `Pod/web/bff-1 (annotation)`.
        consumers: Vec<String>,
        /// Sources that could not be read: then nothing is proven.
        unknown: Vec<String>,
    },
    /// To [`Query::Census`].
    Census {
        /// Pods in all.
        pods: usize,
        /// Digest over workloads with the revisions of their pods, and over Gateways' generations.
        digest: String,
    },
    /// To [`Query::Findings`].
    Findings {
        /// Key, severity, and namespace (empty for cluster-wide) of each finding.
        findings: Vec<FindingView>,
    },
}

/// A finding as the engine needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingView {
    /// [`crate::finding::Finding::key`].
    pub key: String,
    /// Severity.
    pub severity: Severity,
    /// One sentence.
    pub detail: String,
}

/// What one dry-run creation would have become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InjectionProof {
    /// Workload whose template was tried.
    pub workload: ObjectRef,
    /// Revision that injected it; absent for no sidecar.
    pub revision: Option<RevisionName>,
    /// The API server's words where it refused the creation (quota, policy); then `revision` is the
    /// injector's own answer, asked directly.
    pub refused: Option<String>,
}

/// A revision's istiods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionView {
    /// Revision.
    pub revision: RevisionName,
    /// Version that its istiods answer.
    pub version: Option<IstioVersion>,
    /// Ready istiod pods.
    pub ready: i32,
    /// Desired istiod pods.
    pub replicas: i32,
    /// Digest of the root CA that it hands out; absent where unknown.
    pub root_ca: Option<String>,
    /// Root CAs of all other revisions.
    pub other_root_cas: Vec<String>,
}
