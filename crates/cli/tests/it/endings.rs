//! How rehearsals of recorded meshes end. Each plan is carried out on the twin in both corners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::meshlift;
use crate::golden::root;
use meshlift_mesh::Mesh;
use meshlift_model::action::Selector;
use meshlift_model::intent::Intent;
use meshlift_model::journal::RunResult;
use meshlift_model::names::IstioVersion;
use meshlift_model::plan::Plan;
use meshlift_planner::{intent, is_finished, plan};
use meshlift_rehearsal::{Outcome, Rehearsal};
use meshlift_snapshot::{digest, read, shipped_manifest};

fn mesh(name: &str) -> Mesh {
    Mesh::derive(Arc::new(read(&root().join(format!("fixtures/clusters/{name}.meshlift"))).unwrap()))
}

fn target() -> IstioVersion {
    "1.30.3".parse().unwrap()
}

fn plan_of(mesh: &Mesh, intent: &Intent) -> Plan {
    let manifest = shipped_manifest(&target(), !mesh.ambient.ztunnels.is_empty());
    plan(mesh, intent, manifest.as_ref(), &digest(&mesh.snapshot)).unwrap().0
}

fn rehearse(mesh: &Mesh, plan: &Plan) -> Outcome {
    let manifest = shipped_manifest(&target(), false).unwrap();
    let rehearsal = Rehearsal { mesh, plan, manifest: &manifest, seed: 0, faults: &[], rollback_after: None };
    rehearsal.run(&mut |_| {}).unwrap()
}

fn demo_intent() -> Intent {
    intent::parse(include_str!("../../../../fixtures/demo-intent.yaml")).unwrap()
}

fn no_choices() -> Intent {
    Intent { format_version: 1, target: Some(target()), ..Intent::default() }
}

/// Running pods with a proxy, by the revision that they carry.
fn running(mesh: &Mesh) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for pod in mesh.pods.values().filter(|pod| !pod.finished && pod.proxy.is_some()) {
        *counts.entry(pod.revision.as_ref().map_or("none".to_owned(), ToString::to_string)).or_default() += 1;
    }
    counts
}

#[test]
fn the_demo_with_its_intent_is_done() {
    let before = mesh("before");
    let plan = plan_of(&before, &demo_intent());
    let Outcome { best, worst, report } = rehearse(&before, &plan);
    assert_eq!(report.result, RunResult::Done, "{}", report.reason);
    assert_eq!(report.violations, []);
    assert_eq!((report.waiting.len(), report.figures.pods_moved), (0, 174));
    for ended in [&best, &worst] {
        assert_eq!(running(&ended.mesh), BTreeMap::from([("1-30-3".to_owned(), 174)]));
        let tags: Vec<String> =
            ended.mesh.tags.values().map(|tag| format!("{} {:?}", tag.name, tag.revision)).collect();
        assert!(tags.iter().all(|tag| tag.contains("1-30-3")) && tags.len() == 2, "{tags:?}");
        let selector = |namespace: &str| ended.mesh.namespaces[namespace].selector.clone();
        let rev = |name: &str| Selector { injection: None, rev: Some(name.to_owned()) };
        assert_eq!(selector("web"), rev("prod-stable"));
        assert_eq!(selector("legacy"), before.namespaces["legacy"].selector);
        let of = |mesh: &Mesh| mesh.pods.values().filter(|p| p.pod.namespace == "legacy").count();
        assert_eq!(of(&ended.mesh), of(&before));
    }
    let accepted: BTreeSet<&str> =
        ["checkout/tax", "payments/reports", "istio-ingress/istio-ingressgateway"].into();
    for workload in &report.workloads {
        let name = format!("{}/{}", workload.namespace, workload.name);
        let lost = workload.requests_lost;
        assert!(lost == 0.0 || accepted.contains(name.as_str()), "{name} lost {lost}: {:?}", workload.why);
    }
    assert_eq!(report.figures.requests_lost, report.figures.requests_lost_accepted);
    // Planning again, on what the twin made of it, finds nothing to do.
    let again = plan_of(&best.mesh, &demo_intent());
    assert!(is_finished(&again), "{:?} {:?}", again.steps, again.waiting);
}

