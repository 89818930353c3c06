//! Deployments: limits that hold at every moment, rollback, pause, scaling, history.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Deployment, Pod, ReplicaSet};
use proptest::prelude::*;
use serde_json::json;

use crate::scene::{Scene, template, workload};

fn set_image(scene: &mut Scene, image: &str) {
    let fresh = serde_json::from_value(template("api", image)).expect("a template");
    scene.patch::<Deployment>("api", |it| it.spec.template = fresh);
}

/// Replicas by image.
fn images(scene: &Scene) -> BTreeMap<String, i32> {
    let sets = scene.list::<ReplicaSet>().into_iter();
    sets.map(|set| (set.spec.template.spec.containers[0].image.clone(), set.spec.replicas.unwrap_or(1)))
        .collect()
}

fn condition(scene: &Scene, type_: &str) -> (String, String) {
    let deployment = scene.get::<Deployment>("api");
    let found = deployment.status.conditions.iter().find(|condition| condition.type_ == type_);
    found.map(|condition| (condition.status.to_string(), condition.reason.to_string())).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the limits: never more pods wanted than replicas and surge, never fewer Ready than replicas without
    /// the unavailable ones, and it ends with all pods new.
    #[test]
    fn a_rollout_keeps_its_limits_at_every_moment(
        replicas in 1_usize..8,
        surge in 0_usize..4,
        unavailable in 0_usize..4,
        min_ready_seconds in 0_i32..12,
        seed in 0_u64..1000,
    ) {
        prop_assume!(surge + unavailable > 0);
        let mut scene = Scene::with_seed(seed);
        scene.create("Deployment", workload("api", json!({
            "replicas": replicas, "minReadySeconds": min_ready_seconds, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
        })));
        scene.settle();
        prop_assert_eq!(scene.ready(), replicas);
        set_image(&mut scene, "v2");
        let end = scene.twin.now().plus_seconds(600);
        while scene.twin.step(end) {
            // The limit holds for what the ReplicaSets want: their controllers do not wait for each other.
            let wanted: i32 = images(&scene).values().sum();
            prop_assert!(usize::try_from(wanted).expect("small") <= replicas + surge, "{wanted} wanted");
            prop_assert!(scene.ready() + unavailable >= replicas, "{} ready", scene.ready());
        }
        prop_assert_eq!(images(&scene)["v2"], i32::try_from(replicas).expect("small"));
        prop_assert_eq!(images(&scene)["v1"], 0);
        prop_assert_eq!(condition(&scene, "Progressing").1, "NewReplicaSetAvailable");
    }
}

#[test]
fn going_back_uses_the_old_replica_set_and_keeps_its_pods() {
    let mut scene = Scene::new();
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    scene.create(
        "Deployment",
        workload("api", json!({"replicas": 4, "minReadySeconds": 10, "strategy": strategy})),
    );
    scene.settle();
    let before: Vec<String> = scene.list::<Pod>().iter().map(|pod| pod.metadata.uid.clone()).collect();
    scene.faults.never_ready.borrow_mut().insert("v2".into());
    set_image(&mut scene, "v2");
    scene.settle();
    assert_eq!((images(&scene)["v1"], images(&scene)["v2"], scene.ready()), (4, 1, 4));
    set_image(&mut scene, "v1");
    scene.settle();
    let after: Vec<String> = scene.list::<Pod>().iter().map(|pod| pod.metadata.uid.clone()).collect();
    assert_eq!(before, after);
    let sets = scene.list::<ReplicaSet>();
    let old = sets.iter().find(|set| set.spec.template.spec.containers[0].image == "v1").unwrap();
    assert_eq!(old.metadata.annotation("deployment.kubernetes.io/revision"), Some("3"));
    assert_eq!(old.metadata.annotation("deployment.kubernetes.io/revision-history"), Some("1"));
    assert_eq!(
        scene.get::<Deployment>("api").metadata.annotation("deployment.kubernetes.io/revision"),
        Some("3")
    );
}

#[test]
fn a_rollout_without_progress_runs_into_its_deadline() {
    let mut scene = Scene::new();
    scene.create("Deployment", workload("api", json!({"replicas": 2, "progressDeadlineSeconds": 60})));
    scene.settle();
    scene.faults.never_ready.borrow_mut().insert("v2".into());
    set_image(&mut scene, "v2");
    scene.pass(50);
    assert_eq!(condition(&scene, "Progressing"), ("True".into(), "ReplicaSetUpdated".into()));
    scene.settle();
    assert_eq!(condition(&scene, "Progressing"), ("False".into(), "ProgressDeadlineExceeded".into()));
    assert_eq!(condition(&scene, "Available").0, "True");
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut scene = Scene::new();
    scene.create("Deployment", workload("api", json!({"replicas": 2, "progressDeadlineSeconds": 600})));
    scene.settle();
    scene.patch::<Deployment>("api", |it| it.spec.paused = true);
    set_image(&mut scene, "v2");
    scene.patch::<Deployment>("api", |it| it.spec.replicas = Some(3));
    scene.settle();
    assert_eq!(images(&scene), BTreeMap::from([("v1".into(), 3)]));
    assert_eq!(condition(&scene, "Progressing").1, "DeploymentPaused");
    scene.patch::<Deployment>("api", |it| it.spec.paused = false);
    scene.settle();
    assert_eq!(images(&scene)["v2"], 3);
}

#[test]
fn scaling_in_the_middle_of_a_rollout_is_proportional() {
    let mut scene = Scene::new();
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}});
    scene.create("Deployment", workload("api", json!({"replicas": 10, "strategy": strategy})));
    scene.settle();
    scene.faults.never_ready.borrow_mut().insert("v2".into());
    set_image(&mut scene, "v2");
    scene.settle();
    // The example of the Kubernetes documentation ("Proportional scaling").
    assert_eq!((images(&scene)["v1"], images(&scene)["v2"]), (8, 5));
    scene.patch::<Deployment>("api", |it| it.spec.replicas = Some(15));
    scene.settle();
    assert_eq!((images(&scene)["v1"], images(&scene)["v2"]), (11, 7));
}

#[test]
fn old_replica_sets_beyond_the_limit_are_deleted() {
    let mut scene = Scene::new();
    scene.create("Deployment", workload("api", json!({"replicas": 1, "revisionHistoryLimit": 1})));
    for image in ["v2", "v3", "v4"] {
        scene.settle();
        set_image(&mut scene, image);
    }
    scene.settle();
    let left: Vec<String> = images(&scene).into_keys().collect();
    assert_eq!(left, ["v3", "v4"]);
}
