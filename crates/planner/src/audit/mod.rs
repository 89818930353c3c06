//! The audit: lints any plan, whoever wrote it. It shares the order of stages with the planner and no other code:
//! what the planner believes is not asked.

mod held;
mod limits;
mod order;
mod proofs;
mod selectors;
mod tags;

use meshlift_mesh::Mesh;
use meshlift_model::action::{Action, ActionKind, Move};
use meshlift_model::plan::{Plan, Step};

use crate::digest::{intent_digest, plan_digest};
use crate::note::{Note, NoteSeverity};

/// Notes about a plan, fatal ones first. With the mesh that it is for, more can be told.
#[must_use]
pub fn audit(plan: &Plan, mesh: Option<&Mesh>) -> Vec<Note> {
    let audit = Audit { plan, mesh };
    let mut notes = Vec::new();
    audit.digests(&mut notes);
    audit.order(&mut notes);
    audit.tags(&mut notes);
    audit.selectors(&mut notes);
    audit.proofs(&mut notes);
    audit.limits(&mut notes);
    audit.held(&mut notes);
    notes.sort_by(|a, b| (b.severity, a.code, &a.text).cmp(&(a.severity, b.code, &b.text)));
    notes.dedup();
    notes
}

/// True if one of the notes forbids to carry the plan out.
#[must_use]
pub fn is_fatal(notes: &[Note]) -> bool {
    notes.iter().any(|note| note.severity == NoteSeverity::Fatal)
}

/// A plan under audit.
struct Audit<'a> {
    plan: &'a Plan,
    mesh: Option<&'a Mesh>,
}

impl<'a> Audit<'a> {
    fn digests(&self, notes: &mut Vec<Note>) {
        if self.plan.digest != plan_digest(self.plan) {
            notes.push(Note::fatal("ML8417", "the plan's digest does not fit what it says"));
        }
        if self.plan.intent_digest != intent_digest(&self.plan.intent) {
            notes.push(Note::fatal("ML8417", "the digest of the intent does not fit the intent"));
        }
    }

    /// All actions with their step and its index, in the order in which they run.
    fn actions(&self) -> impl Iterator<Item = (usize, &'a Step, &'a Action)> {
        self.plan.steps.iter().enumerate().flat_map(|(index, step)| {
            let mut actions: Vec<&Action> = step.actions.iter().collect();
            actions.sort_by_key(|action| action.phase);
            actions.into_iter().map(move |action| (index, step, action))
        })
    }
}

/// Moves of a step, with their phase.
fn moves(step: &Step) -> impl Iterator<Item = (u32, &Move)> {
    step.actions.iter().filter_map(|action| match &action.kind {
        ActionKind::Move(one) => Some((action.phase, one)),
        _ => None,
    })
}
