//! Drives a run and keeps what tests look at.

use meshlift_driver::{DriverPolicy, MemoryJournal, begin, drive, load};
use meshlift_engine::Run;
use meshlift_model::event::{Event, EventKind};
use meshlift_model::journal::{JournalLine, RunResult};
use meshlift_model::plan::Plan;
use meshlift_ports::JournalPort;

use crate::world::World;

pub(crate) struct Ran {
    pub(crate) result: RunResult,
    pub(crate) run: Run,
    pub(crate) events: Vec<Event>,
    pub(crate) journal: MemoryJournal,
}

impl Ran {
    pub(crate) fn state(&self, step: &str) -> String {
        let steps = self.run.steps();
        steps.into_iter().find(|report| report.id == step).unwrap().state
    }

    pub(crate) fn reason(&self) -> &str {
        self.run.ended().unwrap().1
    }

    pub(crate) fn lines(&self) -> Vec<JournalLine> {
        self.journal.lines().unwrap()
    }

    pub(crate) fn has_event(&self, wanted: impl Fn(&EventKind) -> bool) -> bool {
        self.events.iter().any(|event| wanted(&event.kind))
    }
}

pub(crate) fn approving() -> DriverPolicy {
    DriverPolicy { auto_approve: Some("rehearsal".into()), ..DriverPolicy::default() }
}

pub(crate) fn run(world: &mut World, plan: &Plan, policy: &DriverPolicy) -> Ran {
    let mut journal = MemoryJournal::default();
    begin(&mut journal, "r", plan, world.now).unwrap();
    go_on(world, journal, policy)
}

pub(crate) fn go_on(world: &mut World, mut journal: MemoryJournal, policy: &DriverPolicy) -> Ran {
    let mut events = Vec::new();
    world.reconnect();
    let result = drive(world, &mut journal, policy, &mut |event| events.push(event.clone())).unwrap();
    let run = load(&journal).unwrap();
    Ran { result, run, events, journal }
}
