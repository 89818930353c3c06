//! Runs, kept in the cluster that they change: any machine can read one, one executor at a time can extend it.
//!
//! A run is one ConfigMap, its *head*, which any meshlift finds by label. Lines are appended to the head by
//! replacing it at the resourceVersion that was read last: two executors can never both append. What is full is
//! sealed into an immutable ConfigMap of its own, compressed, owned by the head. A Lease of the same name says who
//! executes and until when that counts; taking over rewrites the head, so that whoever was frozen in between finds
//! its next append refused.

mod api;
mod book;
mod commands;
mod error;
mod follow;
mod journal;
mod lease;
mod seal;

use std::time::Duration;

pub use book::{RunBook, RunSummary};
pub use commands::{Mailbox, QueuedCommand};
pub use error::RecordError;
pub use journal::ClusterJournal;
pub use lease::{Holder, LeaseState};
pub(crate) use seal::executor_of;

/// Namespace of runs where nothing else is said: Istio's root namespace, which every mesh has.
pub const RUN_NAMESPACE: &str = "istio-system";
/// Label of everything that belongs to a run, with the run's name.
pub const RUN_LABEL: &str = "meshlift.dev/run";
/// Field manager of everything that meshlift writes.
pub const FIELD_MANAGER: &str = "meshlift";

/// How long a look at a run's head counts, for whoever executes it: a forced take-over waits longer.
pub(crate) const LOOK_COUNTS: Duration = Duration::from_secs(2);

/// Path of a run's head at the API server.
pub(crate) fn head_path(namespace: &str, run: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{}", object_name(run))
}

/// Name of a run's head and of its Lease.
#[must_use]
pub(crate) fn object_name(run: &str) -> String {
    format!("meshlift-run-{run}")
}
