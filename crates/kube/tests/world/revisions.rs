//! Revisions and tags: groups of objects, written by server-side apply.

use kube::api::{Patch, PatchParams};
use meshlift_kube::Installable;
use meshlift_model::effect::{Change, Failure, Observation, Query, RevisionView};
use meshlift_model::k8s::{MutatingWebhookConfiguration, Object, Resource, Service};
use meshlift_model::names::ObjectRef;
use meshlift_snapshot::{fixtures, manifest_documents, parse_manifest};
use serde_json::{Value, json};

use crate::managers;
use crate::scene::{Scene, deployment};

const INJECTOR: &str = "istio-sidecar-injector-7-7-7";
const MANIFEST: &str = include_str!("manifest.yaml");

fn installable() -> Installable {
    let manifest = parse_manifest(MANIFEST, "manifest.yaml").unwrap();
    let documents = manifest_documents(MANIFEST, "manifest.yaml").unwrap();
    Installable { manifest, documents }
}

fn revision(scene: &mut Scene) -> RevisionView {
    match scene.ask(Query::Revision { revision: "7-7-7".into() }) {
        Observation::Revision { revision: Some(view) } => view,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn a_revision_is_installed_and_can_be_installed_again(scene: &mut Scene) {
    let given = installable();
    let digest = given.manifest.digest.clone();
    let group = ObjectRef::cluster("Revision", "7-7-7");
    let install = Change::InstallRevision { manifest_digest: digest.clone(), replicas_min: 2 };
    let nothing = scene.write(group.clone(), install.clone());
    assert!(
        matches!(&nothing, Err(Failure::Unsupported { message }) if message.contains("--manifest")),
        "{nothing:?}"
    );
    scene.give(given);
    let other = Change::InstallRevision { manifest_digest: "another".to_owned(), replicas_min: 2 };
    assert!(matches!(scene.write(group.clone(), other), Err(Failure::Unsupported { .. })));
    let crds = ObjectRef::cluster("CustomResourceDefinition", "istio.io");
    let apply = Change::ApplyCrds { manifest_digest: digest };
    managers::crds_are_taken_from_installers_and_not_from_controllers(scene, &crds, &apply);
    for _ in 0..2 {
        assert_eq!(scene.write(crds.clone(), apply.clone()), Ok(vec![]));
    }
    assert!(scene.get("CustomResourceDefinition", "sieves.example.istio.io").is_some());
    managers::what_is_there_already_is_not_overwritten(scene, &group, &install);
    assert_eq!(scene.write(group.clone(), install.clone()), Ok(vec![]));
    assert_eq!(scene.field("Deployment", "istiod-7-7-7", "/spec/replicas"), 2);
    assert_eq!(scene.field("HorizontalPodAutoscaler", "istiod-7-7-7", "/spec/minReplicas"), 2);
    let labels = scene.field("Service", "istiod-7-7-7", "/metadata/labels");
    assert_eq!(
        (&labels["istio.io/rev"], &labels["operator.istio.io/managed"]),
        (&json!("7-7-7"), &json!("Reconcile"))
    );
    // What meshlift does not read is written whole, and so are kinds that it does not know.
    let context = "/spec/template/spec/securityContext/runAsUser";
    assert_eq!(scene.field("Deployment", "istiod-7-7-7", context), 1337);
    let request =
        http::Request::get("/apis/networking.k8s.io/v1/namespaces/install/networkpolicies/istiod-7-7-7");
    let found = scene.connection.client().request::<Value>(request.body(vec![]).unwrap());
    assert_eq!(scene.connection.wait(found).unwrap()["spec"]["policyTypes"], json!(["Ingress"]));
    assert_eq!(scene.get("ServiceAccount", "istio-reader-service-account"), None, "shared: left as it is");
    // An istiod writes its certificate, an autoscaler scales: installing again leaves both.
    let certificate = json!({"webhooks": [{"name": "rev.namespace.sidecar-injector.istio.io", "clientConfig": {"caBundle": "Y2E="}}]});
    scene.patch("MutatingWebhookConfiguration", INJECTOR, &certificate);
    scene.patch("Deployment", "istiod-7-7-7", &json!({"spec": {"replicas": 3}}));
    assert_eq!(scene.write(group, install), Ok(vec![]));
    let bundle = "/webhooks/0/clientConfig/caBundle";
    assert_eq!(scene.field("MutatingWebhookConfiguration", INJECTOR, bundle), "Y2E=");
    assert_eq!(scene.field("Deployment", "istiod-7-7-7", "/spec/replicas"), 3);
    scene.until("Deployment", "istiod-7-7-7", |view| view.rolled_out);
    let view = revision(scene);
    assert_eq!((view.ready, view.replicas, view.version.clone()), (3, 3, None), "{view:?}");
    assert!(view.root_ca.is_some() && view.other_root_cas.is_empty(), "{view:?}");
    // Nothing of it is left for other scenarios, which ask all istiods of the cluster.
    scene.write(scene.at("MutatingWebhookConfiguration", INJECTOR), Change::Delete).unwrap();
    scene.write(scene.at("Deployment", "istiod-7-7-7"), Change::Replicas { replicas: 0 }).unwrap();
    scene.until("Deployment", "istiod-7-7-7", |view| view.rolled_out && view.pods.is_empty());
}

fn golden(tag: &str) -> Vec<Value> {
    let text = match tag {
        "default" => include_str!("../../../twin/tests/golden/tag-default-1.30.3.yaml"),
        _ => include_str!("../../../twin/tests/golden/tag-prod-stable-1.30.3.yaml"),
    };
    manifest_documents(text, tag).unwrap()
}

/// Every field of the golden object is there and equal, but certificates and ports that istioctl leaves at 0.
fn assert_contains(live: &Value, golden: &Value, place: &str) {
    match golden {
        Value::Object(fields) => {
            for (key, wanted) in fields {
                let skipped = key == "caBundle" || (key == "targetPort" && *wanted == json!(0));
                if !skipped {
                    assert_contains(live.get(key).unwrap_or(&Value::Null), wanted, &format!("{place}.{key}"));
                }
            }
        }
        Value::Array(items) => {
            assert_eq!(live.as_array().map(Vec::len), Some(items.len()), "{place}: {live}");
            for (index, wanted) in items.iter().enumerate() {
                assert_contains(&live[index], wanted, &format!("{place}[{index}]"));
            }
        }
        wanted => assert_eq!(live, wanted, "{place}"),
    }
}

fn at<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap()
}

/// The revision's own injector and Service, as they were recorded.
fn create_revision(scene: &Scene) {
    let objects = fixtures::cluster("canary-installed").unwrap().objects;
    let injector =
        objects.mutating_webhooks.iter().find(|one| one.metadata.name == "istio-sidecar-injector-1-30-3");
    let service = objects.services.iter().find(|one| one.metadata.name == "istiod-1-30-3");
    for object in [injector.unwrap().clone().into_object(), service.unwrap().clone().into_object()] {
        let mut value = Object::to_value(&object).unwrap();
        for webhook in value.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
            webhook["admissionReviewVersions"] = json!(["v1"]);
        }
        if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("clusterIP");
        }
        for key in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
            value["metadata"].as_object_mut().unwrap().remove(key);
        }
        scene.create(object.info().kind, &value);
    }
}

