//! Law 1: what the plan does not cover is not touched, and each step touches its own alone.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::action::ActionKind;
use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{MutatingWebhookConfiguration, Namespace, Object, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::run_report::Violation;
use meshlift_model::tag_objects::DEFAULT_TAG;

use super::announced::Cover;
use super::shadow::Shadow;
use super::{Announced, Checker, counts_eviction, is_ours, violation};
use crate::admission::injector::{is_istiod, proxy_of};
use crate::store::{Change, ChangeKind, reference};

const LAW: &str = "1";

/// Writes of meshlift to what is not covered, and pods on the new revision ahead of their step; each object told
/// once.
pub(super) struct Coverage<'a> {
    announced: &'a Announced,
    /// Steps that bring a workload over, or may.
    moved_by: BTreeMap<&'a ObjectRef, Vec<&'a str>>,
    /// Workloads that had pods before us, and those of them that had some on the new revision.
    pods_before: BTreeSet<ObjectRef>,
    over_before: BTreeSet<ObjectRef>,
    loaded: Vec<Pod>,
    told: BTreeSet<ObjectRef>,
    found: Vec<Violation>,
}

impl<'a> Coverage<'a> {
    pub(super) fn new(announced: &'a Announced) -> Self {
        let mut moved_by: BTreeMap<&ObjectRef, Vec<&str>> = BTreeMap::new();
        for step in &announced.steps {
            let moves = step.actions.iter().filter_map(|action| match &action.kind {
                ActionKind::Move(one) => Some(&one.workload),
                ActionKind::ApplyCrds { .. }
                | ActionKind::InstallRevision { .. }
                | ActionKind::SelectRevision { .. }
                | ActionKind::ProveInjection { .. }
                | ActionKind::SetTag { .. }
                | ActionKind::RemoveTag { .. }
                | ActionKind::Scale { .. }
                | ActionKind::RemoveRevision { .. } => None,
            });
            let floors = step.floors.iter().map(|floor| &floor.workload);
            for workload in moves.chain(&step.may_move).chain(floors) {
                moved_by.entry(workload).or_default().push(&step.id);
            }
        }
        Self {
            announced,
            moved_by,
            over_before: BTreeSet::new(),
            pods_before: BTreeSet::new(),
            loaded: Vec::new(),
            told: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    fn tell(&mut self, change: &Change, detail: String) {
        let subject = reference(&change.new);
        if self.told.insert(subject.clone()) {
            self.found.push(violation(LAW, change.at, subject, detail));
        }
    }

    fn write(&mut self, change: &Change, now: &Shadow) {
        let verb = match change.kind {
            ChangeKind::Added => "created",
            ChangeKind::Modified => "changed",
            ChangeKind::Deleted => "deleted",
        };
        if let Some(namespace) = self.held(&change.new) {
            self.tell(change, format!("{verb}, though the intent holds namespace {namespace}"));
        }
        let meant = now.cause.and_then(|effect| now.course.meant.get(&effect));
        let of_step = meant.and_then(|meant| Some((meant, self.announced.covers.get(&meant.step)?)));
        let cover = of_step.map_or(&self.announced.cover, |(_, cover)| cover);
        if covers(cover, &change.new, now) {
            return;
        }
        let detail = match of_step {
            Some((meant, _)) if covers(&self.announced.cover, &change.new, now) => {
                format!("{verb} in step {}, which does not cover it", meant.step)
            }
            Some(_) | None => format!("{verb}, which the plan does not cover"),
        };
        self.tell(change, detail);
    }

    /// The held namespace that an object is or lies in.
    fn held(&self, object: &Object) -> Option<String> {
        let meta = object.meta();
        let is_itself = object.info().kind == Namespace::KIND;
        let namespace = if is_itself { meta.name.as_str() } else { meta.namespace.as_str() };
        self.announced.held.contains(namespace).then(|| namespace.to_owned())
    }

    /// A pod on the new revision that no step brought over yet. Jobs make their pods whenever they are due.
    fn came_up(&mut self, change: &Change, pod: &Pod, now: &Shadow) {
        let by_job = pod.metadata.controller().is_some_and(|owner| owner.kind == "Job");
        if by_job || !self.is_over(pod) {
            return;
        }
        let workload = now.workload(pod);
        let known = self.pods_before.contains(&workload) && !self.over_before.contains(&workload);
        let steps = self.moved_by.get(&workload).map(Vec::as_slice).unwrap_or_default();
        if !known || steps.iter().any(|step| now.course.begun.contains(*step)) {
            return;
        }
        let detail = match steps.first() {
            Some(step) => {
                format!("a pod of {workload} is on the new revision, and step {step} has not begun")
            }
            None => format!("a pod of {workload} is on the new revision, and the plan does not move it"),
        };
        if self.told.insert(workload) {
            self.found.push(violation(LAW, change.at, pod.object_ref(), detail));
        }
    }

    fn is_over(&self, pod: &Pod) -> bool {
        let revision = pod.metadata.annotation(REV_LABEL).filter(|_| proxy_of(pod).is_some());
        revision.is_some_and(|name| self.announced.revision.as_ref().is_some_and(|one| one.as_str() == name))
    }
}

fn covers(cover: &Cover, object: &Object, now: &Shadow) -> bool {
    if cover.objects.contains(&reference(object)) {
        return true;
    }
    if let Object::Pod(pod) = object {
        return cover.objects.contains(&now.workload(pod));
    }
    let meta = object.meta();
    if let Some(tag) = meta.label(TAG_LABEL) {
        return cover.tags.contains(tag);
    }
    let Some(revision) = meta.label(REV_LABEL) else { return false };
    // The injector of an install without a revision gives way to the tag `default`.
    let gives_way = revision == DEFAULT_TAG && cover.tags.contains(DEFAULT_TAG);
    cover.revisions.contains(revision)
        || (gives_way && object.info().kind == MutatingWebhookConfiguration::KIND)
}

impl Checker for Coverage<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        let pod = change.of::<Pod>().filter(|pod| change.kind == ChangeKind::Added && !is_istiod(pod));
        if now.is_loading {
            self.loaded.extend(pod.cloned());
            return;
        }
        // Owners may be loaded after their pods: only now they are known.
        for pod in std::mem::take(&mut self.loaded) {
            let workload = now.workload(&pod);
            if self.is_over(&pod) {
                self.over_before.insert(workload.clone());
            }
            self.pods_before.insert(workload);
        }
        if let Some(pod) = pod {
            self.came_up(change, pod, now);
        }
        if is_ours(change, now) && !counts_eviction(change) {
            self.write(change, now);
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
