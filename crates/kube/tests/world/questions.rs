//! Questions about what is there, what is not, and who follows what.

use meshlift_model::effect::{Change, Effect, Observation, Query};
use meshlift_model::journal::{Command, InputEvent};
use meshlift_model::k8s::Resource;
use meshlift_ports::WorldPort;
use serde_json::{Value, json};

use crate::scene::{Scene, deployment, template};

fn consumers(scene: &mut Scene, query: Query) -> Vec<String> {
    match scene.ask(query) {
        Observation::Consumers { consumers, unknown } => {
            assert_eq!(unknown, Vec::<String>::new());
            consumers
        }
        other => panic!("{other:?}"),
    }
}

/// The injector of a revision or of a tag, as far as it selects pods by their own label.
fn injector(name: &str, revision: &str, tag: Option<&str>) -> Value {
    let selects = tag.unwrap_or(revision);
    let mut labels = json!({"istio.io/rev": revision, "app": "sidecar-injector"});
    if let Some(tag) = tag {
        labels["istio.io/tag"] = json!(tag);
    }
    json!({
        "metadata": {"name": name, "labels": labels},
        "webhooks": [{
            "name": "rev.object.sidecar-injector.istio.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "clientConfig": {"service": {"name": "nobody", "namespace": "follows", "path": "/inject"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "namespaceSelector": {"matchExpressions": [{"key": "istio.io/rev", "operator": "DoesNotExist"}]},
            "objectSelector": {"matchExpressions": [{"key": "istio.io/rev", "operator": "In", "values": [selects]}]},
        }],
    })
}

pub(crate) fn followers_and_consumers_are_found(scene: &mut Scene) {
    scene.create(
        "Namespace",
        &json!({"metadata": {"name": "follows-a", "labels": {"istio.io/rev": "stable"}}}),
    );
    let both = json!({"istio.io/rev": "stable", "istio-injection": "disabled"});
    scene.create("Namespace", &json!({"metadata": {"name": "follows-b", "labels": both}}));
    scene.create(
        "MutatingWebhookConfiguration",
        &injector("istio-revision-tag-stable", "9-9-9", Some("stable")),
    );
    let mut edi = deployment("edi", 1, &json!({}));
    edi["spec"]["template"]["metadata"]["labels"]["istio.io/rev"] = json!("stable");
    scene.create("Deployment", &edi);
    let mut pod = template("old", &json!({"istio.io/rev": "9-9-9"}));
    pod["metadata"]["name"] = json!("old");
    scene.create("Pod", &pod);
    let found = consumers(scene, Query::Followers { tag: "stable".into() });
    assert_eq!(found, ["Deployment/follows/edi (pod template)", "Namespace/follows-a (istio.io/rev=stable)"]);
    let found = consumers(scene, Query::Consumers { revision: "9-9-9".into() });
    let by_tag = |who: &str| format!("{who} by tag stable");
    assert_eq!(
        found,
        [
            by_tag("Deployment/follows/edi (pod template)"),
            by_tag("Namespace/follows-a (istio.io/rev=stable)"),
            "Pod/follows/old (annotation)".to_owned(),
        ]
    );
    let Observation::Tag { webhook, service } = scene.ask(Query::Tag { tag: "stable".into() }) else {
        panic!("another answer")
    };
    assert_eq!((webhook, service), (Some("9-9-9".into()), None));
    // An istiod that runs and cannot be asked: nothing is proven.
    let mut istiod = template("istiod", &json!({}));
    istiod["metadata"]["name"] = json!("istiod-9-9-9-x");
    istiod["spec"]["containers"] = json!([{"name": "discovery", "image": "pilot:9.9.9",
        "env": [{"name": "REVISION", "value": "9-9-9"}]}]);
    scene.create("Pod", &istiod);
    scene.until("Pod", "istiod-9-9-9-x", |view| view.rolled_out);
    let Observation::Consumers { unknown, .. } = scene.ask(Query::Consumers { revision: "9-9-9".into() })
    else {
        panic!("another answer")
    };
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(unknown.iter().all(|why| why.starts_with("istiod/istiod-9-9-9-x/")), "{unknown:?}");
    assert!(unknown[0].contains("port-forward"), "{unknown:?}");
    scene.write(scene.at("Pod", "istiod-9-9-9-x"), Change::Delete).unwrap();
    scene
        .write(scene.at("MutatingWebhookConfiguration", "istio-revision-tag-stable"), Change::Delete)
        .unwrap();
}

