//! Rollouts as the engine sees them, from real controllers.

use meshlift_cluster::{READY_AFTER, STAYS};
use meshlift_model::effect::{Change, Write};
use serde_json::json;

use crate::scene::{Scene, deployment, restart, stateful_set};

pub(crate) fn a_rollout_is_seen_from_its_start_to_its_end(scene: &mut Scene) {
    let mut object = deployment("x", 3, &json!({READY_AFTER: "1s"}));
    object["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    scene.create("Deployment", &object);
    let before = scene.until("Deployment", "x", |view| view.rolled_out);
    assert_eq!((before.replicas, before.restarted_at.as_deref()), (3, None));
    assert!(before.pods.iter().all(|pod| pod.updated && pod.ready_since.is_some() && !pod.terminating));
    let write = Write {
        target: scene.at("Deployment", "x"),
        uid: Some(before.uid.clone()),
        resource_version: Some(before.resource_version.clone()),
        change: restart("2026-01-01T00:00:00Z"),
    };
    scene.bound(write).unwrap();
    let rolling = scene.until("Deployment", "x", |view| {
        view.pods.iter().any(|pod| pod.updated) && view.pods.iter().any(|pod| !pod.updated)
    });
    assert!(!rolling.rolled_out);
    assert_eq!(rolling.generation, before.generation + 1);
    let ready = rolling.pods.iter().filter(|pod| pod.ready_since.is_some()).count();
    assert!(ready >= 3, "no pod may be missing: {rolling:#?}");
    let after = scene.until("Deployment", "x", |view| view.rolled_out);
    assert_eq!(after.observed_generation, after.generation);
    assert_eq!(after.restarted_at.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(after.template_digest, before.template_digest, "a restart is no other template");
    let new: Vec<_> = after.pods.iter().filter(|pod| !pod.terminating).collect();
    assert!(new.len() == 3 && new.iter().all(|pod| pod.updated && pod.ready_since.is_some()), "{after:#?}");
    assert!(new.iter().all(|pod| before.pods.iter().all(|old| old.uid != pod.uid)));
    // Undo: the former value of the annotation brings the old ReplicaSet back.
    let key = meshlift_model::defaults::RESTARTED_AT.to_owned();
    scene.write(scene.at("Deployment", "x"), Change::TemplateAnnotation { key, value: None }).unwrap();
    scene.until("Deployment", "x", |view| view.rolled_out && view.restarted_at.is_none());
}

pub(crate) fn a_rollout_that_never_gets_ready_says_why(scene: &mut Scene) {
    let mut object = deployment("x", 2, &json!({}));
    object["spec"]["progressDeadlineSeconds"] = json!(3);
    scene.create("Deployment", &object);
    scene.until("Deployment", "x", |view| view.rolled_out);
    let key = STAYS.to_owned();
    let change = Change::TemplateAnnotation { key: key.clone(), value: Some("unready".to_owned()) };
    scene.write(scene.at("Deployment", "x"), change).unwrap();
    let stuck = scene.until("Deployment", "x", |view| view.trouble.is_some());
    assert!(stuck.trouble.as_ref().is_some_and(|words| words.starts_with("ProgressDeadlineExceeded")));
    assert!(!stuck.rolled_out);
    let new: Vec<_> = stuck.pods.iter().filter(|pod| pod.updated).collect();
    assert!(!new.is_empty() && new.iter().all(|pod| pod.ready_since.is_none()), "{stuck:#?}");
    assert!(stuck.pods.iter().filter(|pod| pod.ready_since.is_some()).count() >= 1, "old pods serve on");
    let undo = Change::TemplateAnnotation { key, value: None };
    scene.write(scene.at("Deployment", "x"), undo).unwrap();
    let back = scene.until("Deployment", "x", |view| view.rolled_out);
    assert_eq!(back.trouble, None);
}

pub(crate) fn a_partition_keeps_pods_back_until_it_is_moved(scene: &mut Scene) {
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    scene.create("StatefulSet", &stateful_set("x", 3, &rolling));
    scene.until("StatefulSet", "x", |view| view.pods.len() == 3 && view.rolled_out);
    scene.write(scene.at("StatefulSet", "x"), restart("now")).unwrap();
    let part = scene.until("StatefulSet", "x", |view| {
        view.rolled_out && view.pods.iter().filter(|pod| pod.updated && !pod.terminating).count() == 2
    });
    let old: Vec<&str> = part.pods.iter().filter(|pod| !pod.updated).map(|pod| pod.name.as_str()).collect();
    assert_eq!(old, ["x-0"]);
    scene.write(scene.at("StatefulSet", "x"), Change::Partition { partition: 0 }).unwrap();
    let whole = scene.until("StatefulSet", "x", |view| {
        view.rolled_out && view.pods.iter().all(|pod| pod.updated && pod.ready_since.is_some())
    });
    assert_eq!(whole.pods.len(), 3);
    // A pod that never gets ready stops the set, and nothing says so: the pod does.
    let key = STAYS.to_owned();
    let broken = Change::TemplateAnnotation { key: key.clone(), value: Some("unready".to_owned()) };
    scene.write(scene.at("StatefulSet", "x"), broken).unwrap();
    let is_stuck = |pod: &meshlift_model::effect::PodView| pod.updated && pod.ready_since.is_none();
    let stuck = scene.until("StatefulSet", "x", |view| {
        !view.rolled_out && view.pods.iter().any(|pod| pod.name == "x-2" && is_stuck(pod))
    });
    assert!(stuck.pods.iter().filter(|pod| pod.name != "x-2").all(|pod| !pod.updated));
    // Its template taken back, the pod stays until it is deleted: then the set is whole again.
    scene.write(scene.at("StatefulSet", "x"), Change::TemplateAnnotation { key, value: None }).unwrap();
    let uid = stuck.pods.iter().find(|pod| pod.name == "x-2").map(|pod| pod.uid.clone());
    let delete =
        Write { target: scene.at("Pod", "x-2"), uid, resource_version: None, change: Change::Delete };
    scene.bound(delete).unwrap();
    scene.until("StatefulSet", "x", |view| view.rolled_out && view.pods.len() == 3);
}

pub(crate) fn pods_of_an_on_delete_set_move_when_they_are_deleted(scene: &mut Scene) {
    let mut set = deployment("x", 1, &json!({}));
    set["spec"].as_object_mut().unwrap().remove("replicas");
    set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    scene.create("DaemonSet", &set);
    let before = scene.until("DaemonSet", "x", |view| view.rolled_out && view.replicas == 4);
    scene.write(scene.at("DaemonSet", "x"), restart("now")).unwrap();
    let marked = scene.until("DaemonSet", "x", |view| view.pods.iter().all(|pod| !pod.updated));
    assert!(!marked.rolled_out);
    for pod in &before.pods {
        scene.write(scene.at("Pod", &pod.name), Change::Delete).unwrap();
    }
    let after = scene.until("DaemonSet", "x", |view| view.rolled_out);
    assert_eq!(after.pods.iter().filter(|pod| pod.updated && !pod.terminating).count(), 4);
}
