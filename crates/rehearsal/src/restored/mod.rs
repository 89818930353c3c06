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
use meshlift_model::k8s::{CustomResourceDefinition, DaemonSet, Deployment, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Plan, StepUndo};
use meshlift_model::run_report::Violation;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;

/// Law that a rollback breaks which leaves something behind.
pub(crate) const LAW: &str = "6";
/// Kinds whose pods roll.
const ROLLING: [&str; 3] = [Deployment::KIND, StatefulSet::KIND, DaemonSet::KIND];
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
    let stays = |subject: &ObjectRef| forward_only.contains(subject);
    let mut found = written::differences(&reference.objects, &end.objects);
    // Pods of a workload may stay where they are; what people wrote into it may not.
    found.retain(|subject, _| !stays(subject) || ROLLING.contains(&subject.kind.as_str()));
    let derived = derived::differences(&reference.objects, &end.objects);
    for (subject, differences) in derived.into_iter().filter(|(subject, _)| !stays(subject)) {
        found.entry(subject).or_default().extend(differences);
    }
    let told =
        |(subject, differences)| Violation { law: LAW.to_owned(), at, subject, detail: few(differences) };
    found.into_iter().map(told).collect()
}

/// Objects that a plan's header says are never put back: `STEP: …` stands for what the step writes, or names its
/// workloads whose pods stay.
#[must_use]
pub fn forward_only(plan: &Plan) -> BTreeSet<ObjectRef> {
    let mut objects = BTreeSet::new();
    for step in &plan.steps {
        let lines =
            plan.forward_only.iter().filter_map(|line| line.strip_prefix(&step.id)?.strip_prefix(": "));
        let words: BTreeSet<&str> = lines.flat_map(|line| line.split([' ', ',', ':'])).collect();
        let whole = matches!(step.undo, StepUndo::ForwardOnly { .. }) && !words.is_empty();
        for action in &step.actions {
            let subject = action.kind.subject();
            if let (ActionKind::ApplyCrds { names, .. }, true) = (&action.kind, whole) {
                let crd = |name: &String| ObjectRef::cluster(CustomResourceDefinition::KIND, name);
                objects.extend(names.iter().map(crd));
            } else if whole || words.contains(subject.to_string().as_str()) {
                objects.insert(subject);
            }
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
