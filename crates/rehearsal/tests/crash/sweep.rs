//! A run that dies at many places, and is taken over each time from journal bytes and ports alone: the end must
//! be that of the run that nothing disturbed.
//!
//! The run goes once from its beginning; at each chosen line a copy of its world dies and is driven on.

use std::collections::BTreeSet;

use meshlift_driver::DriverPolicy;
use meshlift_model::journal::{Command, JournalLine, Record, RunResult};
use meshlift_model::run_report::Violation;
use meshlift_model::snapshot::Snapshot;
use meshlift_rehearsal::{Crash, Cut, Driven, Fate, Moment, Rehearsal, Stage, restored};
use meshlift_twin::checkers::{self, Announced, Evidence};
use meshlift_twin::seed::Seed;
use meshlift_twin::traffic::Corner;

use crate::footprints::{Footprints, footprints};
use crate::scene::Scene;

/// From the end of a run to the comparison: pods that were told to go are gone then.
const SETTLE_MILLIS: i64 = 300_000;
/// Failures that are printed.
const SHOWN_MAX: usize = 10;

pub(crate) struct Sweep<'a> {
    scene: &'a Scene,
    rehearsal: Rehearsal<'a>,
    policy: DriverPolicy,
    whole: Whole,
}

/// The run that nothing disturbed.
struct Whole {
    result: RunResult,
    states: Vec<String>,
    footprints: Footprints,
    end: Snapshot,
    lines: Vec<JournalLine>,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(scene: &'a Scene, rollback_after: Option<&'a str>, seed: u64) -> Self {
        let rehearsal = Rehearsal { rollback_after, ..scene.rehearsal(seed) };
        let policy = rehearsal.policy();
        let mut stage = rehearsal.stage(Corner::BEST);
        let result = stage.drive(&policy, &mut |_| {}).unwrap();
        let run = stage.run().unwrap();
        let wanted = if rollback_after.is_some() { RunResult::RolledBack } else { RunResult::Done };
        assert_eq!(result, wanted, "{:?}", run.ended());
        let violations = violations(&stage, scene);
        assert_eq!(violations, [], "nothing is wrong with the run itself");
        let footprints = footprints(&stage.world());
        let lines = stage.lines().unwrap();
        let states = states(&stage);
        stage.pass_millis(SETTLE_MILLIS);
        let whole = Whole { result, states, footprints, end: stage.snapshot(), lines };
        Self { scene, rehearsal, policy, whole }
    }

    /// Lines of the journal.
    pub(crate) fn lines(&self) -> u64 {
        self.whole.lines.len() as u64
    }

    /// The line at which the rollback begins; the first one, in a run that is not rolled back.
    pub(crate) fn turn(&self) -> u64 {
        let is_rollback =
            |line: &&JournalLine| matches!(&line.record, Record::Command { command: Command::Rollback });
        self.whole.lines.iter().find(is_rollback).map_or(0, |line| line.sequence)
    }

    /// Every line from there on, whole and torn.
    pub(crate) fn every_line(&self, from: u64) -> Vec<Crash> {
        let both = |line| {
            let drawn = Crash::drawn(line, self.rehearsal.seed);
            let torn = match drawn.cut {
                Cut::Whole => Cut::Torn(usize::try_from(line * 37).unwrap()),
                torn @ Cut::Torn(_) => torn,
            };
            let away_millis = Crash::drawn(line, self.rehearsal.seed + 1).away_millis;
            [Crash { cut: Cut::Whole, ..drawn }, Crash { cut: torn, away_millis, ..drawn }]
        };
        (from..self.lines()).flat_map(both).collect()
    }

    /// So many lines from there on, drawn from the seed.
    pub(crate) fn some_lines(&self, from: u64, count: usize) -> Vec<Crash> {
        let seed = Seed::new(self.rehearsal.seed).child("positions");
        let mut lines = BTreeSet::new();
        for number in 0.. {
            if lines.len() == count {
                break;
            }
            lines.insert(from + seed.nth(number).value() % (self.lines() - from));
        }
        lines.into_iter().map(|line| Crash::drawn(line, self.rehearsal.seed)).collect()
    }

    /// Dies at each of these places, in order of their lines; panics with those that ended otherwise than they
    /// should.
    pub(crate) fn check(&self, crashes: &[Crash]) {
        let mut failures = Vec::new();
        let mut left = crashes.iter().peekable();
        let mut stage = self.rehearsal.stage(Corner::BEST);
        let driven = stage.drive_watched(&self.policy, &mut |_| {}, &mut |moment| {
            while let Some(crash) = left.next_if(|crash| crash.line == moment.line.sequence) {
                failures.extend(self.differences(moment, crash));
            }
            if left.peek().is_none() { Fate::Die(Cut::Whole) } else { Fate::GoOn }
        });
        assert_eq!(driven.unwrap(), Driven::Died, "the journal has all of these lines");
        let shown = failures.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n");
        assert!(failures.is_empty(), "{} of {} places:\n{shown}", failures.len(), crashes.len());
    }

    /// What is not as it should be after one crash, with all that it takes to see it again.
    fn differences(&self, moment: &Moment<'_>, crash: &Crash) -> Option<String> {
        let mut stage = moment.died(crash.cut);
        stage.pass_millis(crash.away_millis);
        let found = match stage.drive(&self.policy, &mut |_| {}) {
            Ok(result) => self.compare(&mut stage, result),
            Err(error) => vec![format!("{error}: {:?}", std::error::Error::source(&error))],
        };
        let Rehearsal { seed, rollback_after, .. } = self.rehearsal;
        let place = format!("seed {seed}, rollback after {rollback_after:?}, {crash}");
        (!found.is_empty()).then(|| format!("{place}:\n    {}", found.join("\n    ")))
    }

    fn compare(&self, stage: &mut Stage, result: RunResult) -> Vec<String> {
        let mut found = Vec::new();
        if result != self.whole.result {
            found.push(format!("ends {result:?}: {:?}", stage.run().unwrap().ended()));
        }
        if states(stage) != self.whole.states {
            found.push(format!("its steps end {:?}", states(stage)));
        }
        found.extend(violations(stage, self.scene).iter().map(words));
        let (mine, whole) = (footprints(&stage.world()), &self.whole.footprints);
        let all: BTreeSet<_> = mine.keys().chain(whole.keys()).collect();
        for target in all.into_iter().filter(|target| mine.get(target) != whole.get(target)) {
            let (mine, whole) = (mine.get(target), whole.get(target));
            found.push(format!("we wrote to {target} {mine:?} instead of {whole:?}"));
        }
        stage.pass_millis(SETTLE_MILLIS);
        let now = stage.world().twin().now();
        let left = restored(&self.whole.end, &stage.snapshot(), &BTreeSet::new(), now);
        found.extend(left.iter().map(words));
        found
    }
}

fn states(stage: &Stage) -> Vec<String> {
    stage.run().unwrap().steps().into_iter().map(|step| format!("{} {:?}", step.id, step.state)).collect()
}

fn words(violation: &Violation) -> String {
    format!("law {}: {} {}", violation.law, violation.subject, violation.detail)
}

/// What the checkers find, losses of requests aside: what a run loses depends on when it goes on.
fn violations(stage: &Stage, scene: &Scene) -> Vec<Violation> {
    let world = stage.world();
    let reviews = world.reviews();
    let evidence = Evidence::of_world(&world, &reviews, None);
    checkers::violations(&evidence, &Announced::of_plan(&scene.plan))
}
