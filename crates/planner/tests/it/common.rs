//! Recorded meshes, the demo's intent, and plans of them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use meshlift_mesh::Mesh;
use meshlift_model::action::{Action, ActionKind, Move};
use meshlift_model::intent::{Choice, ChoiceKind, Intent};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::{IstioVersion, ObjectRef};
use meshlift_model::plan::{Plan, Step};
use meshlift_model::snapshot::Snapshot;
use meshlift_planner::{PlanError, PlanningReport, intent, plan};
use meshlift_snapshot::fixtures::{CLUSTERS, cluster};
use meshlift_snapshot::shipped_manifest;

pub(crate) const DEMO: &str = include_str!("../../../../fixtures/demo-intent.yaml");

pub(crate) fn target() -> IstioVersion {
    "1.30.3".parse().unwrap()
}

/// An intent that says nothing but where to go.
pub(crate) fn none() -> Intent {
    Intent { format_version: 1, target: Some(target()), ..Intent::default() }
}

pub(crate) fn demo() -> Intent {
    intent::parse(DEMO).unwrap()
}

/// `none` and these choices.
pub(crate) fn choosing(choices: &[(&str, &str)]) -> Intent {
    let choice = |(subject, choose): &(&str, &str)| Choice {
        subject: subject.parse().unwrap(),
        choose: choose.parse::<ChoiceKind>().unwrap(),
        reason: "a test".to_owned(),
        hazard: None,
        until: None,
    };
    Intent { choices: choices.iter().map(choice).collect(), ..none() }
}

pub(crate) fn manifest(ambient: bool) -> &'static Manifest {
    static MANIFESTS: OnceLock<[Manifest; 2]> = OnceLock::new();
    let read = |ambient| shipped_manifest(&target(), ambient).unwrap();
    &MANIFESTS.get_or_init(|| [read(false), read(true)])[usize::from(ambient)]
}

/// A recorded mesh.
pub(crate) fn mesh(name: &str) -> &'static Mesh {
    static MESHES: OnceLock<BTreeMap<&'static str, Mesh>> = OnceLock::new();
    let all = MESHES.get_or_init(|| {
        let derive = |name: &&'static str| (*name, Mesh::derive(Arc::new(cluster(name).unwrap())));
        CLUSTERS.iter().map(derive).collect()
    });
    &all[name]
}

pub(crate) fn is_ambient(name: &str) -> bool {
    name.starts_with("ambient")
}

pub(crate) fn planned(name: &str, intent: &Intent) -> (Plan, PlanningReport) {
    plan(mesh(name), intent, Some(manifest(is_ambient(name))), name).unwrap()
}

/// A plan of a mesh that was changed.
pub(crate) fn plan_of(mesh: &Mesh, intent: &Intent) -> Result<(Plan, PlanningReport), PlanError> {
    plan(mesh, intent, Some(manifest(false)), "changed")
}

/// A recorded mesh, changed.
pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Snapshot)) -> Mesh {
    let mut snapshot = Snapshot::clone(&mesh(name).snapshot);
    change(&mut snapshot);
    Mesh::derive(Arc::new(snapshot))
}

pub(crate) fn object(text: &str) -> ObjectRef {
    text.parse().unwrap()
}

pub(crate) fn moves(plan: &Plan) -> Vec<(&Step, &Action, &Move)> {
    let actions = plan.steps.iter().flat_map(|step| step.actions.iter().map(move |action| (step, action)));
    actions
        .filter_map(|(step, action)| match &action.kind {
            ActionKind::Move(one) => Some((step, action, one)),
            _ => None,
        })
        .collect()
}

/// The move of one workload.
pub(crate) fn move_of<'p>(plan: &'p Plan, workload: &str) -> &'p Move {
    let workload = object(workload);
    moves(plan).into_iter().find(|(_, _, one)| one.workload == workload).unwrap().2
}

pub(crate) fn step<'p>(plan: &'p Plan, id: &str) -> &'p Step {
    plan.steps.iter().find(|step| step.id == id).unwrap_or_else(|| panic!("no step {id}: {:?}", ids(plan)))
}

pub(crate) fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

/// Subjects of what waits, as text.
pub(crate) fn waiting(plan: &Plan) -> Vec<String> {
    plan.waiting.iter().map(|one| one.subject.to_string()).collect()
}
