//! Carries a plan out on the twin, in the best and in the worst corner.

use std::sync::Arc;

use meshlift_driver::{DriveError, DriverPolicy};
use meshlift_engine::Run;
use meshlift_mesh::Mesh;
use meshlift_model::event::Event;
use meshlift_model::journal::RunResult;
use meshlift_model::manifest::Manifest;
use meshlift_model::plan::Plan;
use meshlift_model::run_report::{RunReport, Violation};
use meshlift_model::time::Time;
use meshlift_twin::checkers::{self, Announced, Evidence};
use meshlift_twin::faults::{Fault, Played};
use meshlift_twin::traffic::{Corner, Traffic, measure};
use meshlift_twin::world::{TwinOptions, TwinWorld};

use crate::{Stage, assemble};

/// Who grants approvals in a rehearsal: said in every report.
const APPROVER: &str = "the rehearsal";

/// What is rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// The mesh at the start.
    pub mesh: &'a Mesh,
    /// The plan.
    pub plan: &'a Plan,
    /// What the plan installs.
    pub manifest: &'a Manifest,
    /// Seed of the twin.
    pub seed: u64,
    /// What goes wrong on the way; see [`meshlift_twin::faults::light`].
    pub faults: &'a [Fault],
    /// Everything is rolled back once this step of the plan is done.
    pub rollback_after: Option<&'a str>,
}

/// One corner's run at its end.
#[derive(Debug)]
pub struct Ended {
    /// Result.
    pub result: RunResult,
    /// The run, as its journal tells it.
    pub run: Run,
    /// The mesh at the end.
    pub mesh: Mesh,
    /// Begin.
    pub began: Time,
    /// End.
    pub ended: Time,
    /// What it did to clients.
    pub traffic: Traffic,
    /// Whatever was worse than announced.
    pub violations: Vec<Violation>,
    /// Faults that struck, in order.
    pub played: Vec<Played>,
}

/// Both corners.
#[derive(Debug)]
pub struct Outcome {
    /// Kind apps, fast endpoints, fast start.
    pub best: Ended,
    /// Abrupt apps, slow endpoints, slow start.
    pub worst: Ended,
    /// What they came to.
    pub report: RunReport,
}

impl Rehearsal<'_> {
    /// Runs the best corner, of which `sink` hears, then the worst. One after the other: two worlds
    /// with all their history side by side would need twice the memory, and little time is won.
    ///
    /// # Errors
    /// Where the driver or the engine cannot go on.
    pub fn run(&self, sink: &mut dyn FnMut(&Event)) -> Result<Outcome, DriveError> {
        let best = self.run_corner(Corner::BEST, sink)?;
        let worst = self.run_corner(Corner::WORST, &mut |_| {})?;
        let report = assemble::report(self, &best, &worst);
        Ok(Outcome { best, worst, report })
    }

    /// Runs the plan in one corner to its end.
    ///
    /// # Errors
    /// As [`Rehearsal::run`].
    pub fn run_corner(&self, corner: Corner, sink: &mut dyn FnMut(&Event)) -> Result<Ended, DriveError> {
        let mut stage = self.stage(corner);
        let result = self.drive(&mut stage, sink)?;
        self.judge(&stage, result, corner)
    }

    /// The stage of a corner, on which nothing has happened yet.
    #[must_use]
    pub fn stage(&self, corner: Corner) -> Stage {
        Stage::new(self.world(corner), self.plan)
    }

    /// The world of a corner, as the snapshot says it is, with all that will go wrong in it.
    #[must_use]
    pub fn world(&self, corner: Corner) -> TwinWorld {
        let mut world = self.bare_world(corner);
        world.play(self.faults, &self.plan.revision);
        world
    }

    /// The world of a corner in which nothing goes wrong.
    pub(crate) fn bare_world(&self, corner: Corner) -> TwinWorld {
        let options = TwinOptions { seed: self.seed, corner, manifest: Some(self.manifest.clone()) };
        TwinWorld::load(&self.mesh.snapshot, options)
    }

    /// What the driver does by itself in a rehearsal.
    #[must_use]
    pub fn policy(&self) -> DriverPolicy {
        DriverPolicy {
            auto_approve: Some(APPROVER.to_owned()),
            rollback_after: self.rollback_after.map(ToOwned::to_owned),
            ..DriverPolicy::default()
        }
    }

    /// What came of a run that ended on a stage.
    ///
    /// # Errors
    /// Where its journal does not make sense.
    pub fn judge(&self, stage: &Stage, result: RunResult, corner: Corner) -> Result<Ended, DriveError> {
        let run = stage.run()?;
        let world = stage.world();
        let (began, ended) = (world.began(), world.twin().now());
        let traffic = measure(world.twin().cluster.store.changes(), began, ended, corner);
        let violations = self.violations(&world, (corner == Corner::BEST).then_some(&traffic));
        let mut violations = self.ours(&world, corner, &traffic, violations);
        if result == RunResult::RolledBack {
            violations.extend(self.left_behind(&world, corner));
        }
        let mesh = Mesh::derive(Arc::new(stage.snapshot()));
        let played = world.played().to_vec();
        Ok(Ended { result, run, mesh, began, ended, traffic, violations, played })
    }

    /// What the checkers say; they share no code with what planned and carried it out.
    fn violations(&self, world: &TwinWorld, traffic: Option<&Traffic>) -> Vec<Violation> {
        let reviews = world.reviews();
        let evidence = Evidence::of_world(world, &reviews, traffic);
        checkers::violations(&evidence, &Announced::of_plan(self.plan))
    }
}
