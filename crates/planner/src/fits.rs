//! Whether a plan still fits a mesh.

use std::collections::BTreeSet;

use meshlift_mesh::Mesh;
use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::digest::template_digest;
use meshlift_model::k8s::{PodTemplateSpec, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Plan;

use crate::file::PlanFileError;

/// Differences that are named before the rest is counted.
const DIFFERENCES_MAX: usize = 5;

/// Holds a plan against the mesh that it is to be carried out on. A mesh with the digest that it was made from
/// fits; another one fits only if whatever the plan touches is still there, the same object in the same state.
///
/// # Errors
/// Where something that the plan touches is not there, is another object, or has changed.
pub fn fits(plan: &Plan, mesh: &Mesh, snapshot_digest: &str) -> Result<(), PlanFileError> {
    if plan.snapshot_digest == snapshot_digest {
        return Ok(());
    }
    let mut seen: BTreeSet<ObjectRef> = BTreeSet::new();
    let mut differences = BTreeSet::new();
    for action in plan.steps.iter().flat_map(|step| &step.actions) {
        // Only what comes first at an object must hold now: later actions rest on earlier ones.
        if !matches!(action.kind, ActionKind::ProveInjection { .. }) && seen.insert(action.kind.subject()) {
            differences.extend(differs(mesh, action));
        }
    }
    let mut differences: Vec<String> = differences.into_iter().collect();
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(DIFFERENCES_MAX);
    differences.truncate(DIFFERENCES_MAX);
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    Err(PlanFileError::OtherMesh { differences })
}

fn differs(mesh: &Mesh, action: &Action) -> Vec<String> {
    let subject = action.kind.subject();
    let there = match &action.kind {
        ActionKind::Move(_) | ActionKind::Scale { .. } => mesh.workloads.contains_key(&subject),
        ActionKind::SelectRevision { namespace, .. } => mesh.namespaces.contains_key(namespace),
        ActionKind::SetTag { tag, from: Some(_), .. } | ActionKind::RemoveTag { tag, .. } => {
            mesh.tags.contains_key(tag)
        }
        ActionKind::RemoveRevision { revision, .. } => mesh.revisions.contains_key(revision),
        ActionKind::ApplyCrds { .. }
        | ActionKind::InstallRevision { .. }
        | ActionKind::ProveInjection { .. }
        | ActionKind::SetTag { .. } => true,
    };
    if !there {
        return vec![format!("{subject} is not there")];
    }
    // The label that a move asks for is set by the step itself.
    let own = |one: &&Precondition| {
        !matches!((&action.kind, one), (ActionKind::Move(_), Precondition::SelectorIs { .. }))
    };
    action.preconditions.iter().filter(own).filter_map(|one| broken(mesh, one)).collect()
}

/// A precondition that the mesh, as it was read, does not meet; what only the run can ask is left to it.
fn broken(mesh: &Mesh, precondition: &Precondition) -> Option<String> {
    match precondition {
        Precondition::Exists { object, uid: Some(uid) } => {
            let found = mesh.workloads.get(object).filter(|found| found.uid != *uid)?;
            Some(format!("{object} is another object: its uid is {}", found.uid))
        }
        Precondition::Absent { object } => {
            mesh.workloads.contains_key(object).then(|| format!("{object} is there already"))
        }
        Precondition::SelectorIs { namespace, selector } => {
            let found = &mesh.namespaces.get(namespace)?.selector;
            (found != selector).then(|| format!("namespace {namespace} has {found}, not {selector}"))
        }
        Precondition::TagIs { tag, revision } => {
            let found = mesh.tags.get(tag).and_then(|tag| tag.revision.as_ref());
            let words = |one: Option<&_>| one.map_or("nothing".to_owned(), ToString::to_string);
            let wanted = revision.as_ref();
            (found != wanted).then(|| format!("tag {tag} points at {}, not {}", words(found), words(wanted)))
        }
        Precondition::ReplicasAre { object, replicas } => {
            let found = mesh.workloads.get(object)?.replicas;
            (found != *replicas).then(|| format!("{object} has {found} replicas, not {replicas}"))
        }
        Precondition::TemplateIs { object, digest } => {
            let changed = template(mesh, object).is_none_or(|found| template_digest(found) != *digest);
            changed.then(|| format!("the pod template of {object} has changed"))
        }
        Precondition::Exists { uid: None, .. }
        | Precondition::RevisionReady { .. }
        | Precondition::NoConsumers { .. }
        | Precondition::NoFollowers { .. } => None,
    }
}

/// A workload's pod template as the API has it.
fn template<'m>(mesh: &'m Mesh, workload: &ObjectRef) -> Option<&'m PodTemplateSpec> {
    let objects = &mesh.snapshot.objects;
    let deployments = objects.deployments.iter().map(|one| (one.object_ref(), &one.spec.template));
    let stateful_sets = objects.stateful_sets.iter().map(|one| (one.object_ref(), &one.spec.template));
    let daemon_sets = objects.daemon_sets.iter().map(|one| (one.object_ref(), &one.spec.template));
    let mut all = deployments.chain(stateful_sets).chain(daemon_sets);
    all.find(|(reference, _)| reference == workload).map(|(_, template)| template)
}
