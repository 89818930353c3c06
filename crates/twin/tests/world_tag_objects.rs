//! A tag's objects are those that `istioctl tag generate` writes (tests/golden, without certificates), and those
//! that a cluster stored of them.

use meshlift_model::k8s::{MutatingWebhookConfiguration, Object, Resource, Service};
use meshlift_model::names::RevisionName;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::tag_objects::{TagSource, tag_objects};
use serde_json::Value;

fn generated(tag: &str, version: &str) -> Vec<Object> {
    let text = match (tag, version) {
        ("default", "1.29.6") => include_str!("golden/tag-default-1.29.6.yaml"),
        ("default", "1.30.3") => include_str!("golden/tag-default-1.30.3.yaml"),
        ("prod-stable", "1.29.6") => include_str!("golden/tag-prod-stable-1.29.6.yaml"),
        ("prod-stable", "1.30.3") => include_str!("golden/tag-prod-stable-1.30.3.yaml"),
        _ => "",
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    documents
        .into_iter()
        .filter(|document| document.is_object())
        .map(|document| {
            let kind = document["kind"].as_str().expect("a kind").to_owned();
            Object::from_value(&kind, document).expect("a known kind").expect("its shape")
        })
        .collect()
}

fn built(snapshot: &Snapshot, tag: &str, revision: &str) -> Vec<Object> {
    let objects = &snapshot.objects;
    let revision = RevisionName::from(revision);
    let injector_name = format!("istio-sidecar-injector-{revision}");
    let service_name = format!("istiod-{revision}");
    let injector = objects.mutating_webhooks.iter().find(|one| one.metadata.name == injector_name);
    let service = objects.services.iter().find(|one| one.metadata.name == service_name);
    let source = TagSource {
        revision: &revision,
        injector: injector.expect("an injector"),
        service: service.expect("a Service"),
    };
    tag_objects(&tag.into(), &source)
}

/// Without what is not generated: certificates, and ports that istioctl leaves at 0.
fn comparable(mut objects: Vec<Object>) -> Vec<Object> {
    for object in &mut objects {
        match object {
            Object::MutatingWebhookConfiguration(configuration) => {
                configuration.webhooks.iter_mut().for_each(|webhook| webhook.client_config.ca_bundle.clear());
            }
            Object::ValidatingWebhookConfiguration(configuration) => {
                configuration.webhooks.iter_mut().for_each(|webhook| webhook.client_config.ca_bundle.clear());
            }
            Object::Service(service) => {
                for port in &mut service.spec.ports {
                    if port.target_port == 0.into_port() {
                        port.target_port = port.port.into_port();
                    }
                }
            }
            other => assert_eq!(other.info().kind, "an object of a tag"),
        }
    }
    objects.sort_by_key(|object| object.info().kind);
    objects
}

trait IntoPort {
    fn into_port(self) -> meshlift_model::k8s::IntOrString;
}

impl IntoPort for i32 {
    fn into_port(self) -> meshlift_model::k8s::IntOrString {
        meshlift_model::k8s::IntOrString::Int(self)
    }
}

#[test]
fn tags_are_built_as_istioctl_generates_them() {
    let snapshot = meshlift_snapshot::fixtures::cluster("canary-installed").unwrap();
    for tag in ["default", "prod-stable"] {
        for version in ["1.29.6", "1.30.3"] {
            let revision = version.replace('.', "-");
            assert_eq!(
                comparable(built(&snapshot, tag, &revision)),
                comparable(generated(tag, version)),
                "{tag} for {version}"
            );
        }
    }
}

#[test]
fn a_built_tag_carries_the_certificate_and_no_mark_of_the_installer() {
    let snapshot = meshlift_snapshot::fixtures::cluster("canary-installed").unwrap();
    let objects = built(&snapshot, "default", "1-30-3");
    let webhooks = objects.iter().find_map(MutatingWebhookConfiguration::from_object).unwrap();
    assert!(webhooks.webhooks.iter().all(|webhook| !webhook.client_config.ca_bundle.is_empty()));
    assert!(
        objects.iter().all(|object| object
            .meta()
            .labels
            .keys()
            .all(|key| !key.contains("operator.istio.io")))
    );
    let service = objects.iter().find_map(Service::from_object).unwrap();
    assert_eq!(service.metadata.label("istio.io/tag"), Some("default"));
}
