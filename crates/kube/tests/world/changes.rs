//! Changes of single objects, their undo, and what they were made for.

use meshlift_model::defaults::RESTARTED_AT;
use meshlift_model::effect::{Change, Failure, Write};
use serde_json::{Value, json};

use crate::scene::{RUNS, Scene, deployment, restart, stateful_set};

fn labels(labels: &[(&str, Option<&str>)]) -> Change {
    let owned = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
    Change::Labels { labels: labels.iter().map(owned).collect() }
}

pub(crate) fn labels_change_in_one_patch_and_only_on_the_object_they_were_made_for(scene: &mut Scene) {
    let name = scene.namespace.clone();
    let namespace = scene.at("Namespace", &name);
    scene
        .write(namespace.clone(), labels(&[("istio-injection", Some("enabled")), ("team", Some("a"))]))
        .unwrap();
    let before = scene.get("Namespace", &name).unwrap();
    let text = |pointer: &str| before.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let move_it = Write {
        target: namespace.clone(),
        uid: text("/metadata/uid"),
        resource_version: text("/metadata/resourceVersion"),
        change: labels(&[("istio-injection", None), ("istio.io/rev", Some("1-30-3"))]),
    };
    assert_eq!(scene.bound(move_it.clone()), Ok(vec![]));
    let after = scene.field("Namespace", &name, "/metadata/labels");
    assert_eq!((&after["istio-injection"], &after["istio.io/rev"]), (&Value::Null, &json!("1-30-3")));
    assert_eq!(after["team"], "a");
    let managers = scene.field("Namespace", &name, "/metadata/managedFields");
    let ours = |one: &&Value| one["manager"] == "meshlift";
    assert!(managers.as_array().unwrap().iter().any(|one| ours(&one)), "{managers}");
    // Somebody wrote in between (we did): the same write is refused now, and so is one for another object.
    let stale = scene.bound(move_it.clone());
    assert!(matches!(stale, Err(Failure::Conflict { .. })), "{stale:?}");
    let other =
        Write { uid: Some("11111111-2222-3333-4444-555555555555".into()), resource_version: None, ..move_it };
    let refused = scene.bound(other);
    assert!(matches!(refused, Err(Failure::Conflict { .. })), "{refused:?}");
}

