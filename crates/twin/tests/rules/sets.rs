//! StatefulSets and DaemonSets.

use meshlift_model::k8s::{DaemonSet, Node, Pod, Resource, StatefulSet};
use meshlift_twin::DeleteOptions;
use serde_json::json;

use crate::scene::{Scene, target, template, workload};

/// Images of the pods, by name.
fn images(scene: &Scene) -> Vec<(String, String)> {
    let pods = scene.list::<Pod>().into_iter();
    pods.map(|pod| (pod.metadata.name.clone(), pod.spec.containers[0].image.clone())).collect()
}

fn count(scene: &Scene, image: &str) -> usize {
    images(scene).iter().filter(|(_, found)| found == image).count()
}

fn set_image(scene: &mut Scene, image: &str) {
    let fresh = serde_json::from_value(template("db", image)).expect("a template");
    scene.patch::<StatefulSet>("db", |it| it.spec.template = fresh);
}

fn roll_daemons(scene: &mut Scene, image: &str) {
    let fresh = serde_json::from_value(template("agent", image)).expect("a template");
    scene.patch::<DaemonSet>("agent", |it| it.spec.template = fresh);
}

#[test]
fn ordered_pods_come_one_by_one_and_roll_from_the_highest() {
    let mut scene = Scene::new();
    scene.create("StatefulSet", workload("db", json!({"replicas": 3})));
    scene.pass(2);
    assert_eq!(scene.list::<Pod>().len(), 1);
    scene.settle();
    assert_eq!(scene.ready(), 3);
    set_image(&mut scene, "v2");
    let end = scene.twin.now().plus_seconds(600);
    let mut orders = Vec::new();
    while scene.twin.step(end) {
        assert!(scene.ready() >= 2, "one at a time");
        let moved: Vec<String> =
            images(&scene).into_iter().filter(|(_, image)| image == "v2").map(|(name, _)| name).collect();
        if orders.last() != Some(&moved) {
            orders.push(moved);
        }
    }
    let names = |ordinals: &[u32]| ordinals.iter().map(|ordinal| format!("db-{ordinal}")).collect::<Vec<_>>();
    assert_eq!(orders, [names(&[]), names(&[2]), names(&[1, 2]), names(&[0, 1, 2])]);
    let status = &scene.get::<StatefulSet>("db").status;
    assert_eq!((status.current_replicas, &status.current_revision), (3, &status.update_revision));
}

/// The least pods that were ready while a set of these words rolled.
fn least_ready(words: serde_json::Value) -> usize {
    let mut scene = Scene::new();
    scene.create("StatefulSet", workload("db", words));
    scene.settle();
    set_image(&mut scene, "v2");
    let end = scene.twin.now().plus_seconds(600);
    let mut least = scene.ready();
    while scene.twin.step(end) {
        least = least.min(scene.ready());
    }
    assert_eq!(scene.ready(), count(&scene, "v2"), "all are of the new template");
    least
}

#[test]
fn as_many_pods_go_at_once_as_may_be_missing() {
    for policy in ["OrderedReady", "Parallel"] {
        let least = |missing: serde_json::Value| {
            let limits = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": missing}});
            least_ready(json!({"replicas": 5, "podManagementPolicy": policy, "updateStrategy": limits}))
        };
        assert_eq!([json!(1), json!(2), json!("50%"), json!("10%")].map(least), [4, 3, 3, 4], "{policy}");
        let recreate = json!({"type": "Recreate"});
        let words = json!({"replicas": 3, "podManagementPolicy": policy, "updateStrategy": recreate});
        assert_eq!(least_ready(words), 0, "{policy}");
    }
}

#[test]
fn a_pod_that_never_gets_ready_blocks_and_its_deletion_cures() {
    let mut scene = Scene::new();
    scene.create("StatefulSet", workload("db", json!({"replicas": 3})));
    scene.settle();
    scene.faults.never_ready.borrow_mut().insert("v2".into());
    set_image(&mut scene, "v2");
    scene.settle();
    set_image(&mut scene, "v1");
    scene.settle();
    assert_eq!((scene.ready(), count(&scene, "v2")), (2, 1), "it does not roll back past the broken pod");
    let broken = target(Pod::KIND, "db-2");
    scene.twin.cluster.delete(&broken, &DeleteOptions::default()).unwrap();
    scene.settle();
    assert_eq!((scene.ready(), count(&scene, "v1")), (3, 3));
}

