//! What checks will newly say after each step: announced, so that it does not hold the run.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshlift_checks::assess;
use meshlift_mesh::{Edit, Mesh, project};
use meshlift_model::action::{Action, ActionKind, Cure};
use meshlift_model::k8s::Object;
use meshlift_model::manifest::Manifest;
use meshlift_model::names::{IstioVersion, ObjectRef};
use meshlift_model::plan::{Plan, Step};
use meshlift_model::snapshot::Snapshot;

use crate::situation::{ControlPlane, Situation};
use crate::survey::Survey;

/// Projects the mesh through the steps in order, and lists for each the findings that are new after it.
pub(crate) fn announce(situation: &Situation<'_>, survey: &Survey, steps: &mut [Step]) {
    // Nobody can say what a revision would do of which nobody gave the objects; such a plan is not carried out.
    if situation.control_plane == ControlPlane::Missing && situation.manifest.is_none() {
        return;
    }
    let mut snapshot: Arc<Snapshot> = Arc::clone(&situation.mesh.snapshot);
    let mut before: BTreeSet<String> = situation.assessment.findings.iter().map(|one| one.key()).collect();
    for step in steps {
        let mut edits = edits(step, situation.manifest, &situation.target);
        if step.actions.is_empty() {
            edits = by_person(survey, step);
        }
        if edits.is_empty() {
            continue;
        }
        snapshot = Arc::new(project(&snapshot, &edits));
        let after = assess(&Mesh::derive(Arc::clone(&snapshot)), situation.intent, Some(&situation.target));
        let after: BTreeSet<String> = after.findings.iter().map(|one| one.key()).collect();
        step.announces = after.difference(&before).cloned().collect();
        before = after;
    }
}

/// The mesh as a plan leaves it if every action does what it says: what checks will see at the end. Steps that
/// wait for a person to act are not done in it, nor is what needs them.
#[must_use]
pub fn leaves_behind(mesh: &Mesh, plan: &Plan, manifest: Option<&Manifest>) -> Snapshot {
    let mut waits: BTreeSet<&str> = BTreeSet::new();
    let mut all: Vec<Edit> = Vec::new();
    for step in &plan.steps {
        let by_person = step.person.as_ref().is_some_and(|person| !person.approval);
        if by_person || step.needs.iter().any(|need| waits.contains(need.as_str())) {
            waits.insert(&step.id);
        } else {
            all.extend(edits(step, manifest, &plan.target));
        }
    }
    project(&mesh.snapshot, &all)
}

/// What a step's actions change.
fn edits(step: &Step, manifest: Option<&Manifest>, target: &IstioVersion) -> Vec<Edit> {
    let mut actions: Vec<&Action> = step.actions.iter().collect();
    actions.sort_by_key(|action| action.phase);
    actions.into_iter().flat_map(|action| edits_of(&action.kind, manifest, target)).collect()
}

fn edits_of(kind: &ActionKind, manifest: Option<&Manifest>, target: &IstioVersion) -> Vec<Edit> {
    match kind {
        // CRDs hold nothing that checks judge beyond their names.
        ActionKind::ApplyCrds { .. } | ActionKind::ProveInjection { .. } => Vec::new(),
        ActionKind::InstallRevision { revision, replicas_min, .. } => vec![Edit::AddRevision {
            objects: objects(manifest),
            revision: revision.clone(),
            version: target.clone(),
            replicas: *replicas_min,
        }],
        ActionKind::SelectRevision { namespace, to, .. } => {
            vec![Edit::SelectNamespace { namespace: namespace.clone(), selector: to.clone() }]
        }
        ActionKind::Move(one) => {
            let partition = one.cures.iter().find_map(|cure| match cure {
                Cure::SetPartition { to, .. } => Some(*to),
                Cure::ScaleUp { .. } | Cure::RaiseQuota { .. } | Cure::SetStrategy { .. } => None,
            });
            let workload = &one.workload;
            let partition =
                partition.map(|partition| Edit::SetPartition { workload: workload.clone(), partition });
            partition.into_iter().chain([Edit::Restart { workload: workload.clone() }]).collect()
        }
        ActionKind::SetTag { tag, to, .. } => vec![Edit::SetTag { tag: tag.clone(), revision: to.clone() }],
        ActionKind::RemoveTag { tag, .. } => vec![Edit::RemoveTag { tag: tag.clone() }],
        ActionKind::Scale { workload, to, .. } => {
            vec![Edit::Scale { workload: workload.clone(), replicas: *to }]
        }
        ActionKind::RemoveRevision { objects, .. } => vec![Edit::Remove { objects: objects.clone() }],
    }
}

/// What the new revision brings, without CRDs.
fn objects(manifest: Option<&Manifest>) -> Vec<Object> {
    let all = manifest.map(|manifest| manifest.objects.to_vec()).unwrap_or_default();
    all.into_iter().filter(|object| !matches!(object, Object::CustomResourceDefinition(_))).collect()
}

/// What a person does to a gateway.
fn by_person(survey: &Survey, step: &Step) -> Vec<Edit> {
    let moved = |workload: &ObjectRef| step.floors.iter().any(|floor| floor.workload == *workload);
    let gateway = survey.gateways.iter().find(|gateway| moved(gateway.mover.workload()));
    let Some(gateway) = gateway else { return Vec::new() };
    let workload = gateway.mover.workload();
    let selector = gateway.selector.as_ref().map(|(_, to)| Edit::SelectNamespace {
        namespace: workload.namespace.to_string(),
        selector: to.clone(),
    });
    selector.into_iter().chain([Edit::Restart { workload: workload.clone() }]).collect()
}
