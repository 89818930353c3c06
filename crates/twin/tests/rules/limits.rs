//! What limits pods: quota, budgets, autoscalers, room on nodes.

use meshlift_model::k8s::{
    Deployment, HorizontalPodAutoscaler, Node, Pod, PodDisruptionBudget, Resource, ResourceQuota,
};
use meshlift_twin::{ApiError, DeleteOptions};
use serde_json::json;

use crate::scene::{SHOP, Scene, workload};

#[test]
fn a_full_quota_stops_pods_and_a_raised_one_lets_them_come_after_the_back_off() {
    let mut scene = Scene::new();
    scene.create("ResourceQuota", json!({"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "2"}}}));
    scene.pass(1);
    scene.create("Deployment", workload("api", json!({"replicas": 3})));
    scene.settle();
    assert_eq!(scene.ready(), 2);
    let deployment = scene.get::<Deployment>("api");
    let failure = deployment.status.conditions.iter().find(|it| it.type_ == "ReplicaFailure").unwrap();
    assert_eq!(failure.reason, "FailedCreate");
    assert!(
        failure.message.ends_with("exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2")
    );
    scene.patch::<ResourceQuota>("pods", |it| drop(it.spec.hard.insert("pods".into(), "5".into())));
    scene.pass(1);
    assert_eq!(scene.ready(), 2, "nobody tells the ReplicaSet controller");
    scene.pass(1000);
    assert_eq!(scene.ready(), 3);
    assert_eq!(scene.get::<ResourceQuota>("pods").status.used.get("pods").map(String::as_str), Some("3"));
    assert!(scene.get::<Deployment>("api").status.conditions.iter().all(|it| it.type_ != "ReplicaFailure"));
}

#[test]
fn a_quota_of_requests_wants_them_said_and_counts_them() {
    let mut scene = Scene::new();
    scene.create(
        "ResourceQuota",
        json!({"metadata": {"name": "cpu"}, "spec": {"hard": {"requests.cpu": "1"}}}),
    );
    scene.pass(1);
    let pod = |name: &str, cpu: Option<&str>| -> Pod {
        let requests = cpu.map(|cpu| json!({"cpu": cpu})).unwrap_or(json!({}));
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": SHOP},
            "spec": {"containers": [{"name": "app", "image": "v1", "resources": {"requests": requests}}]}
        }))
        .unwrap()
    };
    let refused = scene.twin.cluster.create_pod(pod("a", None)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "pods \"a\" is forbidden: failed quota: cpu: must specify requests.cpu for: app"
    );
    scene.twin.cluster.create_pod(pod("a", Some("600m"))).unwrap();
    let refused = scene.twin.cluster.dry_run_pod(pod("b", Some("500m"))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "pods \"b\" is forbidden: exceeded quota: cpu, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    );
    scene.twin.cluster.dry_run_pod(pod("b", Some("400m"))).unwrap();
    assert!(scene.twin.cluster.store.get::<Pod>(SHOP, "b").is_none());
}

fn evict(scene: &mut Scene) -> Result<(), ApiError> {
    let stays = |pod: &&&Pod| pod.metadata.deletion_timestamp.is_none();
    let name = scene.list::<Pod>().iter().find(stays).expect("a pod").metadata.name.clone();
    scene.twin.cluster.evict(SHOP, &name, &DeleteOptions::default())
}

#[test]
fn a_budget_stops_evictions_and_nothing_else() {
    let mut scene = Scene::new();
    scene.create("Deployment", workload("api", json!({"replicas": 3})));
    let selector = json!({"matchLabels": {"app": "api"}});
    scene.create(
        "PodDisruptionBudget",
        json!({"metadata": {"name": "api"}, "spec": {"minAvailable": "50%", "selector": selector}}),
    );
    scene.settle();
    let status = &scene.get::<PodDisruptionBudget>("api").status;
    assert_eq!((status.expected_pods, status.desired_healthy, status.current_healthy), (3, 2, 3));
    evict(&mut scene).unwrap();
    assert!(matches!(evict(&mut scene), Err(ApiError::DisruptionBudget { .. })));
    scene.settle();
    assert_eq!((scene.ready(), scene.get::<PodDisruptionBudget>("api").status.disruptions_allowed), (3, 1));
    let first = scene.list::<Pod>()[0].object_ref();
    scene.twin.cluster.delete(&first, &DeleteOptions::default()).unwrap();
}

#[test]
fn a_budget_without_a_known_controller_allows_nothing() {
    let mut scene = Scene::new();
    let selector = json!({"matchLabels": {"app": "agent"}});
    scene.create("DaemonSet", workload("agent", json!({})));
    scene.create(
        "PodDisruptionBudget",
        json!({"metadata": {"name": "agent"}, "spec": {"maxUnavailable": 1, "selector": selector}}),
    );
    scene.settle();
    let status = &scene.get::<PodDisruptionBudget>("agent").status;
    assert_eq!((status.disruptions_allowed, status.conditions[0].reason.as_str()), (0, "SyncFailed"));
    assert!(evict(&mut scene).is_err());
}

#[test]
fn an_autoscaler_keeps_its_target_within_its_bounds() {
    let mut scene = Scene::new();
    scene.create("Deployment", workload("api", json!({"replicas": 3})));
    let reference = json!({"kind": "Deployment", "name": "api", "apiVersion": "apps/v1"});
    scene.create("HorizontalPodAutoscaler", json!({"metadata": {"name": "api"}, "spec": {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 6}}));
    scene.settle();
    assert_eq!(scene.ready(), 3, "without metrics it holds what is there");
    scene.patch::<HorizontalPodAutoscaler>("api", |it| it.spec.min_replicas = Some(5));
    scene.settle();
    assert_eq!(scene.ready(), 5);
    scene.patch::<HorizontalPodAutoscaler>("api", |it| {
        (it.spec.min_replicas, it.spec.max_replicas) = (Some(1), 4)
    });
    scene.settle();
    assert_eq!(scene.ready(), 4);
    scene.patch::<Deployment>("api", |it| it.spec.replicas = Some(0));
    scene.settle();
    assert_eq!(scene.ready(), 0, "a target at zero is left alone");
}

#[test]
fn a_pod_waits_for_room_and_takes_it() {
    let mut scene = Scene::new();
    let mut api = workload("api", json!({"replicas": 4}));
    api["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "5"}});
    scene.create("Deployment", api);
    scene.settle();
    let waiting =
        |scene: &Scene| scene.list::<Pod>().iter().filter(|pod| pod.spec.node_name.is_empty()).count();
    assert_eq!((scene.ready(), waiting(&scene)), (3, 1));
    let node = json!({"metadata": {"name": "node-4"}, "status": {"allocatable": {"cpu": "8"}}});
    scene.twin.cluster.store.create::<Node>(serde_json::from_value(node).unwrap()).unwrap();
    scene.settle();
    assert_eq!((scene.ready(), waiting(&scene)), (4, 0));
}

#[test]
fn a_cordoned_node_gets_no_pod() {
    let mut scene = Scene::new();
    for number in 1..=2 {
        scene
            .twin
            .cluster
            .store
            .patch::<Node>("", &format!("node-{number}"), |it| it.spec.unschedulable = true)
            .unwrap();
    }
    scene.create("Deployment", workload("api", json!({"replicas": 3})));
    scene.settle();
    assert!(scene.list::<Pod>().iter().all(|pod| pod.spec.node_name == "node-3" && pod.is_ready()));
}
