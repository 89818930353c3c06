//! The recorded mesh that is built in.

use meshlift_model::snapshot::Snapshot;

use crate::error::SnapshotError;
use crate::file::from_bytes;

/// A real sidecar mesh on Istio 1.29.6, before its upgrade.
const DEMO: &[u8] = include_bytes!("../../../fixtures/clusters/before.meshlift");

/// The built-in recording.
///
/// # Errors
/// Never in a build that passes its tests.
pub fn demo() -> Result<Snapshot, SnapshotError> {
    from_bytes(DEMO, "the built-in recording")
}
