//! The stage's journal: the bytes that a file would have, cut where a process dies.

use std::cell::{Ref, RefCell};
use std::rc::Rc;

use meshlift_model::journal::JournalLine;
use meshlift_model::plan::Plan;
use meshlift_ports::{JournalError, JournalPort, line_bytes, parse_lines, whole_lines};
use meshlift_twin::world::TwinWorld;

use super::crash::Cut;
use super::{PLACE, Stage};

/// What becomes of the process at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The line becomes durable, the process goes on.
    GoOn,
    /// The process dies there.
    Die(Cut),
}

/// The moment at which a line is about to become durable.
pub struct Moment<'a> {
    /// The line.
    pub line: &'a JournalLine,
    /// What is durable before it.
    durable: &'a [u8],
    bytes: &'a [u8],
    world: &'a Rc<RefCell<TwinWorld>>,
    plan: &'a Rc<Plan>,
}

impl std::fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Moment").field("line", self.line).finish_non_exhaustive()
    }
}

impl Moment<'_> {
    /// The world as it is.
    #[must_use]
    pub fn world(&self) -> Ref<'_, TwinWorld> {
        self.world.borrow()
    }

    /// A stage of its own on which the process died here; this one is not touched.
    #[must_use]
    pub fn died(&self, cut: Cut) -> Stage {
        let mut world = self.world.borrow().clone();
        world.reconnect();
        if cut == Cut::Whole {
            world.witness().appended(self.line);
        }
        let durable = [self.durable, cut.of(self.bytes)].concat();
        Stage { world: Rc::new(RefCell::new(world)), journal: durable, plan: Rc::clone(self.plan) }
    }
}

/// The journal that a process on the stage has open.
pub(super) struct StageJournal<'a> {
    durable: &'a mut Vec<u8>,
    next: u64,
    dead: bool,
    world: &'a Rc<RefCell<TwinWorld>>,
    plan: &'a Rc<Plan>,
    watch: &'a mut dyn FnMut(&Moment<'_>) -> Fate,
}

impl<'a> StageJournal<'a> {
    /// Opens the journal as a file is opened: a torn last line is cut off.
    pub(super) fn open(
        durable: &'a mut Vec<u8>,
        world: &'a Rc<RefCell<TwinWorld>>,
        plan: &'a Rc<Plan>,
        watch: &'a mut dyn FnMut(&Moment<'_>) -> Fate,
    ) -> Result<Self, JournalError> {
        durable.truncate(whole_lines(durable).len());
        let next = durable.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(Self { durable, next, dead: false, world, plan, watch })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next == 0
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }
}

impl JournalPort for StageJournal<'_> {
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        let place = PLACE.to_owned();
        if self.dead {
            return Err(JournalError::Write { place, reason: "the process is dead".to_owned() });
        }
        if line.sequence != self.next {
            return Err(JournalError::Stale { place, expected: line.sequence, found: self.next });
        }
        let bytes = line_bytes(PLACE, line)?;
        let moment =
            Moment { line, durable: self.durable, bytes: &bytes, world: self.world, plan: self.plan };
        match (self.watch)(&moment) {
            Fate::GoOn => {
                self.durable.extend(&bytes);
                self.next += 1;
                self.world.borrow().witness().appended(line);
                Ok(())
            }
            Fate::Die(cut) => {
                self.durable.extend(cut.of(&bytes));
                self.dead = true;
                if cut == Cut::Whole {
                    self.world.borrow().witness().appended(line);
                }
                Err(JournalError::Write { place, reason: "the process died".to_owned() })
            }
        }
    }

    fn lines(&self) -> Result<Vec<JournalLine>, JournalError> {
        parse_lines(PLACE, self.durable)
    }
}
