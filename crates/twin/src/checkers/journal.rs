//! Law 5: intent, effect, outcome. The journal line is durable before the effect, and nothing is done twice with
//! a different result.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use meshlift_model::effect::{Change as Wanted, Effect, EffectId, Write};
use meshlift_model::journal::Record;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;

use super::shadow::Shadow;
use super::{Checker, counts_eviction, is_ours, violation};
use crate::store::{Change, reference};
use crate::witness::{Passed, What};

const LAW: &str = "5";

/// What tells one deed from another: step, action, way, target, its uid where the object is replaced, and change.
type Deed = (String, usize, bool, ObjectRef, Option<String>, String);

/// Effects against the journal.
#[derive(Default)]
pub(super) struct Journal {
    /// Places in the log of what effects changed.
    ours: BTreeSet<usize>,
    /// Effects without an outcome in the journal.
    open: BTreeSet<EffectId>,
    /// What was done in the present attempt of each step, and how far the log was.
    done: BTreeMap<Deed, usize>,
    /// The last time that somebody else changed an object.
    changed_by_others: BTreeMap<ObjectRef, usize>,
    /// Objects that were changed without any effect, each told once.
    told: BTreeSet<ObjectRef>,
    found: Vec<Violation>,
}

impl Journal {
    fn tell(&mut self, subject: &ObjectRef, now: &Shadow, detail: impl Into<String>) {
        self.found.push(violation(LAW, now.at, subject.clone(), detail.into()));
    }

    fn submitted(&mut self, effect: EffectId, write: &Write, now: &Shadow) {
        let target = &write.target;
        match now.course.meant.get(&effect) {
            None => self.tell(target, now, "a write was handed over before the journal held its intent"),
            Some(meant) if meant.write != *write => {
                self.tell(target, now, "a write was handed over that is not the one in the journal");
            }
            Some(_) => {}
        }
    }

    /// An effect is through; what it was written again for and did not change any more is not done twice.
    fn acted(&mut self, effect: EffectId, changes: Range<usize>, now: &Shadow) {
        let position = changes.end;
        if self.ours.range(changes).next().is_none() {
            return;
        }
        let Some(meant) = now.course.meant.get(&effect) else { return };
        let Some(what) = once(&meant.write) else { return };
        let target = meant.write.target.clone();
        let uid = meant.write.uid.clone().filter(|_| target.kind == "Pod");
        let deed = (meant.step.clone(), meant.action, meant.is_back, target.clone(), uid, what);
        let before = self.done.insert(deed, position);
        let taken_back = self.changed_by_others.get(&target).copied();
        if before.is_some_and(|before| taken_back.is_none_or(|at| at < before)) {
            self.tell(&target, now, "the same was done twice, with a result each time");
        }
    }

    fn record(&mut self, record: &Record, now: &Shadow) {
        match record {
            Record::Intent { effect, .. } => {
                self.open.insert(*effect);
            }
            Record::Outcome { effect, .. } => {
                self.open.remove(effect);
            }
            // Whatever is done in it from here on belongs to another attempt.
            Record::StepEnded { step, .. } | Record::Undoing { step, .. } => {
                self.done.retain(|(of, ..), _| of != step);
            }
            Record::Ended { .. } => {
                for effect in std::mem::take(&mut self.open) {
                    let Some(meant) = now.course.meant.get(&effect) else { continue };
                    self.tell(&meant.write.target, now, "the run ended without the outcome of a write");
                }
            }
            Record::Started { .. }
            | Record::StepStarted { .. }
            | Record::ActionDone { .. }
            | Record::Gate { .. }
            | Record::Bake { .. }
            | Record::Approved { .. }
            | Record::Command { .. } => {}
        }
    }
}

/// The part of a write that must not take effect twice; nothing where a whole group is applied, which is made to
/// be safe to do again.
fn once(write: &Write) -> Option<String> {
    match &write.change {
        Wanted::TemplateAnnotation { key, .. } => Some(format!("annotation {key}")),
        change @ (Wanted::Labels { .. }
        | Wanted::Replicas { .. }
        | Wanted::AutoscalerMin { .. }
        | Wanted::Partition { .. }
        | Wanted::Strategy { .. }
        | Wanted::Quota { .. }
        | Wanted::Evict
        | Wanted::Delete
        | Wanted::RecreatePod) => Some(format!("{change:?}")),
        Wanted::Restore { .. }
        | Wanted::ApplyCrds { .. }
        | Wanted::InstallRevision { .. }
        | Wanted::SetTag { .. }
        | Wanted::RemoveTag => None,
    }
}

impl Checker for Journal {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if now.is_loading {
            return;
        }
        if !is_ours(change, now) {
            if change.old.as_ref().is_none_or(|old| old.meta().generation != change.new.meta().generation) {
                self.changed_by_others.insert(reference(&change.new), now.index);
            }
            return;
        }
        if now.cause.is_none() {
            let subject = reference(&change.new);
            if !counts_eviction(change) && self.told.insert(subject.clone()) {
                self.tell(&subject, now, "was written by no effect that the journal could tell of");
            }
            return;
        }
        self.ours.insert(now.index);
    }

    fn passed(&mut self, passed: &Passed, now: &Shadow) {
        match &passed.what {
            What::Submitted { effect, asked } => match asked.as_ref() {
                Effect::Write(write) => self.submitted(*effect, write, now),
                Effect::Read(_) => {}
            },
            What::Acted { effect, changes, done: true } => self.acted(*effect, changes.clone(), now),
            What::Acted { .. } | What::ReadAll => {}
            What::Appended(line) => self.record(&line.record, now),
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