#[test]
fn parallel_pods_come_at_once_and_scale_down_from_the_highest() {
    let mut scene = Scene::new();
    scene.create("StatefulSet", workload("db", json!({"replicas": 3, "podManagementPolicy": "Parallel"})));
    scene.pass(1);
    assert_eq!(scene.list::<Pod>().len(), 3);
    scene.settle();
    scene.patch::<StatefulSet>("db", |it| it.spec.replicas = Some(1));
    scene.settle();
    assert_eq!(images(&scene), [("db-0".to_owned(), "v1".to_owned())]);
}

#[test]
fn on_delete_and_partition_leave_pods_where_they_are() {
    for (strategy, moved) in [
        (json!({"type": "OnDelete"}), 0),
        (json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}), 1),
    ] {
        let mut scene = Scene::new();
        scene.create("StatefulSet", workload("db", json!({"replicas": 3, "updateStrategy": strategy})));
        scene.settle();
        set_image(&mut scene, "v2");
        scene.settle();
        assert_eq!(count(&scene, "v2"), moved, "{strategy}");
        scene.twin.cluster.delete(&target(Pod::KIND, "db-0"), &DeleteOptions::default()).unwrap();
        scene.settle();
        // A deleted pod comes back new with OnDelete, and old below the partition.
        assert_eq!(count(&scene, "v2"), 1, "{strategy}");
    }
}

#[test]
fn claims_are_made_once_per_pod() {
    let mut scene = Scene::new();
    let claims = json!([{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]);
    scene.create("StatefulSet", workload("db", json!({"replicas": 2, "volumeClaimTemplates": claims})));
    scene.settle();
    let claims = scene.list::<meshlift_model::k8s::PersistentVolumeClaim>();
    let names: Vec<&str> = claims.iter().map(|claim| claim.metadata.name.as_str()).collect();
    assert_eq!(names, ["data-db-0", "data-db-1"]);
}

#[test]
fn daemons_roll_within_their_limits() {
    for (rolling, least, most) in [
        (json!({"maxUnavailable": 1, "maxSurge": 0}), 2, 3),
        (json!({"maxUnavailable": 0, "maxSurge": 1}), 3, 4),
    ] {
        let mut scene = Scene::new();
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
        scene.create(
            "DaemonSet",
            workload("agent", json!({"updateStrategy": strategy, "minReadySeconds": 5})),
        );
        scene.settle();
        assert_eq!(scene.ready(), 3);
        roll_daemons(&mut scene, "v2");
        let end = scene.twin.now().plus_seconds(600);
        while scene.twin.step(end) {
            let live =
                scene.list::<Pod>().iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).count();
            assert!(
                live <= most && scene.ready() >= least,
                "{rolling}: {live} live, {} ready",
                scene.ready()
            );
        }
        assert_eq!((count(&scene, "v1"), count(&scene, "v2")), (0, 3));
        let status = &scene.get::<DaemonSet>("agent").status;
        assert_eq!(
            (status.updated_number_scheduled, status.number_available, status.number_unavailable),
            (3, 3, 0)
        );
    }
}

#[test]
fn on_delete_daemons_wait_and_new_nodes_get_one() {
    let mut scene = Scene::new();
    scene.create("DaemonSet", workload("agent", json!({"updateStrategy": {"type": "OnDelete"}})));
    scene.settle();
    roll_daemons(&mut scene, "v2");
    scene.settle();
    assert_eq!(count(&scene, "v2"), 0);
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "node-4"}})).unwrap();
    scene.twin.cluster.store.create(node).unwrap();
    let first = scene.list::<Pod>()[0].object_ref();
    scene.twin.cluster.delete(&first, &DeleteOptions::default()).unwrap();
    scene.settle();
    assert_eq!((count(&scene, "v1"), count(&scene, "v2")), (2, 2));
    let taint = json!({"taints": [{"key": "dedicated", "effect": "NoSchedule"}]});
    let node = json!({"metadata": {"name": "node-5"}, "spec": taint});
    scene.twin.cluster.store.create::<Node>(serde_json::from_value(node).unwrap()).unwrap();
    scene.settle();
    assert_eq!(
        scene.get::<DaemonSet>("agent").status.desired_number_scheduled,
        4,
        "the taint is not tolerated"
    );
}
