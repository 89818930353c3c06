//! What the journal says so far, as the checkers fold it themselves.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::effect::{EffectId, Write};
use meshlift_model::journal::{JournalLine, Record, Undo};

use crate::witness::{Passed, What};

/// A write that was meant.
#[derive(Clone, Debug)]
pub(super) struct Meant {
    pub(super) step: String,
    /// Action's index within the step.
    pub(super) action: usize,
    pub(super) write: Write,
    pub(super) undo: Undo,
    /// True on the way back.
    pub(super) is_back: bool,
}

/// The run up to a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// The step at work, or the one that is being taken back.
    pub(super) step: Option<String>,
    /// Steps that were begun.
    pub(super) begun: BTreeSet<String>,
    /// Every write that was meant, by the number of its effect.
    pub(super) meant: BTreeMap<EffectId, Meant>,
}

impl Course {
    pub(super) fn take(&mut self, passed: &Passed) {
        let What::Appended(line) = &passed.what else { return };
        match &line.record {
            Record::StepStarted { step, .. } => {
                self.begun.insert(step.clone());
                self.step = Some(step.clone());
            }
            Record::Undoing { step, .. } => self.step = Some(step.clone()),
            // A step that waited for this word goes on.
            Record::Approved { step, .. } if self.begun.contains(step) => self.step = Some(step.clone()),
            Record::StepEnded { step, .. } => {
                self.step.take_if(|current| current == step);
            }
            Record::Intent { effect, .. } => {
                self.meant.extend(meant(line).map(|meant| (*effect, meant)));
            }
            Record::Started { .. }
            | Record::Outcome { .. }
            | Record::ActionDone { .. }
            | Record::Gate { .. }
            | Record::Bake { .. }
            | Record::Approved { .. }
            | Record::Command { .. }
            | Record::Ended { .. } => {}
        }
    }
}

fn meant(line: &JournalLine) -> Option<Meant> {
    let Record::Intent { step, action, write, undo, reverses, .. } = &line.record else { return None };
    Some(Meant {
        step: step.clone(),
        action: *action,
        write: write.clone(),
        undo: undo.clone(),
        is_back: reverses.is_some(),
    })
}