#[test]
fn without_an_intent_what_is_safe_moves_and_the_rest_waits() {
    let before = mesh("before");
    let plan = plan_of(&before, &no_choices());
    let Outcome { best, report, .. } = rehearse(&before, &plan);
    assert_eq!(report.result, RunResult::Waiting, "{}", report.reason);
    assert_eq!(report.violations, []);
    let counts = running(&best.mesh);
    assert_eq!(counts.values().sum::<usize>(), 174);
    assert!(counts["1-30-3"] > 80 && counts["1-29-6"] > 40, "{counts:?}");
    assert!(best.mesh.revisions.contains_key(&"1-29-6".into()), "the old revision stays");
    let waits: BTreeSet<String> = report.waiting.iter().map(|on| on.subject.to_string()).collect();
    for subject in ["Deployment/checkout/tax", "StatefulSet/data/kafka", "Pod/batch/debug-shell"] {
        assert!(waits.contains(subject), "{subject} is not among {waits:?}");
    }
    let offered = report.waiting.iter().filter(|on| on.code.is_some()).all(|on| !on.offers.is_empty());
    assert!(offered, "{:?}", report.waiting);
    assert_eq!(report.figures.requests_lost, 0.0);
}

#[test]
fn a_finished_mesh_needs_nothing() {
    let after = mesh("after");
    let plan = plan_of(&after, &no_choices());
    assert!(is_finished(&plan));
    assert!(plan.untouched.iter().all(|untouched| !untouched.reason.is_empty()));
    let report = rehearse(&after, &plan).report;
    assert_eq!((report.result, report.steps.len(), report.figures.pods_moved), (RunResult::Done, 0, 0));
}

#[test]
fn half_way_meshes_get_exactly_the_rest() {
    for name in ["canary-installed", "canary-moved", "half-moved", "moved"] {
        let start = mesh(name);
        let plan = plan_of(&start, &no_choices());
        let moved: usize = plan.steps.iter().map(|step| step.pods).sum();
        let before = running(&start).get("1-30-3").copied().unwrap_or(0);
        let Outcome { best, report, .. } = rehearse(&start, &plan);
        assert_eq!(report.violations, [], "{name}");
        assert_eq!(report.figures.requests_lost, 0.0, "{name}");
        let after = running(&best.mesh)["1-30-3"];
        assert!(after >= before && after - before <= moved, "{name}: {before} → {after}, planned {moved}");
        assert_eq!(running(&best.mesh).values().sum::<usize>(), 174, "{name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: &str| {
        let said = meshlift(folder.path(), &["rehearse", "--demo", "-o", "json", "--seed", seed]);
        assert_eq!(said.exit, 0, "{}", said.stderr);
        let file = std::fs::read_to_string(folder.path().join("meshlift-demo.html")).unwrap();
        (said.stdout, said.stderr, file)
    };
    let first = run("7");
    assert!(first == run("7"), "two runs of one seed differ");
    assert!(first.0 != run("8").0, "the seed has no say");
}

#[test]
fn exit_codes_and_report_files_of_rehearsals() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = root().join("fixtures/clusters/after-broken.meshlift");
    let snapshot = snapshot.to_str().unwrap();
    let said = meshlift(folder.path(), &["rehearse", "--snapshot", snapshot, "--to", "1.30.3"]);
    assert_eq!(said.exit, 1, "{}", said.stderr);
    assert!(said.stderr.ends_with("wrote meshlift-rehearsal.html\n"), "{}", said.stderr);
    let html = std::fs::read_to_string(folder.path().join("meshlift-rehearsal.html")).unwrap();
    assert!(
        html.starts_with("<!doctype html>") && !html.contains("<script") && !html.contains("href=\"http")
    );
    for text in [&html, &said.stdout] {
        assert!(!text.to_lowercase().contains("zero downtime") && !text.contains("proven"), "{text}");
    }
    let named =
        ["rehearse", "--snapshot", snapshot, "--to", "1.30.3", "--report", "x.html", "-o", "markdown"];
    let said = meshlift(folder.path(), &named);
    assert!(said.stdout.starts_with("# Rehearsal: waiting\n") && folder.path().join("x.html").is_file());
}