pub(crate) fn a_tag_is_what_istioctl_would_have_written(scene: &mut Scene) {
    let own = std::mem::replace(&mut scene.namespace, "istio-system".to_owned());
    scene.create("Namespace", &json!({"metadata": {"name": "istio-system"}}));
    let group = |tag: &str| ObjectRef::cluster("RevisionTag", tag);
    let missing = scene.write(group("prod-stable"), Change::SetTag { revision: "1-30-3".into() });
    assert!(matches!(missing, Err(Failure::NotFound { .. })), "{missing:?}");
    create_revision(scene);
    for tag in ["prod-stable", "default"] {
        for _ in 0..2 {
            let set = Change::SetTag { revision: "1-30-3".into() };
            assert_eq!(scene.write(group(tag), set), Ok(vec![]));
        }
        for wanted in golden(tag) {
            let live = scene.get(at(&wanted, "/kind"), at(&wanted, "/metadata/name")).unwrap();
            assert_contains(&live, &wanted, at(&wanted, "/metadata/name"));
            assert_eq!(live["metadata"]["labels"], wanted["metadata"]["labels"]);
            if at(&wanted, "/kind") == MutatingWebhookConfiguration::KIND {
                let own = scene.field(
                    "MutatingWebhookConfiguration",
                    "istio-sidecar-injector-1-30-3",
                    "/webhooks/0/clientConfig/caBundle",
                );
                assert_eq!(live["webhooks"][0]["clientConfig"]["caBundle"], own);
            }
        }
    }
    // Nobody answers: a pod that is due is refused aloud.
    let labels = json!({"metadata": {"labels": {"istio.io/rev": "prod-stable"}}});
    scene.patch("Namespace", &own, &labels);
    scene.namespace.clone_from(&own);
    scene.create("Deployment", &deployment("x", 0, &json!({})));
    let workloads = vec![scene.at("Deployment", "x")];
    let Observation::DryRun { proofs } = scene.ask(Query::DryRun { namespace: own, workloads, count: 1 })
    else {
        panic!("another answer")
    };
    let refused = proofs[0].refused.clone().unwrap();
    assert!(refused.contains("failed calling webhook") && proofs[0].revision.is_none(), "{refused}");
    scene.namespace = "istio-system".to_owned();
    for (tag, count) in [("default", 3), ("prod-stable", 2)] {
        let stored = scene.write(group(tag), Change::RemoveTag).unwrap();
        assert_eq!(stored.len(), count);
        assert_eq!(scene.ask(Query::Stored { object: group(tag) }), Observation::Stored { objects: vec![] });
        assert_eq!(scene.write(group(tag), Change::RemoveTag), Ok(vec![]), "removing twice is removing once");
        for object in stored {
            scene.write(group(tag), Change::Restore { stored: object }).unwrap();
        }
        let Observation::Stored { objects } = scene.ask(Query::Stored { object: group(tag) }) else {
            panic!("another answer")
        };
        assert_eq!(objects.len(), count);
        scene.write(group(tag), Change::RemoveTag).unwrap();
    }
    scene
        .write(scene.at("MutatingWebhookConfiguration", "istio-sidecar-injector-1-30-3"), Change::Delete)
        .unwrap();
    scene.write(scene.at(Service::KIND, "istiod-1-30-3"), Change::Delete).unwrap();
}

impl Scene {
    /// A patch by somebody else.
    pub(crate) fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let params = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
        let api = self.api(&self.at(kind, name));
        self.connection.wait(api.patch(name, &params, &Patch::Strategic(patch))).unwrap();
    }
}
