//! Law 6: what a step did is back once the step is taken back: every value that was written, every object that
//! was made or removed, every pod that was moved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::journal::{Record, RunResult, StepEnd, Undo};
use meshlift_model::k8s::{Object, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::StepUndo;
use meshlift_model::run_report::Violation;
use serde_json::Value;

use super::shadow::Shadow;
use super::{Announced, Checker, counts_eviction, few, is_ours, step_ref, violation};
use crate::store::{Change, reference};
use crate::witness::{Passed, What};

const LAW: &str = "6";
/// What the API server, controllers and istiods write: it differs once an object is made anew.
const NOT_OURS: [&str; 9] = [
    "/status",
    "/metadata/uid",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/creationTimestamp",
    "/metadata/deletionTimestamp",
    "/metadata/deletionGracePeriodSeconds",
    "/spec/clusterIP",
    "/spec/clusterIPs",
];
/// Last part of the path of a certificate that an istiod writes into webhooks.
const CA_BUNDLE: &str = "/caBundle";

/// What a step did to one object.
struct Deed {
    /// As it was before the step.
    before: Option<Arc<Object>>,
    /// Paths of values that were written; none where the object was made or removed.
    paths: BTreeSet<String>,
}

/// Deeds of the steps, against what is left of them.
pub(super) struct Undone<'a> {
    announced: &'a Announced,
    deeds: BTreeMap<String, BTreeMap<ObjectRef, Deed>>,
    /// Workloads whose pods a step moved, and those of their pods that were on the new revision before.
    moved: BTreeMap<String, BTreeMap<ObjectRef, BTreeSet<String>>>,
    found: Vec<Violation>,
}

impl<'a> Undone<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        Self { announced, deeds: BTreeMap::new(), moved: BTreeMap::new(), found: Vec::new() }
    }

    fn note(&mut self, step: &str, change: &Change) {
        let deeds = self.deeds.entry(step.to_owned()).or_default();
        let deed = deeds
            .entry(reference(&change.new))
            .or_insert_with(|| Deed { before: change.old.clone(), paths: BTreeSet::new() });
        if let Some(old) = change.old.as_ref().filter(|_| !change.is_deletion()) {
            differences(&value(old), &value(&change.new), "", &mut deed.paths);
        }
    }

    fn note_move(&mut self, step: &str, workload: ObjectRef, now: &Shadow) {
        let announced = self.announced;
        let moved = self.moved.entry(step.to_owned()).or_default();
        let over = |workload: &ObjectRef| {
            let before = now.pods_of(workload).filter(|pod| is_over(announced, pod));
            before.map(|pod| pod.metadata.uid.clone()).collect()
        };
        moved.entry(workload.clone()).or_insert_with(|| over(&workload));
    }

    fn check(&mut self, step: &str, now: &Shadow) {
        for (target, deed) in self.deeds.remove(step).unwrap_or_default() {
            let Some(trouble) = left(&target, &deed, now) else { continue };
            let detail = format!("step {step} was taken back, but {trouble}");
            self.found.push(violation(LAW, now.at, target, detail));
        }
        for (workload, before) in self.moved.remove(step).unwrap_or_default() {
            let stays = |pod: &&Pod| is_over(self.announced, pod) && !before.contains(&pod.metadata.uid);
            let names: Vec<String> =
                now.pods_of(&workload).filter(stays).map(|pod| pod.metadata.name.clone()).collect();
            if !names.is_empty() {
                let detail =
                    format!("step {step} was taken back, but pods stay on the new revision: {}", few(&names));
                self.found.push(violation(LAW, now.at, workload, detail));
            }
        }
    }

    /// A run that says that everything was taken back has no deeds left but those that are forward-only.
    fn check_all(&mut self, now: &Shadow) {
        let forward_only = |step: &str| {
            let step = self.announced.step(step);
            step.is_some_and(|step| matches!(step.undo, StepUndo::ForwardOnly { .. }))
        };
        let left: Vec<String> = self.deeds.keys().filter(|step| !forward_only(step)).cloned().collect();
        for step in left {
            let detail = "the run says that everything was taken back, and this step was not".to_owned();
            self.found.push(violation(LAW, now.at, step_ref(&step), detail));
        }
    }
}

fn is_over(announced: &Announced, pod: &Pod) -> bool {
    let revision = announced.revision.as_ref().map(|revision| revision.as_str());
    revision.is_some() && pod.metadata.annotation(REV_LABEL) == revision
}

/// What is left of a deed, in words.
fn left(target: &ObjectRef, deed: &Deed, now: &Shadow) -> Option<String> {
    let (before, after) = (deed.before.as_deref(), now.object(target));
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some("what it made is still there".to_owned()),
        (Some(_), None) => Some("what it removed is not there again".to_owned()),
        // A bare pod that was made anew is judged by its revision.
        (Some(Object::Pod(_)), Some(_)) => None,
        (Some(before), Some(after)) => {
            let mut differ = BTreeSet::new();
            differences(&value(before), &value(after), "", &mut differ);
            let same = before.meta().uid == after.meta().uid;
            let ours = differ.iter().filter(|path| !same || deed.paths.contains(*path));
            let ours: Vec<String> = ours.cloned().collect();
            (!ours.is_empty()).then(|| format!("it is not what it was at {}", few(&ours)))
        }
    }
}

fn value(object: &Object) -> Value {
    object.to_value().unwrap_or_default()
}

/// Paths at which two values differ, without what people and tools do not write.
fn differences(a: &Value, b: &Value, path: &str, out: &mut BTreeSet<String>) {
    if a == b || NOT_OURS.contains(&path) || path.ends_with(CA_BUNDLE) {
        return;
    }
    match (a, b) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let part = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differences(&part(one), &part(other), &format!("{path}/{key}"), out);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(one, other, &format!("{path}/{index}"), out);
            }
        }
        (_, _) => {
            out.insert(path.to_owned());
        }
    }
}

impl Checker for Undone<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        let meant =
            now.cause.filter(|_| is_ours(change, now)).and_then(|effect| now.course.meant.get(&effect));
        let Some(meant) = meant.filter(|meant| !meant.is_back && !counts_eviction(change)) else { return };
        if matches!(meant.undo, Undo::ForwardOnly { .. } | Undo::NotNeeded) {
            return;
        }
        let step = meant.step.clone();
        match change.of::<Pod>() {
            Some(pod) => {
                let workload = now.workload(pod);
                if self.announced.stays(&step, &workload) {
                    return;
                }
                let is_bare = workload == pod.object_ref();
                self.note_move(&step, workload, now);
                if is_bare {
                    self.note(&step, change);
                }
            }
            None => {
                let target = reference(&change.new);
                if self.announced.stays(&step, &target) {
                    return;
                }
                if matches!(target.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
                    self.note_move(&step, target, now);
                }
                self.note(&step, change);
            }
        }
    }

    fn passed(&mut self, passed: &Passed, now: &Shadow) {
        let What::Appended(line) = &passed.what else { return };
        match &line.record {
            Record::StepEnded { step, end: StepEnd::Undone { .. } } => self.check(step, now),
            Record::Ended { result: RunResult::RolledBack, .. } => self.check_all(now),
            Record::StepEnded { .. }
            | Record::Ended { .. }
            | Record::Started { .. }
            | Record::StepStarted { .. }
            | Record::Intent { .. }
            | Record::Undoing { .. }
            | Record::Outcome { .. }
            | Record::ActionDone { .. }
            | Record::Gate { .. }
            | Record::Bake { .. }
            | Record::Approved { .. }
            | Record::Command { .. } => {}
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
