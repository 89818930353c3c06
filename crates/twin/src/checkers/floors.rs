//! Law 9: ready pods never fall below what the step announced.

use std::collections::BTreeMap;

use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use super::shadow::Shadow;
use super::{Announced, Checker, is_ours, truth, violation};
use crate::store::Change;

const LAW: &str = "9";
/// Authors of faults begin like this.
const FAULT: &str = "fault/";

/// Ready pods of each workload that has a floor.
pub(super) struct Floors<'a> {
    announced: &'a Announced,
    /// Ready pods, by uid, and whose they are.
    ready: BTreeMap<String, ObjectRef>,
    counts: BTreeMap<ObjectRef, i32>,
    /// Pods of a workload that fell by themselves (they crashed, or somebody else took them) and that no newly
    /// ready one replaces yet: no deed of ours.
    fallen: BTreeMap<ObjectRef, i32>,
    /// Pods that were loaded before their owners.
    loaded: Vec<Pod>,
    /// First time below the floor, the least since, and the floor.
    below: BTreeMap<ObjectRef, (Time, i32, i32)>,
}

impl<'a> Floors<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        Self {
            announced,
            ready: BTreeMap::new(),
            counts: BTreeMap::new(),
            fallen: BTreeMap::new(),
            loaded: Vec::new(),
            below: BTreeMap::new(),
        }
    }

    fn rises(&mut self, pod: &Pod, now: &Shadow) {
        let workload = now.workload(pod);
        *self.counts.entry(workload.clone()).or_default() += 1;
        if let Some(fallen) = self.fallen.get_mut(&workload) {
            *fallen = (*fallen - 1).max(0);
        }
        self.ready.insert(pod.metadata.uid.clone(), workload);
    }

    fn falls(&mut self, pod: &Pod, by_itself: bool, at: Time, now: &Shadow) {
        let Some(workload) = self.ready.remove(&pod.metadata.uid) else { return };
        let count = self.counts.entry(workload.clone()).or_default();
        *count -= 1;
        let fallen = self.fallen.entry(workload.clone()).or_default();
        *fallen += i32::from(by_itself);
        let (count, fallen, floor) = (*count, *fallen, self.floor(&workload, now));
        // What was below before us is no deed of ours: only the way down counts.
        if count + fallen < floor {
            let (_, least, _) = self.below.entry(workload).or_insert((at, count, floor));
            *least = count.min(*least);
        }
    }

    /// The floor of the step at work; where that says nothing, the lowest of all. What an autoscaler or a person
    /// takes off the desired pods lowers it.
    fn floor(&self, workload: &ObjectRef, now: &Shadow) -> i32 {
        let step = now.course.step.as_deref().and_then(|step| self.announced.step(step));
        let mine = step.into_iter().flat_map(|step| &step.floors).find(|floor| floor.workload == *workload);
        let Some(mine) = mine else {
            return self.announced.floors.get(workload).copied().unwrap_or(0);
        };
        let desired = truth::replicas_of(now, workload).unwrap_or(mine.replicas);
        mine.ready_min - (mine.replicas - desired).max(0)
    }

    fn take(&mut self, pod: &Pod, change: &Change, now: &Shadow) {
        let is_ready = !change.is_deletion() && serves(pod);
        match (self.ready.contains_key(&pod.metadata.uid), is_ready) {
            (false, true) => self.rises(pod, now),
            (true, false) => {
                let leaves = change.is_deletion() || pod.metadata.deletion_timestamp.is_some();
                // Controllers take pods away because of what we wrote; people and faults do so by themselves.
                let by_another = change.by.is_empty() || change.by.starts_with(FAULT);
                self.falls(pod, !is_ours(change, now) && (!leaves || by_another), change.at, now);
            }
            (true, true) | (false, false) => {}
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
        for pod in std::mem::take(&mut self.loaded).iter().filter(|pod| serves(pod)) {
            self.rises(pod, now);
        }
        self.take(pod, change, now);
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        let told = |(workload, (at, least, floor)): (ObjectRef, (Time, i32, i32))| {
            let detail = format!("{least} ready pods, announced were at least {floor}");
            violation(LAW, at, workload, detail)
        };
        self.below.into_iter().map(told).collect()
    }
}

fn serves(pod: &Pod) -> bool {
    pod.is_ready() && !pod.is_finished() && pod.metadata.deletion_timestamp.is_none()
}
