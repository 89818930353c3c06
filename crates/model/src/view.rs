//! A workload as the engine sees it: its rollout, its pods, and what their proxies say.

use serde::{Deserialize, Serialize};

use crate::names::{IstioVersion, ObjectRef, RevisionName};
use crate::time::Time;

/// A workload, its pods and proxies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadView {
    /// The workload.
    pub workload: ObjectRef,
    /// uid.
    pub uid: String,
    /// resourceVersion.
    pub resource_version: String,
    /// Generation, and the generation that its controller has seen.
    pub generation: i64,
    /// See `generation`.
    pub observed_generation: i64,
    /// Template digest (see [`crate::digest::template_digest`]).
    pub template_digest: String,
    /// Value of the template's restart annotation.
    pub restarted_at: Option<String>,
    /// Desired pods.
    pub replicas: i32,
    /// minReadySeconds.
    pub min_ready_seconds: i64,
    /// True when the controller says that the newest template is rolled out whole.
    pub rolled_out: bool,
    /// A condition that says why it cannot go on (`ReplicaFailure`, `ProgressDeadlineExceeded`).
    pub trouble: Option<String>,
    /// Pods that belong to it and are not finished.
    pub pods: Vec<PodView>,
}

/// A pod and its proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Name.
    pub name: String,
    /// uid.
    pub uid: String,
    /// Created.
    pub created: Time,
    /// Deletion was asked for.
    pub terminating: bool,
    /// Of the newest template.
    pub updated: bool,
    /// Since when it is Ready.
    pub ready_since: Option<Time>,
    /// Restarts of its proxy and of its app containers.
    pub restarts: i32,
    /// Revision by annotation; absent for no sidecar.
    pub revision: Option<RevisionName>,
    /// Proxy version by image.
    pub image_version: Option<IstioVersion>,
    /// Revision of the istiod that it is connected to.
    pub connected_to: Option<RevisionName>,
    /// All xDS types acknowledged.
    pub synced: bool,
    /// Words of a rejection.
    pub nack: Option<String>,
}
