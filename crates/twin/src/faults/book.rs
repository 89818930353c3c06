//! What is to go wrong in a cluster, and what went wrong so far.

use std::collections::BTreeMap;

use meshlift_model::defaults::{POD_READY_SECONDS_MAX, REV_LABEL};
use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;
use meshlift_views::source::workload_of;

use super::{Fault, FaultKind, Trigger};
use crate::kubelet::PodStart;
use crate::store::Store;

/// A slow pod is Ready so many seconds before its deadline at the latest.
const SPARE_SECONDS: i64 = 10;

/// A fault that was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// Its place among the faults of the run.
    pub fault: usize,
    /// When.
    pub at: Time,
    /// The object that it struck.
    pub object: ObjectRef,
}

/// The faults of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Book {
    faults: Vec<Fault>,
    /// Revision that the run moves to.
    revision: Option<RevisionName>,
    played: Vec<Played>,
    /// New pods of a fault's victim that started so far.
    started: BTreeMap<usize, u32>,
}

impl Book {
    pub(super) fn new(faults: Vec<Fault>, revision: RevisionName) -> Self {
        Self { faults, revision: Some(revision), played: Vec::new(), started: BTreeMap::new() }
    }

    /// All faults.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Those that were played, in order.
    #[must_use]
    pub fn played(&self) -> &[Played] {
        &self.played
    }

    /// Says that a fault was played; told once per fault.
    pub fn note(&mut self, fault: usize, at: Time, object: ObjectRef) {
        if !self.played.iter().any(|played| played.fault == fault) {
            self.played.push(Played { fault, at, object });
        }
    }

    /// How a pod starts, faults included.
    pub(crate) fn start(&mut self, pod: &Pod, store: &Store, mut start: PodStart) -> PodStart {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            let Trigger::NewPod { number, .. } = fault.trigger else { continue };
            let strikes = matches!(fault.kind, FaultKind::SlowPod { .. } | FaultKind::NeverReadyPod);
            if !strikes || !self.is_new(pod, &fault.victim, store) {
                continue;
            }
            let started = self.started.entry(index).or_default();
            *started += 1;
            if *started == number {
                if let FaultKind::SlowPod { extra_millis } = fault.kind {
                    let created = pod.metadata.creation_timestamp.unwrap_or(store.now());
                    let latest = created.plus_seconds(POD_READY_SECONDS_MAX - SPARE_SECONDS);
                    start.ready_at =
                        start.ready_at.map(|at| at.plus_millis(extra_millis).min(latest).max(at));
                } else {
                    start.ready_at = None;
                }
                self.note(index, store.now(), pod.object_ref());
            }
        }
        start
    }

    /// True for a pod of the workload that carries the run's revision.
    pub(super) fn is_new(&self, pod: &Pod, workload: &ObjectRef, store: &Store) -> bool {
        pod.metadata.annotation(REV_LABEL) == self.revision.as_ref().map(RevisionName::as_str)
            && self.revision.is_some()
            && workload_of(pod, store) == *workload
    }
}
