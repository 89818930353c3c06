//! Law 4: preconditions travel with each write, and nothing is written on the strength of what was read before
//! somebody else changed it.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::effect::{Change as Wanted, Effect, EffectId, Query, Write};
use meshlift_model::journal::Record;
use meshlift_model::k8s::Object;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;

use super::shadow::Shadow;
use super::{Announced, Checker, truth, violation};
use crate::store::{Change, reference};
use crate::witness::{Passed, What};
use crate::world::PORT;

const LAW: &str = "4";

/// What a write must say of the object that it is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// A whole group of objects, or one that is not there yet.
    Nothing,
    /// Exactly this object, whatever its version: its status changes all the time.
    Uid,
    /// Exactly this version of it.
    Version,
}

/// Writes against what they were founded on.
pub(super) struct Preconditions<'a> {
    announced: &'a Announced,
    /// Questions under way, and the object that each is about.
    asked: BTreeMap<EffectId, ObjectRef>,
    /// How far the log was when an object was read last.
    read_at: BTreeMap<ObjectRef, usize>,
    /// The same, as it was when a write was meant.
    founded_on: BTreeMap<EffectId, usize>,
    /// The last time that somebody else changed an object, and who.
    changed_by: BTreeMap<ObjectRef, (usize, &'static str)>,
    /// Actions that wrote already in this attempt of their step.
    wrote: BTreeSet<(String, usize)>,
    /// Preconditions of an action that did not hold when its first write was meant.
    unmet: BTreeMap<EffectId, Vec<String>>,
    /// Effects whose first change was looked at.
    landed: BTreeSet<EffectId>,
    found: Vec<Violation>,
}

impl<'a> Preconditions<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        Self {
            announced,
            asked: BTreeMap::new(),
            read_at: BTreeMap::new(),
            founded_on: BTreeMap::new(),
            changed_by: BTreeMap::new(),
            wrote: BTreeSet::new(),
            unmet: BTreeMap::new(),
            landed: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    fn submitted(&mut self, effect: EffectId, asked: &Effect, now: &Shadow) {
        match asked {
            Effect::Read(Query::Object { object } | Query::Workload { workload: object }) => {
                self.asked.insert(effect, object.clone());
            }
            Effect::Read(_) => {}
            Effect::Write(write) => self.is_bound(write, now),
        }
    }

    fn is_bound(&mut self, write: &Write, now: &Shadow) {
        let bound = bound(&write.change);
        let known = now.object(&write.target).is_some_and(|object| !object.meta().uid.is_empty());
        let missing = match bound {
            Bound::Version if write.resource_version.is_none() => "of which version it was meant",
            Bound::Version | Bound::Uid if write.uid.is_none() => "for which object (uid) it was meant",
            Bound::Nothing | Bound::Uid | Bound::Version => return,
        };
        if known {
            let detail = format!("a write did not say {missing}");
            self.found.push(violation(LAW, now.at, write.target.clone(), detail));
        }
    }

    /// The first write of an action is meant: all that the action needs must hold.
    fn meant(&mut self, effect: EffectId, now: &Shadow) {
        let Some(meant) = now.course.meant.get(&effect) else { return };
        if let Some(position) = self.read_at.get(&meant.write.target) {
            self.founded_on.insert(effect, *position);
        }
        if meant.is_back || !self.wrote.insert((meant.step.clone(), meant.action)) {
            return;
        }
        let unmet = self.unmet_now(effect, now);
        if !unmet.is_empty() {
            self.unmet.insert(effect, unmet);
        }
    }

    fn unmet_now(&self, effect: EffectId, now: &Shadow) -> Vec<String> {
        let meant = now.course.meant.get(&effect);
        let action = meant.and_then(|meant| self.announced.step(&meant.step)?.actions.get(meant.action));
        let preconditions = action.into_iter().flat_map(|action| &action.preconditions);
        preconditions.filter_map(|one| truth::unmet(one, now)).collect()
    }

    /// An effect changed something for the first time; `now` holds that change already.
    fn landed(&mut self, effect: EffectId, change: &Change, now: &Shadow) {
        let Some(meant) = now.course.meant.get(&effect) else { return };
        let target = &meant.write.target;
        let read = self.founded_on.get(&effect).filter(|_| bound(&meant.write.change) == Bound::Version);
        let changed = self.changed_by.get(target);
        if let Some((_, by)) = read.zip(changed).filter(|(read, (at, _))| at >= *read).map(|(_, by)| by) {
            let detail = format!("was written though {by} had changed it since it was read");
            self.found.push(violation(LAW, change.at, target.clone(), detail));
        }
        if let Some(unmet) = self.unmet.remove(&effect) {
            let detail = format!("was written though a precondition did not hold: {}", unmet.join("; "));
            self.found.push(violation(LAW, change.at, reference(&change.new), detail));
        }
    }
}

/// What a change of this kind must be bound to.
fn bound(change: &Wanted) -> Bound {
    match change {
        Wanted::Labels { .. }
        | Wanted::TemplateAnnotation { .. }
        | Wanted::Replicas { .. }
        | Wanted::AutoscalerMin { .. }
        | Wanted::Partition { .. }
        | Wanted::Strategy { .. }
        | Wanted::Quota { .. } => Bound::Version,
        Wanted::Evict | Wanted::Delete | Wanted::RecreatePod => Bound::Uid,
        Wanted::Restore { .. }
        | Wanted::ApplyCrds { .. }
        | Wanted::InstallRevision { .. }
        | Wanted::SetTag { .. }
        | Wanted::RemoveTag => Bound::Nothing,
    }
}

/// True if somebody changed what people and tools write, not the status alone.
fn is_substantial(before: &Object, after: &Object) -> bool {
    let (before, after) = (before.meta(), after.meta());
    before.generation != after.generation || before.labels != after.labels
}

impl Checker for Preconditions<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if now.is_loading {
            return;
        }
        if let Some(effect) = now.cause {
            if self.landed.insert(effect) {
                self.landed(effect, change, now);
            }
        } else if change.by != PORT && change.old.as_ref().is_none_or(|old| is_substantial(old, &change.new))
        {
            let by = if change.by.is_empty() { "somebody" } else { change.by };
            self.changed_by.insert(reference(&change.new), (now.index, by));
        }
    }

    fn passed(&mut self, passed: &Passed, now: &Shadow) {
        match &passed.what {
            What::Submitted { effect, asked } => self.submitted(*effect, asked, now),
            What::Acted { effect, .. } => {
                if let Some(object) = self.asked.remove(effect) {
                    self.read_at.insert(object, passed.position);
                }
                self.unmet.remove(effect);
            }
            What::Appended(line) => match &line.record {
                Record::Intent { effect, .. } => self.meant(*effect, now),
                Record::StepEnded { step, .. } => self.wrote.retain(|(of, _)| of != step),
                Record::Started { .. }
                | Record::StepStarted { .. }
                | Record::Undoing { .. }
                | Record::Outcome { .. }
                | Record::ActionDone { .. }
                | Record::Gate { .. }
                | Record::Bake { .. }
                | Record::Approved { .. }
                | Record::Command { .. }
                | Record::Ended { .. } => {}
            },
            What::ReadAll => {}
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
