//! Taking a step back: what was really done, from the journal, in reverse, each part gated (law 6).
//!
//! Selectors come first, then the other actions, each from the last phase to the first. Within an action its
//! writes are reversed one by one; all that made pods anew is one item, which returns the workload.

pub(crate) mod inverse;
mod return_workload;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use meshlift_model::action::ActionKind;
use meshlift_model::effect::EffectId;
use meshlift_model::plant::{Plant, is_planted};

use crate::ledger::{Intended, Ledger};
use crate::look::Look;
use crate::next::{Judged, Next};

/// One thing to take back.
pub(crate) enum Item<'a> {
    /// A write.
    Write(EffectId, &'a Intended),
    /// All restarts of a workload, under the number of the first. Where none was made: pods that moved by
    /// themselves once the selector had changed, under the selector's number.
    Return(EffectId),
}

impl Item<'_> {
    fn id(&self) -> EffectId {
        match self {
            Self::Write(id, _) | Self::Return(id) => *id,
        }
    }
}

/// Actions of the step that wrote something, and moves whose pods may have moved by themselves since the step
/// changed a selector, in the order in which they are taken back; those of one group may go side by side.
pub(crate) fn groups(ledger: &Ledger, step: usize) -> Vec<Vec<usize>> {
    let wrote = |action: &usize| {
        ledger.forward(step).any(|(_, intent)| intent.action == *action && intent.may_have_landed())
    };
    let actions = &ledger.plan_step(step).actions;
    let forgotten = |action: &usize| {
        is_planted(Plant::UndoForgotten) && matches!(actions[*action].kind, ActionKind::Move(_))
    };
    let may_stray = |action: &usize| {
        matches!(actions[*action].kind, ActionKind::Move(_)) && selector_changed(ledger, step).is_some()
    };
    let written: Vec<usize> =
        (0..actions.len()).filter(|one| (wrote(one) || may_stray(one)) && !forgotten(one)).collect();
    let mut groups: BTreeMap<(bool, Reverse<u32>), Vec<usize>> = BTreeMap::new();
    for action in written {
        let later = !actions[action].kind.is_selector();
        groups.entry((later, Reverse(actions[action].phase))).or_default().push(action);
    }
    groups.into_values().collect()
}

/// The step's last change of a selector, if it made one.
fn selector_changed(ledger: &Ledger, step: usize) -> Option<EffectId> {
    let selects = |intent: &Intended| ledger.action(step, intent.action).kind.is_selector();
    let mut landed = ledger.forward(step).filter(|(_, intent)| intent.may_have_landed());
    landed.rfind(|(_, intent)| selects(intent)).map(|(id, _)| id)
}

/// Judges how an action of the step is taken back.
pub(crate) fn judge(look: &Look<'_>, index: usize) -> Next {
    match walk(look, index) {
        Ok(()) => Next::Done("taken back".to_owned()),
        Err(next) => next,
    }
}

fn walk(look: &Look<'_>, index: usize) -> Judged<()> {
    let items = items(look.ledger, look.step, index);
    // What comes before the newest item that was worked on is through; asking again would only see what
    // later items changed.
    let worked_on = |item: &Item<'_>| {
        look.ledger
            .backward(look.step)
            .any(|(_, intent)| intent.action == index && intent.reverses == Some(item.id()))
    };
    let start = items.iter().rposition(worked_on).unwrap_or(0);
    for item in &items[start..] {
        match item {
            Item::Write(id, intent) => inverse::judge(look, index, *id, intent)?,
            Item::Return(id) => return_workload::judge(look, index, *id)?,
        }
    }
    Ok(())
}

/// What of an action is taken back, in order.
pub(crate) fn items(ledger: &Ledger, step: usize, index: usize) -> Vec<Item<'_>> {
    let moves = matches!(ledger.action(step, index).kind, ActionKind::Move(_));
    let is_restart = |intent: &Intended| moves && (intent.restarts() || is_restored_pod(intent));
    let first = ledger.landed(step, index).find(|(_, intent)| is_restart(intent)).map(|(id, _)| id);
    let stray = selector_changed(ledger, step).filter(|_| moves && first.is_none());
    ledger
        .landed(step, index)
        .rev()
        .filter_map(|(id, intent)| match is_restart(intent) {
            true if first == Some(id) => Some(Item::Return(id)),
            true => None,
            false => Some(Item::Write(id, intent)),
        })
        .chain(stray.map(Item::Return))
        .collect()
}

/// A bare pod that was created again from the journal is part of its re-creation.
fn is_restored_pod(intent: &Intended) -> bool {
    matches!(intent.write.change, meshlift_model::effect::Change::Restore { .. })
}

/// When the action's undo first wrote, but not before its task began.
fn undo_began(look: &Look<'_>, index: usize) -> meshlift_model::time::Time {
    let mut mine = look.ledger.backward(look.step).filter(|(_, intent)| intent.action == index);
    look.not_before_resumed(mine.next().map_or(look.began, |(_, intent)| intent.at.max(look.began)))
}

/// A write that takes an effect back.
fn back(write: meshlift_model::effect::Write, reverses: EffectId) -> Next {
    let undo = meshlift_model::journal::Undo::NotNeeded;
    Next::Write(Box::new(crate::next::Draft { write, undo, reverses: Some(reverses) }))
}
