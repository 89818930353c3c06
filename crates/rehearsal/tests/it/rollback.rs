//! Rolled back from after any step, a mesh is as if nobody had been there.

mod compared;
mod midway;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use meshlift_driver::DriverPolicy;
use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::journal::{Command, Record, RunResult, StepEnd};
use meshlift_model::k8s::Namespace;
use meshlift_model::manifest::Manifest;
use meshlift_model::plan::Plan;
use meshlift_model::snapshot::Snapshot;
use meshlift_planner::{intent, plan};
use meshlift_rehearsal::{Cut, Ended, Fate, Fault, Moment, Rehearsal};
use meshlift_snapshot::{digest, read, shipped_manifest};
use meshlift_twin::traffic::Corner;

/// A mesh, and the plan that moves it.
struct Case {
    mesh: Mesh,
    plan: Plan,
    manifest: Manifest,
    faults: Vec<Fault>,
}

impl Case {
    fn of(recording: &str, intent: &Intent) -> Self {
        Self::on(recorded(recording), intent)
    }

    fn on(snapshot: Snapshot, intent: &Intent) -> Self {
        let mesh = Mesh::derive(Arc::new(snapshot));
        let manifest = shipped_manifest(&"1.30.3".parse().unwrap(), false).unwrap();
        let plan = plan(&mesh, intent, Some(&manifest), &digest(&mesh.snapshot)).unwrap().0;
        Self { mesh, plan, manifest, faults: Vec::new() }
    }

    fn rehearsal<'a>(&'a self, seed: u64, rollback_after: Option<&'a str>) -> Rehearsal<'a> {
        let Self { mesh, plan, manifest, faults } = self;
        Rehearsal { mesh, plan, manifest, seed, faults, rollback_after }
    }

    fn steps(&self) -> impl Iterator<Item = &str> {
        self.plan.steps.iter().map(|step| step.id.as_str())
    }

    /// Carries out the plan once. From after every `of`-th step, beginning with the `first`, another process takes
    /// a copy of the world and rolls everything back.
    fn comes_back_from_every(&self, first: usize, of: usize) {
        let rehearsal = self.rehearsal(0, None);
        let wanted: BTreeSet<&str> = self.steps().skip(first).step_by(of).collect();
        let policy = DriverPolicy { commands: vec![Command::Rollback], ..rehearsal.policy() };
        let mut tried = BTreeSet::new();
        let mut watch = |moment: &Moment<'_>| {
            if let Record::StepEnded { step, end: StepEnd::Done } = &moment.line.record
                && wanted.contains(step.as_str())
            {
                let mut stage = moment.died(Cut::Whole);
                let result = stage.drive(&policy, &mut |_| {}).unwrap();
                let ended = rehearsal.judge(&stage, result, Corner::BEST).unwrap();
                assert_eq!(ended.result, RunResult::RolledBack, "after {step}: {:?}", ended.run.ended());
                assert_eq!(ended.violations, [], "after {step}");
                tried.insert(step.clone());
            }
            Fate::GoOn
        };
        let mut stage = rehearsal.stage(Corner::BEST);
        stage.drive_watched(&rehearsal.policy(), &mut |_| {}, &mut watch).unwrap();
        assert!(tried.iter().map(String::as_str).eq(wanted.iter().copied()), "{tried:?} of {wanted:?}");
    }

    /// Carries out the plan up to the step, and takes it all back.
    fn comes_back(&self, step: &str, corner: Corner, seed: u64) -> Ended {
        let ended = self.rehearsal(seed, Some(step)).run_corner(corner, &mut |_| {}).unwrap();
        let at = format!("after {step}, seed {seed}, {corner:?}");
        assert_eq!(ended.result, RunResult::RolledBack, "{at}: {:?}", ended.run.ended());
        assert_eq!(ended.violations, [], "{at}");
        ended
    }
}

fn recorded(name: &str) -> Snapshot {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/clusters/{name}.meshlift"));
    read(&path).unwrap()
}

fn demo_intent() -> Intent {
    intent::parse(include_str!("../../../../fixtures/demo-intent.yaml")).unwrap()
}

#[test]
fn before_comes_back_from_after_every_other_step() {
    Case::of("before", &demo_intent()).comes_back_from_every(0, 2);
}

#[test]
fn before_comes_back_from_after_the_steps_between() {
    Case::of("before", &demo_intent()).comes_back_from_every(1, 2);
}

#[test]
fn half_moved_comes_back_from_after_every_step() {
    Case::of("half-moved", &demo_intent()).comes_back_from_every(0, 1);
}

#[test]
fn the_worst_corner_and_another_seed_come_back() {
    let case = Case::of("before", &demo_intent());
    for (step, seed) in [("wave-3", 0), ("wave-8", 5), ("tag-bound-prod-stable", 0)] {
        case.comes_back(step, Corner::WORST, seed);
    }
    case.comes_back("observe", Corner::BEST, 11);
}

/// What the comparison says is here said once without it.
#[test]
fn after_cleanup_labels_webhooks_and_the_old_control_plane_are_there_again() {
    let case = Case::of("before", &demo_intent());
    let ended = case.comes_back("cleanup", Corner::BEST, 3);
    let (before, after) = (&case.mesh.snapshot.objects, &ended.mesh.snapshot.objects);
    let labels = |namespaces: &[Namespace]| -> Vec<_> {
        namespaces.iter().map(|one| (one.metadata.name.clone(), one.metadata.labels.clone())).collect()
    };
    assert_eq!(labels(&before.namespaces), labels(&after.namespaces));
    let search = before.namespaces.iter().find(|one| one.metadata.name == "search").unwrap();
    let both = ["istio-injection", "istio.io/rev"].map(|key| search.metadata.label(key).is_some());
    assert_eq!(both, [true, true], "this namespace has two selectors");
    let mutating: Vec<_> =
        after.mutating_webhooks.iter().map(|one| (&one.metadata.name, one.webhooks.len())).collect();
    let were: Vec<_> =
        before.mutating_webhooks.iter().map(|one| (&one.metadata.name, one.webhooks.len())).collect();
    assert_eq!(mutating, were);
    let validator = |snapshot: &meshlift_model::k8s::Objects| {
        let one =
            snapshot.validating_webhooks.iter().find(|one| one.metadata.name == "istiod-default-validator");
        one.unwrap().webhooks[0].client_config.service.clone()
    };
    assert_eq!(validator(before), validator(after));
    let on = |mesh: &Mesh, revision: &str| {
        let pods = mesh.pods.values().filter(|pod| !pod.finished && pod.proxy.is_some());
        pods.filter(|pod| pod.revision.as_ref().is_some_and(|own| own.as_str() == revision)).count()
    };
    assert_eq!((on(&ended.mesh, "1-29-6"), on(&ended.mesh, "1-30-3")), (174, 0));
    let gone = |name: &str| !after.deployments.iter().any(|one| one.metadata.name == name);
    assert!(gone("istiod-1-30-3") && !gone("istiod-1-29-6"));
}
