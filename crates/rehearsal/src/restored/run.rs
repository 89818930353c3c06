//! The comparison, made after a run that was rolled back.

use meshlift_model::run_report::Violation;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
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
    /// seed in which nobody did anything until then.
    #[must_use]
    pub fn left_behind(&self, world: &TwinWorld, corner: Corner) -> Vec<Violation> {
        let (mut ours, ended) = (world.clone(), world.now());
        let until = ended.plus_seconds(SETTLE_SECONDS);
        while ours.now() < until {
            ours.next(Some(until));
        }
        // The twin can always be read.
        let end = ours.snapshot().unwrap_or_default();
        restored(&self.alone(corner, until), &end, &forward_only(self.plan), ended)
    }

    /// The mesh at that time, had nobody done anything.
    #[must_use]
    pub fn alone(&self, corner: Corner, until: Time) -> Snapshot {
        let mut stage = self.stage(corner);
        let millis = until.millis_since(stage.world().now());
        stage.pass_millis(millis);
        stage.snapshot()
    }
}
