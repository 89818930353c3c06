//! One run on the twin as the rest of the world sees it: a mesh that goes on by itself, and the bytes of a
//! journal. Whatever drives it may die at any line; the next process has those bytes and the ports alone.

mod crash;
mod journal;

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;

use meshlift_driver::{DriveError, DriverPolicy};
use meshlift_engine::Run;
use meshlift_model::effect::{Effect, EffectId};
use meshlift_model::event::Event;
use meshlift_model::journal::{Input, JournalLine, RunResult};
use meshlift_model::plan::Plan;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::{JournalError, PortError, WorldPort, parse_lines};
use meshlift_twin::world::TwinWorld;

pub use crash::{Crash, Cut};
pub use journal::{Fate, Moment};

use journal::StageJournal;
use meshlift_driver::CheckedWorld;

/// Name of every run on a stage.
const RUN: &str = "rehearsal";
/// What errors call the journal.
const PLACE: &str = "memory";

/// World and journal of one run. A copy goes on by itself, in the same way.
#[derive(Debug)]
pub struct Stage {
    world: Rc<RefCell<TwinWorld>>,
    journal: Vec<u8>,
    plan: Rc<Plan>,
}

/// How far a process came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// To the end of the run, or to where a person must act.
    Ended(RunResult),
    /// It died.
    Died,
}

impl Clone for Stage {
    fn clone(&self) -> Self {
        Self {
            world: Rc::new(RefCell::new(self.world.borrow().clone())),
            journal: self.journal.clone(),
            plan: Rc::clone(&self.plan),
        }
    }
}

impl Stage {
    /// A stage on which nothing has happened yet.
    #[must_use]
    pub fn new(world: TwinWorld, plan: &Plan) -> Self {
        let plan = Rc::new(plan.clone());
        Self { world: Rc::new(RefCell::new(world)), journal: Vec::new(), plan }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> Ref<'_, TwinWorld> {
        self.world.borrow()
    }

    /// The world, for whoever plays another person or a fault between two processes.
    #[must_use]
    pub fn world_mut(&mut self) -> RefMut<'_, TwinWorld> {
        self.world.borrow_mut()
    }

    /// The mesh as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.world.borrow().export()
    }

    /// The journal as its file would be, a torn last line included.
    #[must_use]
    pub fn journal(&self) -> &[u8] {
        &self.journal
    }

    /// The journal's whole lines.
    ///
    /// # Errors
    /// Where the journal is damaged.
    pub fn lines(&self) -> Result<Vec<JournalLine>, DriveError> {
        Ok(parse_lines(PLACE, &self.journal)?)
    }

    /// The run that the journal tells.
    ///
    /// # Errors
    /// Where there is none, or the journal is damaged.
    pub fn run(&self) -> Result<Run, DriveError> {
        let lines = self.lines()?;
        let (first, rest) = lines.split_first().ok_or(DriveError::NoRun)?;
        let mut run = Run::open(first)?;
        for line in rest {
            run.apply(line)?;
        }
        Ok(run)
    }

    /// A process begins the run, or takes it up from journal and ports alone, and drives it to its end.
    ///
    /// # Errors
    /// As [`meshlift_driver::drive`].
    pub fn drive(
        &mut self,
        policy: &DriverPolicy,
        sink: &mut dyn FnMut(&Event),
    ) -> Result<RunResult, DriveError> {
        match self.drive_watched(policy, sink, &mut |_| Fate::GoOn)? {
            Driven::Ended(result) => Ok(result),
            Driven::Died => {
                let reason = "the process died".to_owned();
                Err(JournalError::Write { place: PLACE.to_owned(), reason }.into())
            }
        }
    }

    /// As [`Stage::drive`]; `watch` is asked before each line becomes durable whether the process dies
    /// there. What it had submitted goes on in the world, and nobody hears of it.
    ///
    /// # Errors
    /// As [`meshlift_driver::drive`]; its own death is none.
    pub fn drive_watched(
        &mut self,
        policy: &DriverPolicy,
        sink: &mut dyn FnMut(&Event),
        watch: &mut dyn FnMut(&Moment<'_>) -> Fate,
    ) -> Result<Driven, DriveError> {
        let (intent, target) = (self.plan.intent.clone(), self.plan.target.clone());
        let mut world = CheckedWorld::new(SharedWorld(Rc::clone(&self.world)), intent, target);
        let mut journal = StageJournal::open(&mut self.journal, &self.world, &self.plan, watch)?;
        let begun = match journal.is_empty() {
            true => meshlift_driver::begin(&mut journal, RUN, &self.plan, world.now()),
            false => Ok(()),
        };
        let result = begun.and_then(|()| meshlift_driver::drive(&mut world, &mut journal, policy, sink));
        if journal.is_dead() {
            self.world.borrow_mut().reconnect();
            return Ok(Driven::Died);
        }
        result.map(Driven::Ended)
    }

    /// Time passes and nobody drives the run.
    pub fn pass_millis(&mut self, millis: i64) {
        let mut world = self.world.borrow_mut();
        let until = world.now().plus_millis(millis);
        while world.now() < until {
            world.next(Some(until));
        }
    }
}

/// The stage's world as a process sees it.
#[derive(Debug)]
struct SharedWorld(Rc<RefCell<TwinWorld>>);

impl WorldPort for SharedWorld {
    fn now(&self) -> Time {
        self.0.borrow().now()
    }

    fn submit(&mut self, effect_id: EffectId, effect: &Effect) {
        self.0.borrow_mut().submit(effect_id, effect);
    }

    fn next(&mut self, until: Option<Time>) -> Input {
        self.0.borrow_mut().next(until)
    }

    fn snapshot(&mut self) -> Result<Snapshot, PortError> {
        self.0.borrow_mut().snapshot()
    }

    fn shared_snapshot(&mut self) -> Result<Arc<Snapshot>, PortError> {
        self.0.borrow_mut().shared_snapshot()
    }
}