pub(crate) fn a_census_sees_what_moved(scene: &mut Scene) {
    scene.create("Deployment", &deployment("x", 2, &json!({"istio.io/rev": "1-29-6"})));
    scene.until("Deployment", "x", |view| view.rolled_out);
    let census = |scene: &mut Scene| match scene.ask(Query::Census) {
        Observation::Census { pods, digest } => (pods, digest),
        other => panic!("{other:?}"),
    };
    let first = census(scene);
    scene.write(scene.at("Deployment", "x"), Change::Replicas { replicas: 3 }).unwrap();
    scene.until("Deployment", "x", |view| view.rolled_out && view.pods.len() == 3);
    let scaled = census(scene);
    assert_eq!(
        (scaled.0, &scaled.1),
        (first.0 + 1, &first.1),
        "another pod on the same revision moved nothing"
    );
    let change =
        Change::TemplateAnnotation { key: "istio.io/rev".to_owned(), value: Some("1-30-3".to_owned()) };
    scene.write(scene.at("Deployment", "x"), change).unwrap();
    scene.until("Deployment", "x", |view| view.rolled_out);
    assert_ne!(census(scene).1, first.1);
}

pub(crate) fn what_is_not_there_is_said(scene: &mut Scene) {
    assert_eq!(scene.workload("Deployment", "nobody"), None);
    for kind in ["Deployment", "Gateway"] {
        let object = scene.at(kind, "nobody");
        assert_eq!(scene.ask(Query::Object { object: object.clone() }), Observation::Object { object: None });
        assert_eq!(scene.ask(Query::Stored { object }), Observation::Stored { objects: vec![] });
    }
    let revision = scene.ask(Query::Revision { revision: "8-8-8".into() });
    assert_eq!(revision, Observation::Revision { revision: None });
    let workloads = vec![scene.at("Deployment", "nobody")];
    let namespace = scene.namespace.clone();
    let Observation::DryRun { proofs } = scene.ask(Query::DryRun { namespace, workloads, count: 1 }) else {
        panic!("another answer")
    };
    assert!(proofs[0].refused.is_some() && proofs[0].revision.is_none());
    let name = scene.namespace.clone();
    let object = scene.at("Namespace", &name);
    let Observation::Object { object: Some(found) } = scene.ask(Query::Object { object }) else {
        panic!("another answer")
    };
    assert_eq!(found.meta().name, name);
    assert_eq!(found.info().kind, meshlift_model::k8s::Namespace::KIND);
}

pub(crate) fn commands_arrive_in_between(scene: &mut Scene) {
    let tick = scene.world.next(None);
    assert_eq!(tick.event, InputEvent::Tick, "nothing is under way and nobody can say anything");
    let commands = scene.world.commands();
    assert!(commands.send(Command::Pause));
    assert_eq!(scene.world.next(None).event, InputEvent::Command(Command::Pause));
    scene.world.submit(3, &Effect::Read(Query::Census));
    let outcome = scene.world.next(None).event;
    assert!(matches!(outcome, InputEvent::Outcome { effect: 3, .. }), "{outcome:?}");
    let until = scene.world.now().plus_millis(50);
    let later = scene.world.next(Some(until));
    assert_eq!(later.event, InputEvent::Tick);
    assert!(later.at >= until);
}
