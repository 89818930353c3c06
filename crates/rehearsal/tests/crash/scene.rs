//! A mesh with an intent that decides everything.

use std::path::Path;
use std::sync::Arc;

use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::manifest::Manifest;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Plan;
use meshlift_model::snapshot::Snapshot;
use meshlift_rehearsal::Rehearsal;
use meshlift_testkit::only;

/// Kinds of workloads that need no choice: with a classic sidecar, pinned to a revision, bound to a tag by its own
/// template, and one whose next run moves by itself.
const FURTHER: [&str; 4] = [
    "Deployment/ledger-classic/books",
    "Deployment/identity/auth",
    "Deployment/partner/edi",
    "CronJob/batch/settle",
];

pub(crate) struct Scene {
    mesh: Mesh,
    pub(crate) plan: Plan,
    manifest: Manifest,
}

impl Scene {
    fn new(snapshot: Snapshot, intent: &Intent) -> Self {
        let mesh = Mesh::derive(Arc::new(snapshot));
        let manifest = meshlift_snapshot::shipped_manifest(&"1.30.3".parse().unwrap(), false).unwrap();
        let digest = meshlift_snapshot::digest(&mesh.snapshot);
        let (plan, _) = meshlift_planner::plan(&mesh, intent, Some(&manifest), &digest).unwrap();
        assert_eq!(plan.waiting, [], "everything is decided");
        Self { mesh, plan, manifest }
    }

    /// The recorded mesh with the demo's intent.
    pub(crate) fn before() -> Self {
        Self::new(recorded(), &demo())
    }

    /// The same with one workload for each kind and each choice, and nothing else.
    pub(crate) fn small() -> Self {
        let intent = demo();
        let chosen = intent.choices.iter().map(|choice| choice.subject.clone());
        let others = FURTHER.iter().map(|name| name.parse::<ObjectRef>().unwrap());
        let keep = chosen.filter(|subject| subject.kind != "Namespace").chain(others).collect();
        Self::new(only(&recorded(), &keep, &["istio-system", "kube-system"]), &intent)
    }

    pub(crate) fn rehearsal(&self, seed: u64) -> Rehearsal<'_> {
        Rehearsal {
            mesh: &self.mesh,
            plan: &self.plan,
            manifest: &self.manifest,
            seed,
            faults: &[],
            rollback_after: None,
        }
    }
}

fn recorded() -> Snapshot {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/clusters/before.meshlift");
    meshlift_snapshot::read(&path).unwrap()
}

fn demo() -> Intent {
    meshlift_planner::intent::parse(include_str!("../../../../fixtures/demo-intent.yaml")).unwrap()
}
