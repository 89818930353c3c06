//! Law 9: ready pods never fall below what the step announced.

use std::collections::BTreeMap;

use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use super::shadow::Shadow;
use super::{Checker, violation};
use crate::store::Change;

const LAW: &str = "9";

/// Ready pods of each workload that has a floor.
pub(super) struct Floors<'a> {
    floors: &'a BTreeMap<ObjectRef, i32>,
    /// Ready pods, by uid, and whose they are.
    ready: BTreeMap<String, ObjectRef>,
    counts: BTreeMap<ObjectRef, i32>,
    /// Pods that were loaded before their owners.
    loaded: Vec<Pod>,
    /// First time below the floor, and the least since.
    below: BTreeMap<ObjectRef, (Time, i32)>,
}

impl<'a> Floors<'a> {
    pub(super) fn new(floors: &'a BTreeMap<ObjectRef, i32>) -> Self {
        Self {
            floors,
            ready: BTreeMap::new(),
            counts: BTreeMap::new(),
            loaded: Vec::new(),
            below: BTreeMap::new(),
        }
    }

    fn count(&mut self, pod: &Pod, is_ready: bool, at: Time, now: &Shadow) {
        let uid = &pod.metadata.uid;
        if is_ready == self.ready.contains_key(uid) {
            return;
        }
        if is_ready {
            let workload = now.workload(pod);
            *self.counts.entry(workload.clone()).or_default() += 1;
            self.ready.insert(uid.clone(), workload);
            return;
        }
        let Some(workload) = self.ready.remove(uid) else { return };
        let count = self.counts.entry(workload.clone()).or_default();
        *count -= 1;
        let (count, floor) = (*count, self.floors.get(&workload).copied().unwrap_or(0));
        // What was below before us is no deed of ours: only the way down counts.
        if count < floor {
            let (_, least) = self.below.entry(workload).or_insert((at, count));
            *least = count.min(*least);
        }
    }
}

impl Checker for Floors<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        let Some(pod) = change.of::<Pod>() else { return };
        if now.is_loading {
            self.loaded.push(pod.clone());
            return;
        }
        for pod in std::mem::take(&mut self.loaded) {
            self.count(&pod, serves(&pod), change.at, now);
        }
        self.count(pod, !change.is_deletion() && serves(pod), change.at, now);
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        let floors = self.floors;
        let told = |(workload, (at, least)): (ObjectRef, (Time, i32))| {
            let floor = floors.get(&workload).copied().unwrap_or(0);
            let detail = format!("{least} ready pods, announced were at least {floor}");
            violation(LAW, at, workload, detail)
        };
        self.below.into_iter().map(told).collect()
    }
}

fn serves(pod: &Pod) -> bool {
    pod.is_ready() && !pod.is_finished() && pod.metadata.deletion_timestamp.is_none()
}
