//! Single pods: evicted, refused, made anew.

use meshlift_cluster::STOPS_AFTER;
use meshlift_model::effect::{Change, Failure, Observation, Query};
use serde_json::{Value, json};

use crate::scene::{Scene, deployment, restart};

pub(crate) fn a_budget_holds_an_eviction_back(scene: &mut Scene) {
    scene.create("Deployment", &deployment("x", 2, &json!({})));
    let budget = json!({"minAvailable": 2, "selector": {"matchLabels": {"app": "x"}}});
    scene.create("PodDisruptionBudget", &json!({"metadata": {"name": "x"}, "spec": budget}));
    let view = scene.until("Deployment", "x", |view| view.rolled_out && view.pods.len() == 2);
    let pod = scene.at("Pod", &view.pods[0].name);
    let held = scene.write(pod.clone(), Change::Evict);
    assert!(matches!(held, Err(Failure::Budget { .. })), "{held:?}");
    scene.write(scene.at("PodDisruptionBudget", "x"), Change::Delete).unwrap();
    assert_eq!(scene.write(pod, Change::Evict), Ok(vec![]));
    let uid = view.pods[0].uid.clone();
    let back = scene.until("Deployment", "x", |view| {
        view.rolled_out && view.pods.len() == 2 && view.pods.iter().all(|pod| pod.uid != uid)
    });
    assert_eq!(back.template_digest, view.template_digest);
}

pub(crate) fn a_quota_refuses_in_its_own_words(scene: &mut Scene) {
    scene.create("Deployment", &deployment("x", 1, &json!({})));
    scene.until("Deployment", "x", |view| view.rolled_out);
    scene.create("ResourceQuota", &json!({"metadata": {"name": "x"}, "spec": {"hard": {"pods": "1"}}}));
    let query = |scene: &Scene| Query::DryRun {
        namespace: scene.namespace.clone(),
        workloads: vec![scene.at("Deployment", "x")],
        count: 2,
    };
    let until = meshlift_ports::WorldPort::now(&scene.world).plus_seconds(60);
    // The quota counts only once its controller has looked.
    let words = loop {
        let Observation::DryRun { proofs } = scene.ask(query(scene)) else { panic!("another answer") };
        assert_eq!(proofs.len(), 2);
        assert!(proofs.iter().all(|proof| proof.revision.is_none()));
        if let Some(words) = proofs.iter().find_map(|proof| proof.refused.clone()) {
            break words;
        }
        assert!(meshlift_ports::WorldPort::now(&scene.world) < until, "never refused");
    };
    assert!(words.contains("exceeded quota"), "{words}");
    let bare = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "y", "namespace": scene.namespace},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]}});
    let refused = scene.write(scene.at("Pod", "y"), Change::Restore { stored: bare });
    assert!(
        matches!(&refused, Err(Failure::Refused { message }) if message.contains("exceeded quota")),
        "{refused:?}"
    );
    // A rollout that needs one more pod is stuck, and its controller says so.
    scene.write(scene.at("Deployment", "x"), restart("now")).unwrap();
    let stuck = scene.until("Deployment", "x", |view| view.trouble.is_some());
    assert!(stuck.trouble.as_ref().is_some_and(|words| words.starts_with("ReplicaFailure")), "{stuck:?}");
    assert!(!stuck.rolled_out);
}

/// A pod as an injector would have left it.
fn injected() -> Value {
    let status = json!({"initContainers": ["istio-init", "istio-proxy"], "containers": null,
        "volumes": ["istio-envoy"], "imagePullSecrets": null, "revision": "1-29-6"});
    let probers =
        json!({"/app-health/app/readyz": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}}});
    json!({
        "metadata": {
            "name": "debug-shell",
            "labels": {"app": "shell", "security.istio.io/tlsMode": "istio"},
            "annotations": {
                "sidecar.istio.io/status": status.to_string(), "istio.io/rev": "1-29-6", "owner": "ops", STOPS_AFTER: "1s",
            },
        },
        "spec": {
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "initContainers": [
                {"name": "istio-init", "image": "proxyv2:1.29.6"},
                {"name": "istio-proxy", "image": "proxyv2:1.29.6", "restartPolicy": "Always",
                    "env": [{"name": "ISTIO_KUBE_APP_PROBERS", "value": probers.to_string()}]},
            ],
            "containers": [{
                "name": "app", "image": "shell:1", "workingDir": "/srv",
                "readinessProbe": {"periodSeconds": 7, "httpGet": {"path": "/app-health/app/readyz", "port": 15020,
                    "httpHeaders": [{"name": "x", "value": "y"}]}},
            }],
            "volumes": [{"name": "istio-envoy", "emptyDir": {}}, {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
        },
    })
}

pub(crate) fn a_bare_pod_is_made_anew_without_what_injection_added(scene: &mut Scene) {
    scene.create("Pod", &injected());
    scene.until("Pod", "debug-shell", |view| view.rolled_out);
    let before = scene.get("Pod", "debug-shell").unwrap();
    let target = scene.at("Pod", "debug-shell");
    let stored = scene.write(target.clone(), Change::RecreatePod).unwrap();
    assert_eq!(stored[0].pointer("/metadata/uid"), before.pointer("/metadata/uid"));
    let after = scene.get("Pod", "debug-shell").unwrap();
    assert_ne!(after.pointer("/metadata/uid"), before.pointer("/metadata/uid"));
    let at = |pointer: &str| after.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/metadata/annotations/owner"), "ops");
    assert_eq!(at("/metadata/annotations/istio.io~1rev"), Value::Null);
    assert_eq!(at("/spec/initContainers"), Value::Null);
    assert_eq!(at("/spec/nodeSelector/kubernetes.io~1os"), "linux");
    assert_eq!(at("/spec/containers/0/workingDir"), "/srv");
    let probe = at("/spec/containers/0/readinessProbe");
    assert_eq!((&probe["httpGet"]["path"], &probe["httpGet"]["port"]), (&json!("/ready"), &json!(8080)));
    assert_eq!(
        (&probe["periodSeconds"], &probe["httpGet"]["httpHeaders"][0]["name"]),
        (&json!(7), &json!("x"))
    );
    let volumes = at("/spec/volumes");
    let names: Vec<&str> =
        volumes.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"data") && !names.contains(&"istio-envoy"), "{names:?}");
    // What belongs to a controller is not ours to make.
    scene.create("Deployment", &deployment("x", 1, &json!({})));
    let view = scene.until("Deployment", "x", |view| view.rolled_out);
    let refused = scene.write(scene.at("Pod", &view.pods[0].name), Change::RecreatePod);
    assert!(matches!(refused, Err(Failure::Refused { .. })), "{refused:?}");
    // The undo of our deletion: the pod as it was stored, once.
    scene.write(target.clone(), Change::Delete).unwrap();
    let restore = Change::Restore { stored: stored[0].clone() };
    let until = meshlift_ports::WorldPort::now(&scene.world).plus_seconds(60);
    while let Err(failure) = scene.write(target.clone(), restore.clone()) {
        assert!(matches!(failure, Failure::Conflict { .. }), "{failure}");
        assert!(meshlift_ports::WorldPort::now(&scene.world) < until, "{failure}");
    }
    assert_eq!(scene.write(target, restore), Ok(vec![]));
    assert_eq!(scene.field("Pod", "debug-shell", "/metadata/annotations/istio.io~1rev"), "1-29-6");
}
