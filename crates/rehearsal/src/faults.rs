//! Faults of a rehearsal: our own crashes among them, what of a run's trouble is not ours, and what is reported.

use std::collections::BTreeMap;

use meshlift_driver::DriveError;
use meshlift_model::event::Event;
use meshlift_model::journal::RunResult;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::{FaultReport, Violation};
use meshlift_ports::WorldPort;
use meshlift_twin::checkers::{self, Announced, Evidence};
use meshlift_twin::faults::{Fault, FaultKind, Played, Trigger};
use meshlift_twin::traffic::{Corner, Traffic, measure};
use meshlift_twin::world::TwinWorld;

use crate::{Cut, Driven, Fate, Rehearsal, Stage};

/// Bytes of the line at which our process dies that are durable, where not all of it is.
const TORN_BYTES: usize = 7;

/// A crash of ours that is still to come.
#[derive(Clone, Copy)]
struct Due {
    line: u64,
    fault: usize,
    cut: Cut,
    away_millis: i64,
}

impl Rehearsal<'_> {
    /// Drives a stage to its end, through our own crashes: each time another process takes the run over.
    ///
    /// # Errors
    /// As [`Stage::drive`].
    pub fn drive(&self, stage: &mut Stage, sink: &mut dyn FnMut(&Event)) -> Result<RunResult, DriveError> {
        let mut crashes = self.own_crashes();
        loop {
            let next = crashes.pop();
            let watch = |line: u64| next.filter(|due| line >= due.line);
            let driven = stage.drive_watched(&self.policy(), sink, &mut |moment| {
                watch(moment.line.sequence).map_or(Fate::GoOn, |due| Fate::Die(due.cut))
            })?;
            match (driven, next) {
                (Driven::Ended(result), _) => return Ok(result),
                (Driven::Died, None) => {}
                (Driven::Died, Some(due)) => {
                    let now = stage.world().now();
                    let victim = self.faults[due.fault].victim.clone();
                    stage.world_mut().twin_mut().cluster.faults.note(due.fault, now, victim);
                    stage.pass_millis(due.away_millis);
                }
            }
        }
    }

    /// Our crashes, the last one first.
    fn own_crashes(&self) -> Vec<Due> {
        let due = |(fault, one): (usize, &Fault)| {
            let FaultKind::OwnCrash { away_millis, durable } = one.kind else { return None };
            let Trigger::Line(line) = one.trigger else { return None };
            let cut = if durable { Cut::Whole } else { Cut::Torn(TORN_BYTES) };
            Some(Due { line, fault, cut, away_millis })
        };
        let mut crashes: Vec<Due> = self.faults.iter().enumerate().filter_map(due).collect();
        crashes.sort_by_key(|due| std::cmp::Reverse(due.line));
        crashes
    }

    /// The violations without those that the same faults cause in a world that nobody upgrades.
    pub(crate) fn ours(
        &self,
        world: &TwinWorld,
        corner: Corner,
        traffic: &Traffic,
        violations: Vec<Violation>,
    ) -> Vec<Violation> {
        if violations.is_empty() || world.played().is_empty() {
            return violations;
        }
        let reference = self.untouched(world, corner);
        let theirs = measure(reference.twin().cluster.store.changes(), world.began(), world.now(), corner);
        let reviews = reference.reviews();
        let evidence = Evidence::of_world(&reference, &reviews, (corner == Corner::BEST).then_some(&theirs));
        let announced = Announced::of_plan(self.plan);
        let there = checkers::violations(&evidence, &announced);
        let is_theirs = |violation: &Violation| match violation.law.as_str() {
            FLOORS => {
                let floor = announced.floors.get(&violation.subject).copied().unwrap_or(0);
                ready_min(traffic, &violation.subject) + dip(&theirs, &violation.subject) >= floor
            }
            LOSS => lost(traffic, &violation.subject) <= lost(&theirs, &violation.subject),
            law => there.iter().any(|other| other.law == law && other.subject == violation.subject),
        };
        violations.into_iter().filter(|violation| !is_theirs(violation)).collect()
    }

    /// The same seed and the same faults, over the same time, without us.
    pub(crate) fn untouched(&self, world: &TwinWorld, corner: Corner) -> TwinWorld {
        let faults: Vec<Fault> =
            world.played().iter().map(|played| self.faults[played.fault].replayed(played.at)).collect();
        let mut reference = self.bare_world(corner);
        reference.play(&faults, &self.plan.revision);
        while reference.now() < world.now() {
            reference.next(Some(world.now()));
        }
        reference
    }
}

/// Law of floors, as violations name it.
const FLOORS: &str = "9";
/// Requests lost though nobody accepted it, as violations name it.
const LOSS: &str = "announced";

fn ready_min(traffic: &Traffic, workload: &ObjectRef) -> i32 {
    traffic.workloads.get(workload).map_or(0, |figures| figures.ready_min)
}

/// Pods that faults alone took from a workload at once.
fn dip(traffic: &Traffic, workload: &ObjectRef) -> i32 {
    let figures = traffic.workloads.get(workload);
    let most = figures.and_then(|figures| figures.ready.iter().map(|(_, ready)| *ready).max()).unwrap_or(0);
    figures.map_or(0, |figures| most - figures.ready_min)
}

fn lost(traffic: &Traffic, workload: &ObjectRef) -> f64 {
    traffic.workloads.get(workload).map_or(0.0, |figures| figures.loss.requests_lost())
}

/// What was played in either corner, in order of time; last what found no place to strike.
pub(crate) fn reports(rehearsal: &Rehearsal<'_>, best: &[Played], worst: &[Played]) -> Vec<FaultReport> {
    let mut struck: BTreeMap<usize, &Played> = worst.iter().map(|played| (played.fault, played)).collect();
    struck.extend(best.iter().map(|played| (played.fault, played)));
    let report = |(index, fault): (usize, &Fault)| {
        let played = struck.get(&index);
        FaultReport {
            at: played.map(|played| played.at),
            kind: fault.kind.name().to_owned(),
            object: played.map_or_else(|| fault.victim.clone(), |played| played.object.clone()),
            detail: fault.kind.detail(),
            persists: fault.kind.persists(),
            seed: rehearsal.seed,
        }
    };
    let mut reports: Vec<FaultReport> = rehearsal.faults.iter().enumerate().map(report).collect();
    reports.sort_by(|a, b| (a.at.is_none(), a).cmp(&(b.at.is_none(), b)));
    reports
}