/// Kind, pointer to the field, change, value after it, undo, value after that.
type Case = (&'static str, String, Change, Value, Change, Value);

/// One object of each kind that changes are for.
fn create_all(scene: &Scene) {
    scene.create("Deployment", &deployment("x", 2, &json!({})));
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    scene.create("StatefulSet", &stateful_set("x", 1, &rolling));
    let mut daemon_set = deployment("x", 1, &json!({}));
    daemon_set["spec"].as_object_mut().unwrap().remove("replicas");
    scene.create("DaemonSet", &daemon_set);
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"});
    let hpa = json!({"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5});
    scene.create("HorizontalPodAutoscaler", &json!({"metadata": {"name": "x"}, "spec": hpa}));
    scene.create(
        "ResourceQuota",
        &json!({"metadata": {"name": "x"}, "spec": {"hard": {"pods": "20", "secrets": "9"}}}),
    );
}

fn cases() -> Vec<Case> {
    let annotation = format!("/spec/template/metadata/annotations/{}", RESTARTED_AT.replace('/', "~1"));
    let unmarked = || Change::TemplateAnnotation { key: RESTARTED_AT.to_owned(), value: None };
    let limits = |unavailable: &str, surge: &str| Change::Strategy {
        max_unavailable: unavailable.to_owned(),
        max_surge: surge.to_owned(),
    };
    let quota = |hard: &str| Change::Quota { resource: "pods".to_owned(), hard: hard.to_owned() };
    let mut cases: Vec<Case> = vec![
        (
            "Deployment",
            "/spec/replicas".into(),
            Change::Replicas { replicas: 3 },
            json!(3),
            Change::Replicas { replicas: 2 },
            json!(2),
        ),
        (
            "StatefulSet",
            "/spec/replicas".into(),
            Change::Replicas { replicas: 2 },
            json!(2),
            Change::Replicas { replicas: 1 },
            json!(1),
        ),
        (
            "HorizontalPodAutoscaler",
            "/spec/minReplicas".into(),
            Change::AutoscalerMin { replicas: 4 },
            json!(4),
            Change::AutoscalerMin { replicas: 2 },
            json!(2),
        ),
        (
            "StatefulSet",
            "/spec/updateStrategy/rollingUpdate/partition".into(),
            Change::Partition { partition: 0 },
            json!(0),
            Change::Partition { partition: 2 },
            json!(2),
        ),
        (
            "Deployment",
            "/spec/strategy/rollingUpdate".into(),
            limits("1", "0"),
            json!({"maxUnavailable": 1, "maxSurge": 0}),
            limits("25%", "25%"),
            json!({"maxUnavailable": "25%", "maxSurge": "25%"}),
        ),
        (
            "ResourceQuota",
            "/spec/hard".into(),
            quota("30"),
            json!({"pods": "30", "secrets": "9"}),
            quota("20"),
            json!({"pods": "20", "secrets": "9"}),
        ),
    ];
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        cases.push((kind, annotation.clone(), restart("now"), json!("now"), unmarked(), Value::Null));
    }
    cases
}

pub(crate) fn every_change_can_be_done_twice_and_taken_back(scene: &mut Scene) {
    create_all(scene);
    for (kind, pointer, change, after, undo, before) in cases() {
        for (change, expected) in [(change, after), (undo, before)] {
            for _ in 0..2 {
                assert_eq!(scene.write(scene.at(kind, "x"), change.clone()), Ok(vec![]), "{kind} {change:?}");
                assert_eq!(scene.field(kind, "x", &pointer), expected, "{kind} {change:?}");
            }
        }
    }
}

pub(crate) fn a_change_that_does_not_fit_is_refused(scene: &mut Scene) {
    scene.create("ConfigMap", &json!({"metadata": {"name": "x"}}));
    let scaled = scene.write(scene.at("ConfigMap", "x"), Change::Replicas { replicas: 1 });
    assert!(matches!(scaled, Err(Failure::Refused { .. })), "{scaled:?}");
    let missing = scene.write(scene.at("Deployment", "nobody"), Change::Replicas { replicas: 1 });
    assert!(matches!(missing, Err(Failure::NotFound { .. })), "{missing:?}");
    scene.create("Deployment", &deployment("x", 1, &json!({})));
    let negative = scene.write(scene.at("Deployment", "x"), Change::Replicas { replicas: -1 });
    assert!(matches!(negative, Err(Failure::Refused { .. })), "{negative:?}");
    let unknown = scene.write(scene.at("Volcano", "x"), Change::Delete);
    assert!(matches!(unknown, Err(Failure::Unsupported { .. })), "{unknown:?}");
}

pub(crate) fn an_object_is_deleted_once_and_restored_once(scene: &mut Scene) {
    let service = json!({
        "metadata": {"name": "x", "labels": {"team": "a"}},
        "spec": {"ports": [{"port": 80, "appProtocol": "http"}], "selector": {"app": "x"}},
    });
    scene.create("Service", &service);
    let target = scene.at("Service", "x");
    let other = Write {
        target: target.clone(),
        uid: Some("11111111-2222-3333-4444-555555555555".into()),
        resource_version: None,
        change: Change::Delete,
    };
    let refused = scene.bound(other);
    assert!(matches!(refused, Err(Failure::Conflict { .. })), "{refused:?}");
    let stored = scene.write(target.clone(), Change::Delete).unwrap();
    assert_eq!(scene.get("Service", "x"), None);
    assert_eq!(scene.write(target.clone(), Change::Delete), Ok(vec![]), "deleting twice is deleting once");
    for _ in 0..2 {
        let restored = scene.write(target.clone(), Change::Restore { stored: stored[0].clone() });
        assert_eq!(restored, Ok(vec![]));
    }
    // Also what meshlift does not read is back.
    assert_eq!(scene.field("Service", "x", "/spec/ports/0/appProtocol"), "http");
    assert_eq!(scene.field("Service", "x", "/metadata/labels/team"), "a");
}

pub(crate) fn nothing_is_written_while_a_person_holds_every_run(scene: &mut Scene) {
    scene.create("Deployment", &deployment("x", 1, &json!({})));
    let hold = |scene: &Scene, why: Value| {
        scene.patch("Namespace", RUNS, &json!({"metadata": {"annotations": {"meshlift.dev/hold": why}}}));
    };
    hold(scene, "change freeze".into());
    let held = scene.write(scene.at("Deployment", "x"), restart("2026-01-01T00:00:00Z"));
    let Err(Failure::OnHold { message }) = held else { panic!("{held:?}") };
    assert!(message.contains("change freeze") && message.contains("meshlift resume --run test"), "{message}");
    assert_eq!(scene.field("Deployment", "x", "/metadata/annotations/meshlift.dev~1run"), json!(null));
    hold(scene, Value::Null);
    assert_eq!(scene.write(scene.at("Deployment", "x"), restart("2026-01-01T00:00:00Z")), Ok(vec![]));
    assert_eq!(scene.field("Deployment", "x", "/metadata/annotations/meshlift.dev~1run"), "test");
}
