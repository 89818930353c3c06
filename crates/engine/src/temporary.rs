//! Changes that a run made for a while: raised quotas, floors of autoscalers, replicas on top, rollout limits,
//! an istiod that is scaled down. Derived from the journal alone; a run that is done has none.

use std::collections::BTreeMap;

use meshlift_model::effect::{Change, Write};
use meshlift_model::journal::Undo;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Temporary;
use meshlift_model::time::Time;

use crate::ledger::Intended;
use crate::run::Run;

/// What is changed for a while, and what of it.
type Key = (ObjectRef, String);

/// A value that differs from what was there before.
struct Open {
    before: String,
    now: String,
    since: Time,
    step: usize,
}

impl Run {
    /// What the run changed for a while and has not put back, by object.
    #[must_use]
    pub fn temporary(&self) -> Vec<Temporary> {
        let mut open: BTreeMap<Key, Open> = BTreeMap::new();
        for intent in self.ledger.intents.values().filter(|intent| intent.may_have_landed()) {
            note(&mut open, intent);
        }
        let left = open.into_iter().filter(|(_, one)| one.now != one.before);
        left.map(|((target, _), one)| Temporary {
            target,
            what: format!("{} (before: {})", one.now, one.before),
            step: self.ledger.plan_step(one.step).id.clone(),
            since: one.since,
        })
        .collect()
    }
}

fn note(open: &mut BTreeMap<Key, Open>, intent: &Intended) {
    let write = &intent.write;
    if matches!(write.change, Change::Delete) {
        open.retain(|(target, _), _| *target != write.target);
        return;
    }
    let Some((field, now)) = told(&write.change) else { return };
    let key = (write.target.clone(), field.to_owned());
    if let Some(known) = open.get_mut(&key) {
        known.now = now;
    } else if let Some((_, before)) = before(&intent.undo, write).and_then(told) {
        open.insert(key, Open { before, now, since: intent.at, step: intent.step });
    }
}

/// The field that a temporary change is about, and its value in words; nothing for changes that are to stay.
fn told(change: &Change) -> Option<(&str, String)> {
    match change {
        Change::Replicas { replicas } => Some(("replicas", format!("replicas {replicas}"))),
        Change::AutoscalerMin { replicas } => Some(("minReplicas", format!("minReplicas {replicas}"))),
        Change::Strategy { max_unavailable, max_surge } => {
            Some(("rolling update", format!("maxUnavailable {max_unavailable}, maxSurge {max_surge}")))
        }
        Change::Quota { resource, hard } => Some((resource, format!("{resource} {hard}"))),
        Change::Labels { .. }
        | Change::TemplateAnnotation { .. }
        | Change::Partition { .. }
        | Change::Evict
        | Change::Delete
        | Change::RecreatePod
        | Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => None,
    }
}

fn before<'a>(undo: &'a Undo, write: &Write) -> Option<&'a Change> {
    match undo {
        Undo::Inverse { writes } => {
            writes.iter().find(|one| one.target == write.target).map(|one| &one.change)
        }
        Undo::RestoreStored | Undo::ForwardOnly { .. } | Undo::NotNeeded => None,
    }
}
