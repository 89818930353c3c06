//! Requests that are lost in the best corner, where nobody accepted a loss.

use std::collections::BTreeMap;

use meshlift_model::k8s::Pod;
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;

use super::shadow::Shadow;
use super::{Announced, Checker, violation};
use crate::store::Change;

const LAW: &str = "announced";

/// Workloads with a loss, and when their first pod was started or stopped.
pub(super) struct Loss<'a> {
    lost: BTreeMap<&'a ObjectRef, f64>,
    moved: BTreeMap<ObjectRef, Time>,
    began: Time,
}

impl<'a> Loss<'a> {
    pub(super) fn new(lost: &'a BTreeMap<ObjectRef, f64>, announced: &Announced, began: Time) -> Self {
        let told = lost
            .iter()
            .filter(|(workload, lost)| **lost > 0.0 && !announced.accepted_loss.contains(*workload));
        let lost = told.map(|(workload, lost)| (workload, *lost)).collect();
        Self { lost, moved: BTreeMap::new(), began }
    }
}

impl Checker for Loss<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if now.is_loading || self.lost.is_empty() {
            return;
        }
        let Some(pod) = change.of::<Pod>() else { return };
        let stops = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
        if change.before::<Pod>().is_none_or(|before| stops(before) != stops(pod)) || change.is_deletion() {
            self.moved.entry(now.workload(pod)).or_insert(change.at);
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        let told = |(workload, lost): (&ObjectRef, f64)| {
            let at = self.moved.get(workload).copied().unwrap_or(self.began);
            let detail =
                format!("{lost:.1} requests were lost in the best corner, and nobody accepted a loss");
            violation(LAW, at, workload.clone(), detail)
        };
        self.lost.into_iter().map(told).collect()
    }
}
