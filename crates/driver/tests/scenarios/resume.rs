//! Another process takes over at any line: the end is the same.

use std::collections::BTreeSet;

use meshlift_driver::{DriverPolicy, MemoryJournal, begin, drive};
use meshlift_model::effect::{Change, Outcome};
use meshlift_model::journal::{Command, JournalLine, Record, RunResult};
use meshlift_model::plan::Plan;
use meshlift_ports::{JournalError, JournalPort};

use crate::plan::{plan, world};
use crate::run::{Ran, approving, go_on, run};
use crate::workload::TARGET;
use crate::world::World;

/// When the process dies, seen from the journal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// Before the line is durable.
    Before,
    /// Right after; whatever rests on it is not done.
    After,
}

/// A journal whose process dies at one line.
struct Mortal {
    inner: MemoryJournal,
    at: u64,
    death: Death,
}

impl JournalPort for Mortal {
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        if line.sequence != self.at || self.death == Death::After {
            self.inner.append(line)?;
        }
        if line.sequence == self.at {
            return Err(JournalError::Write { place: "test".into(), reason: "death".into() });
        }
        Ok(())
    }

    fn lines(&self) -> Result<Vec<JournalLine>, JournalError> {
        self.inner.lines()
    }
}

fn dies_and_is_resumed(world: &mut World, plan: &Plan, policy: &DriverPolicy, at: u64, death: Death) -> Ran {
    let mut journal = Mortal { inner: MemoryJournal::default(), at, death };
    begin(&mut journal, "r", plan, world.now).unwrap();
    assert!(drive(world, &mut journal, policy, &mut |_| {}).is_err(), "line {at} was never written");
    // It takes a while until somebody notices.
    world.now = world.now.plus_seconds(7);
    go_on(world, journal.inner, policy)
}

/// Dies at every line of the run, in both ways; the end must be that of a run that never died.
fn sweep(make: &dyn Fn() -> World, policy: &DriverPolicy) {
    let plan = plan();
    let mut undisturbed = make();
    let whole = run(&mut undisturbed, &plan, policy);
    let last = whole.lines().len() as u64;
    for death in [Death::Before, Death::After] {
        for at in 1..last {
            let mut world = make();
            let ran = dies_and_is_resumed(&mut world, &plan, policy, at, death);
            assert_eq!(ran.result, whole.result, "{death:?} {at}: {}", ran.reason());
            assert_eq!(world.summary(), undisturbed.summary(), "{death:?} {at}");
            let states = |ran: &Ran| ran.run.steps().into_iter().map(|one| one.state).collect::<Vec<_>>();
            assert_eq!(states(&ran), states(&whole), "{death:?} {at}");
            no_restart_twice(&world, &format!("{death:?} {at}"));
        }
    }
}

/// Each template is restarted once, however often processes die. The very same write may be tried again: it is
/// the same restart, and where the first one arrived its precondition refuses the second.
fn no_restart_twice(world: &World, when: &str) {
    for one in world.workloads.values() {
        let restarts = world.writes.iter().filter(|write| write.target == one.me).filter_map(|write| {
            let Change::TemplateAnnotation { value: Some(value), .. } = &write.change else { return None };
            Some((value, &write.resource_version))
        });
        let restarts: BTreeSet<_> = restarts.collect();
        assert!(restarts.len() <= 1, "{} was restarted twice: {when}", one.me);
    }
}

#[test]
fn a_whole_upgrade_can_be_taken_over_at_every_line() {
    sweep(&world, &approving());
}

#[test]
fn a_rollback_can_be_taken_over_at_every_line() {
    let policy = DriverPolicy { rollback_after: Some("cleanup".into()), ..approving() };
    sweep(&world, &policy);
}

#[test]
fn an_undo_can_be_taken_over_at_every_line() {
    let make = || {
        let mut world = world();
        world.workload("Deployment/web/shop").nack_on = Some(TARGET);
        world
    };
    sweep(&make, &approving());
}

#[test]
fn commands_are_obeyed_also_by_the_process_that_takes_over() {
    for death in [Death::Before, Death::After] {
        for at in 1..60 {
            let mut world = world();
            let before = world.summary();
            let mut journal = Mortal { inner: MemoryJournal::default(), at, death };
            begin(&mut journal, "r", &plan(), world.now).unwrap();
            let _ = drive(&mut world, &mut journal, &approving(), &mut |_| {});
            let policy = DriverPolicy { commands: vec![Command::Rollback], ..approving() };
            let ran = go_on(&mut world, journal.inner, &policy);
            assert_eq!(ran.result, RunResult::RolledBack, "{death:?} {at}: {}", ran.reason());
            assert_eq!(world.summary(), before, "{death:?} {at}");
        }
    }
}

/// Line 14 is the intent of web's label.
fn is_labels(line: &JournalLine) -> bool {
    matches!(&line.record, Record::Intent { write, .. } if matches!(write.change, Change::Labels { .. }))
}

#[test]
fn what_a_dead_process_left_open_is_written_again_before_anything_else() {
    let mut world = world();
    // Durable, but never submitted.
    let ran = dies_and_is_resumed(&mut world, &plan(), &approving(), 14, Death::After);
    let lines = ran.lines();
    assert!(is_labels(&lines[14]), "{:?}", lines[14]);
    let Record::Outcome { effect, outcome } = &lines[15].record else { panic!("{:?}", lines[15]) };
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert!(matches!(&lines[14].record, Record::Intent { effect: meant, .. } if meant == effect));
}

#[test]
fn a_write_that_has_landed_is_not_done_twice_and_its_undo_is_not_forgotten() {
    let mut world = world();
    let before = world.summary();
    // The outcome of line 14 is line 15: it arrived, and was not written down.
    let policy = DriverPolicy { commands: vec![Command::Rollback], ..approving() };
    let mut journal = Mortal { inner: MemoryJournal::default(), at: 15, death: Death::Before };
    begin(&mut journal, "r", &plan(), world.now).unwrap();
    assert!(drive(&mut world, &mut journal, &approving(), &mut |_| {}).is_err());
    let ran = go_on(&mut world, journal.inner, &policy);
    let lines = ran.lines();
    assert!(is_labels(&lines[14]), "{:?}", lines[14]);
    let closed = lines.iter().find_map(|line| match &line.record {
        Record::Outcome { outcome, .. } if line.sequence > 14 => Some(format!("{outcome:?}")),
        _ => None,
    });
    assert!(closed.as_ref().is_some_and(|said| said.contains("the executor ended")), "{closed:?}");
    assert_eq!(ran.result, RunResult::RolledBack, "{}", ran.reason());
    assert_eq!(world.summary(), before);
}

#[test]
fn the_same_run_twice_says_the_same() {
    let once = || run(&mut world(), &plan(), &approving());
    let (first, second) = (once(), once());
    assert_eq!(first.lines(), second.lines());
    assert_eq!(first.events, second.events);
}
