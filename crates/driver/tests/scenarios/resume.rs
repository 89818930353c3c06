//! Another process takes over at any line: the end is the same.

use meshlift_driver::{DriverPolicy, MemoryJournal, begin, drive};
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

/// Each template is restarted once, however often processes die.
fn no_restart_twice(world: &World, when: &str) {
    for one in world.workloads.values() {
        let restarts = world.writes.iter().filter(|write| {
            let again = matches!(&write.change, meshlift_model::effect::Change::TemplateAnnotation { value, .. } if value.is_some());
            write.target == one.me && again
        });
        assert!(restarts.count() <= 1, "{} was restarted twice: {when}", one.me);
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

#[test]
fn the_journal_closes_what_a_dead_process_left_open() {
    let mut world = world();
    // Line 14 is the intent of web's label: durable, but never submitted.
    let ran = dies_and_is_resumed(&mut world, &plan(), &approving(), 14, Death::After);
    let lines = ran.lines();
    assert!(matches!(lines[14].record, Record::Intent { .. }), "{:?}", lines[14]);
    let Record::Outcome { outcome, .. } = &lines[15].record else { panic!("{:?}", lines[15]) };
    assert!(format!("{outcome:?}").contains("the executor ended"), "{outcome:?}");
    assert!(matches!(lines[16].record, Record::Intent { .. }), "written again: {:?}", lines[16]);
}

#[test]
fn the_same_run_twice_says_the_same() {
    let once = || run(&mut world(), &plan(), &approving());
    let (first, second) = (once(), once());
    assert_eq!(first.lines(), second.lines());
    assert_eq!(first.events, second.events);
}
