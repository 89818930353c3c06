//! What passed between a run and its world, in order: what checkers hold the journal against.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use meshlift_model::effect::{Effect, EffectId};
use meshlift_model::journal::{JournalLine, Record};
use meshlift_model::time::Time;

/// One thing that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    /// When.
    pub at: Time,
    /// So many changes stood in the log before it.
    pub position: usize,
    /// What.
    pub what: What,
}

/// What passed.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A line of the journal became durable; the first one, which holds the plan, is left out.
    Appended(Rc<JournalLine>),
    /// An effect was handed over.
    Submitted {
        /// Its number.
        effect: EffectId,
        /// The effect.
        asked: Rc<Effect>,
    },
    /// An effect was carried out, or tried.
    Acted {
        /// Its number.
        effect: EffectId,
        /// Places in the log of what it changed.
        changes: Range<usize>,
        /// True once it is in effect, or answered; false where it was refused, or is not through.
        done: bool,
    },
    /// The whole mesh was read, as checks do.
    ReadAll,
}

/// A handle on the record; all copies write to the same one.
#[derive(Clone, Debug, Default)]
pub struct Witness(Rc<RefCell<Protocol>>);

#[derive(Clone, Debug, Default)]
struct Protocol {
    passed: Vec<Passed>,
    at: Time,
    position: usize,
}

impl Witness {
    /// A line of the journal is durable. Whoever keeps the journal says so.
    pub fn appended(&self, line: &JournalLine) {
        if !matches!(line.record, Record::Started { .. }) {
            self.note(What::Appended(Rc::new(line.clone())));
        }
    }

    /// All that passed so far, in order.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        self.0.borrow().passed.clone()
    }

    /// A record of its own that begins with all that passed so far: for a copy of the world.
    #[must_use]
    pub(crate) fn fork(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    /// How far the log is.
    pub(crate) fn stands_at(&self, at: Time, position: usize) {
        let mut protocol = self.0.borrow_mut();
        (protocol.at, protocol.position) = (at, position);
    }

    pub(crate) fn note(&self, what: What) {
        let mut protocol = self.0.borrow_mut();
        let (at, position) = (protocol.at, protocol.position);
        protocol.passed.push(Passed { at, position, what });
    }
}
