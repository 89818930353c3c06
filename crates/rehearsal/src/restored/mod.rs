//! After a rollback: is everything as it would be had we never been there?
//!
//! Two meshes are compared: how one ended that was rolled back, and how its twin ended over the same time
//! without us, so that what moves by itself cancels out. What people and tools write is compared field by
//! field; what controllers derive from it is compared by its meaning. It knows model alone: engine and
//! planner share no code with it, so that a mistake there cannot hide here.

mod derived;
mod run;
mod written;

use std::collections::BTreeSet;

use meshlift_model::action::ActionKind;
use meshlift_model::k8s::{CustomResourceDefinition, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Plan, StepUndo};
use meshlift_model::run_report::Violation;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;

/// Law that a rollback breaks which leaves something behind.
const LAW: &str = "6";
/// Differences of one object that are named; more are counted.
const SHOWN_MAX: usize = 3;

/// What differs, as violations of law 6 at that time, one per object, in order.
///
/// `reference` is the twin without us, `end` the one that was rolled back. Not compared are uid,
/// resourceVersion, generation, timestamps, status, restart annotations; clusterIP and caBundle of objects that
/// were created again; how many replicas an autoscaler asks for; and the objects that are `forward_only`.
#[must_use]
pub fn restored(
    reference: &Snapshot,
    end: &Snapshot,
    forward_only: &BTreeSet<ObjectRef>,
    at: Time,
) -> Vec<Violation> {
    let mut found = written::differences(&reference.objects, &end.objects);
    found.retain(|subject, _| !forward_only.contains(subject));
    for (subject, differences) in derived::differences(&reference.objects, &end.objects) {
        found.entry(subject).or_default().extend(differences);
    }
    let told =
        |(subject, differences)| Violation { law: LAW.to_owned(), at, subject, detail: few(differences) };
    found.into_iter().map(told).collect()
}

/// Objects that a plan's header says are never put back.
#[must_use]
pub fn forward_only(plan: &Plan) -> BTreeSet<ObjectRef> {
    let is_listed = |id: &str| plan.forward_only.iter().any(|line| line.starts_with(&format!("{id}:")));
    let steps = plan
        .steps
        .iter()
        .filter(|step| matches!(step.undo, StepUndo::ForwardOnly { .. }) && is_listed(&step.id));
    let mut objects = BTreeSet::new();
    for action in steps.flat_map(|step| &step.actions) {
        if let ActionKind::ApplyCrds { names, .. } = &action.kind {
            let crd = |name: &String| ObjectRef::cluster(CustomResourceDefinition::KIND, name);
            objects.extend(names.iter().map(crd));
        } else {
            objects.insert(action.kind.subject());
        }
    }
    objects
}

fn few(differences: Vec<String>) -> String {
    let shown = differences.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
    match differences.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
