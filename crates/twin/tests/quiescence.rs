//! A twin of a recorded mesh stays as it was recorded, except for what was in motion then.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_snapshot::fixtures;
use meshlift_twin::{AdmitAsIs, Change, Config, SteadyTimings, Twin, reference};

/// How long nothing may change.
const SECONDS: i64 = 600;

/// Runs a recorded mesh by itself: the twin, and its changes after the load.
fn run(name: &str) -> (Twin, Vec<Change>) {
    let snapshot = fixtures::cluster(name).expect("recorded cluster");
    let timings = SteadyTimings::new(1);
    let mut twin = Twin::load(&snapshot, Config::new(1), Box::new(AdmitAsIs), Box::new(timings));
    let loaded = twin.cluster.store.position();
    let end = twin.now().plus_seconds(SECONDS);
    twin.run_until(end);
    let changes = twin.cluster.store.changes_from(loaded).to_vec();
    (twin, changes)
}

/// Kind and namespace of all objects that changed; `expected` names those that were in motion.
fn assert_quiet_but(name: &str, expected: &[&str]) {
    let (_, changes) = run(name);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in changes {
        let target = reference(&change.new);
        let place = format!("{}/{}", target.kind, target.namespace);
        let entry = format!("{:?} {} at {} by {}", change.kind, target.name, change.at, change.by);
        found.entry(place).or_default().push(entry);
    }
    let places: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(places, expected.iter().copied().collect(), "{name}: {found:#?}");
}

#[test]
fn meshes_at_rest_stay_at_rest() {
    for name in [
        "moved",
        "after",
        "after-broken",
        "ambient-before",
        "ambient-canary-installed",
        "ambient-tag-moved",
        "ambient-frozen-tag-moved",
    ] {
        assert_quiet_but(name, &[]);
    }
}

/// The CronJob batch/settle is due within the ten minutes.
const SETTLE: [&str; 3] = ["CronJob/batch", "Job/batch", "Pod/batch"];

#[test]
fn only_the_cron_job_moves() {
    for name in ["before", "canary-installed"] {
        assert_quiet_but(name, &SETTLE);
    }
}

#[test]
fn a_stuck_rollout_runs_into_its_deadline() {
    assert_quiet_but("half-moved", &["Deployment/quota-tight"]);
    let (twin, _) = run("half-moved");
    let ads = twin.cluster.store.get::<meshlift_model::k8s::Deployment>("quota-tight", "ads").unwrap();
    let progressing =
        ads.status.conditions.iter().find(|condition| condition.type_ == "Progressing").unwrap();
    assert_eq!(
        (progressing.status.as_str(), progressing.reason.as_str()),
        ("False", "ProgressDeadlineExceeded")
    );
}

#[test]
fn a_rollout_in_the_middle_is_finished() {
    let web = ["Deployment/web", "EndpointSlice/web", "Pod/web", "PodDisruptionBudget/web", "ReplicaSet/web"];
    assert_quiet_but("canary-moved", &[SETTLE.as_slice(), &web].concat());
    let (twin, _) = run("canary-moved");
    for deployment in twin.cluster.store.list::<meshlift_model::k8s::Deployment>("web") {
        let status = &deployment.status;
        assert_eq!(Some(status.updated_replicas), deployment.spec.replicas, "{}", deployment.metadata.name);
        assert_eq!(Some(status.available_replicas), deployment.spec.replicas, "{}", deployment.metadata.name);
    }
}

#[test]
fn what_is_exported_is_what_was_loaded() {
    let snapshot = fixtures::cluster("after").unwrap();
    let timings = SteadyTimings::new(1);
    let twin = Twin::load(&snapshot, Config::new(1), Box::new(AdmitAsIs), Box::new(timings));
    let mut loaded = snapshot.objects.clone();
    loaded.sort();
    assert_eq!(twin.export().objects, loaded);
    assert_eq!(Some(twin.now()), snapshot.newest_time());
}
