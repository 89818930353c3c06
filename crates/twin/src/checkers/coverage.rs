//! Law 1: what the plan does not cover is not touched.

use std::collections::BTreeSet;

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{MutatingWebhookConfiguration, Object, Pod, PodDisruptionBudget, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;
use meshlift_model::tag_objects::DEFAULT_TAG;

use super::shadow::Shadow;
use super::{Announced, Checker, is_ours, violation};
use crate::store::{Change, ChangeKind, reference};

const LAW: &str = "1";

/// Writes of meshlift to what is not covered, each object told once.
pub(super) struct Coverage<'a> {
    announced: &'a Announced,
    told: BTreeSet<ObjectRef>,
    found: Vec<Violation>,
}

impl<'a> Coverage<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        Self { announced, told: BTreeSet::new(), found: Vec::new() }
    }

    fn covers(&self, object: &Object, now: &Shadow) -> bool {
        let announced = self.announced;
        if announced.objects.contains(&reference(object)) {
            return true;
        }
        if let Object::Pod(pod) = object {
            return self.covers_pod(pod, now);
        }
        let meta = object.meta();
        if let Some(tag) = meta.label(TAG_LABEL) {
            return announced.tags.contains(tag);
        }
        let Some(revision) = meta.label(REV_LABEL) else { return false };
        // The injector of an install without a revision gives way to the tag `default`.
        let gives_way = revision == DEFAULT_TAG && announced.tags.contains(DEFAULT_TAG);
        announced.revisions.contains(revision)
            || (gives_way && object.info().kind == MutatingWebhookConfiguration::KIND)
    }

    fn covers_pod(&self, pod: &Pod, now: &Shadow) -> bool {
        self.announced.objects.contains(&now.workload(pod))
    }
}

impl Checker for Coverage<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if !is_ours(change, now) || counts_eviction(change) || self.covers(&change.new, now) {
            return;
        }
        let subject = reference(&change.new);
        if self.told.insert(subject.clone()) {
            let verb = match change.kind {
                ChangeKind::Added => "created",
                ChangeKind::Modified => "changed",
                ChangeKind::Deleted => "deleted",
            };
            let detail = format!("{verb}, which the plan does not cover");
            self.found.push(violation(LAW, change.at, subject, detail));
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}

/// True for what the API server writes into a budget's status when a pod is evicted: whoever evicts does not
/// write it.
fn counts_eviction(change: &Change) -> bool {
    match (change.before::<PodDisruptionBudget>(), change.of::<PodDisruptionBudget>()) {
        (Some(before), Some(after)) => change.kind == ChangeKind::Modified && before.spec == after.spec,
        _ => false,
    }
}
