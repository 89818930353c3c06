//! Garbage collection, and endpoints on the way out.

use meshlift_model::k8s::{Deployment, EndpointSlice, Pod, ReplicaSet, Resource};
use meshlift_twin::{DeleteOptions, Propagation};
use serde_json::json;

use crate::scene::{Scene, target, workload};

fn delete(scene: &mut Scene, propagation: Propagation) {
    let options = DeleteOptions { propagation, ..DeleteOptions::default() };
    scene.twin.cluster.delete(&target(Deployment::KIND, "api"), &options).expect("it is there");
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.create("Deployment", workload("api", json!({"replicas": 2})));
    scene.settle();
    assert_eq!(scene.ready(), 2);
    scene
}

#[test]
fn in_the_background_dependents_follow_their_owner() {
    let mut scene = scene();
    delete(&mut scene, Propagation::Background);
    assert!(scene.list::<Deployment>().is_empty());
    scene.settle();
    assert_eq!((scene.list::<ReplicaSet>().len(), scene.list::<Pod>().len()), (0, 0));
}

#[test]
fn in_the_foreground_dependents_go_first() {
    let mut scene = scene();
    delete(&mut scene, Propagation::Foreground);
    let end = scene.twin.now().plus_seconds(60);
    while scene.twin.step(end) {
        let gone = scene.list::<Deployment>().is_empty();
        assert!(!gone || scene.list::<ReplicaSet>().is_empty());
    }
    assert_eq!((scene.list::<Deployment>().len(), scene.list::<Pod>().len()), (0, 0));
}

#[test]
fn orphans_stay() {
    let mut scene = scene();
    delete(&mut scene, Propagation::Orphan);
    scene.settle();
    assert!(scene.list::<Deployment>().is_empty());
    assert_eq!((scene.list::<ReplicaSet>().len(), scene.ready()), (1, 2));
    assert!(scene.list::<ReplicaSet>()[0].metadata.owner_references.is_empty());
}

#[test]
fn a_pod_on_its_way_out_serves_but_is_not_ready() {
    let mut scene = scene();
    scene.create("Service", json!({"metadata": {"name": "api"}, "spec": {"selector": {"app": "api"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}));
    scene.settle();
    let pod = scene.list::<Pod>()[0].object_ref();
    scene.twin.cluster.delete(&pod, &DeleteOptions::default()).unwrap();
    scene.pass(1);
    let slices = scene.list::<EndpointSlice>();
    assert_eq!((slices.len(), slices[0].ports[0].port), (1, 8080));
    let states: Vec<(Option<bool>, Option<bool>, Option<bool>)> = slices[0]
        .endpoints
        .iter()
        .map(|endpoint| {
            (endpoint.conditions.ready, endpoint.conditions.serving, endpoint.conditions.terminating)
        })
        .collect();
    assert!(states.contains(&(Some(false), Some(true), Some(true))), "{states:?}");
    scene.patch::<Deployment>("api", |it| it.spec.replicas = Some(0));
    scene.settle();
    let slices = scene.list::<EndpointSlice>();
    assert_eq!((slices.len(), slices[0].endpoints.len()), (1, 0), "one stays as a placeholder");
}
