//! The comparison, made after a run that was rolled back.

use meshlift_model::run_report::Violation;
use meshlift_model::snapshot::Snapshot;
use meshlift_ports::WorldPort;
use meshlift_twin::traffic::Corner;
use meshlift_twin::world::TwinWorld;

use super::{forward_only, restored};
use crate::Rehearsal;

/// Seconds from the end of a rollback to the comparison: pods of what was removed still leave, endpoints are
/// still written. Longer than any usual grace period.
const SETTLE_SECONDS: i64 = 300;

impl Rehearsal<'_> {
    /// What a run that was rolled back left behind: its world, a little later, against a world of the same
    /// seed and the same faults in which nobody upgraded anything until then.
    #[must_use]
    pub fn left_behind(&self, world: &TwinWorld, corner: Corner) -> Vec<Violation> {
        let (mut ours, ended) = (world.clone(), world.now());
        let until = ended.plus_seconds(SETTLE_SECONDS);
        while ours.now() < until {
            ours.next(Some(until));
        }
        let mut alone = self.untouched(&ours, corner);
        restored(&mesh_of(&mut alone), &mesh_of(&mut ours), &forward_only(self.plan), ended)
    }
}

/// The twin can always be read.
fn mesh_of(world: &mut TwinWorld) -> Snapshot {
    world.snapshot().unwrap_or_default()
}
