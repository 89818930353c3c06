//! A twin of a recorded mesh stays as it was recorded, except for what was in motion then.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::Pod;
use meshlift_model::snapshot::Snapshot;
use meshlift_snapshot::fixtures;
use meshlift_twin::{AdmitAsIs, Change, Config, SteadyTimings, Twin, reference};

/// How long nothing may change.
const SECONDS: i64 = 600;

/// Runs a recorded mesh by itself: the twin, and its changes after the load.
fn run(name: &str) -> (Twin, Vec<Change>) {
    run_snapshot(&fixtures::cluster(name).expect("recorded cluster"))
}

fn run_snapshot(snapshot: &Snapshot) -> (Twin, Vec<Change>) {
    let timings = SteadyTimings::new(1);
    let mut twin = Twin::load(snapshot, Config::new(1), Box::new(AdmitAsIs), Box::new(timings));
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

/// Nobody was allowed to list ReplicaSets and ControllerRevisions: no pod is replaced for that.
#[test]
fn without_replica_sets_and_revisions_pods_stay_too() {
    for name in ["before", "half-moved", "moved", "ambient-before"] {
        let mut snapshot = fixtures::cluster(name).unwrap();
        snapshot.objects.replica_sets.clear();
        snapshot.objects.controller_revisions.clear();
        let (_, changes) = run_snapshot(&snapshot);
        let moved: Vec<String> = changes
            .iter()
            .filter(|change| change.of::<Pod>().is_some_and(|pod| pod.metadata.namespace != "batch"))
            .map(|change| format!("{:?} {} by {}", change.kind, reference(&change.new), change.by))
            .collect();
        assert_eq!(moved, Vec::<String>::new(), "{name}");
    }
}

/// A pod that was not ready for long when the snapshot was taken is not healed by taking one.
#[test]
fn a_pod_that_is_stuck_stays_stuck() {
    let mut snapshot = fixtures::cluster("before").unwrap();
    let newest = snapshot.newest_time().unwrap();
    let pod = snapshot.objects.pods.iter_mut().find(|pod| pod.metadata.namespace == "web").unwrap();
    let name = pod.metadata.name.clone();
    pod.status.start_time = Some(newest.plus_seconds(-3600));
    for condition in pod.status.conditions.iter_mut().filter(|condition| condition.type_ == "Ready") {
        condition.status = "False".into();
    }
    let (twin, _) = run_snapshot(&snapshot);
    assert!(!twin.cluster.store.get::<Pod>("web", &name).unwrap().is_ready());
}

#[test]
fn the_same_seed_writes_the_same_log() {
    let log = || -> Vec<String> {
        let (_, changes) = run("canary-moved");
        changes.iter().map(|change| format!("{change:?}")).collect()
    };
    assert_eq!(log(), log());
}
