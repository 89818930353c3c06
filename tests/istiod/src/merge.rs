//! What injection changed, laid over the whole pod: the model reads a part of its fields only.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Container, Pod};
use serde_json::{Map, Value, json};

/// Volumes of Istio's templates that are more than an empty directory.
fn source(volume: &str) -> Value {
    match volume {
        "istio-token" => json!({"projected": {"sources": [{"serviceAccountToken": {
            "audience": "istio-ca", "expirationSeconds": 43200, "path": "istio-token",
        }}]}}),
        "istiod-ca-cert" => json!({"configMap": {"name": "istio-ca-root-cert"}}),
        "istio-podinfo" => json!({"downwardAPI": {"items": [
            {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
            {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}},
        ]}}),
        "istio-ca-crl" => json!({"configMap": {"name": "istio-ca-crl", "optional": true}}),
        "istio-envoy" => json!({"emptyDir": {"medium": "Memory"}}),
        _ => json!({"emptyDir": {}}),
    }
}

/// The whole pod with what injection changed; `None` where it cannot be written.
pub(crate) fn merged(raw: &Value, before: &Pod, after: &Pod) -> Option<Value> {
    let mut pod = raw.clone();
    let metadata = pod.get_mut("metadata")?.as_object_mut()?;
    metadata.insert("labels".to_owned(), json!(after.metadata.labels));
    metadata.insert("annotations".to_owned(), json!(after.metadata.annotations));
    let known = Known::of(raw, before)?;
    let spec = pod.get_mut("spec")?.as_object_mut()?;
    spec.insert("containers".to_owned(), known.all(&after.spec.containers)?);
    spec.insert("initContainers".to_owned(), known.all(&after.spec.init_containers)?);
    let volumes: Vec<Value> = after.spec.volumes.iter().map(|volume| known.volume(&volume.name)).collect();
    spec.insert("volumes".to_owned(), Value::Array(volumes));
    Some(pod)
}

/// What the pod brought, by name.
struct Known {
    containers: BTreeMap<String, (Value, Map<String, Value>)>,
    volumes: BTreeMap<String, Value>,
}

impl Known {
    fn of(raw: &Value, before: &Pod) -> Option<Self> {
        let modelled: BTreeMap<&str, &Container> =
            before.spec.all_containers().map(|container| (container.name.as_str(), container)).collect();
        let mut containers = BTreeMap::new();
        for container in ["initContainers", "containers"].iter().flat_map(|list| listed(raw, list)) {
            let name = name(container);
            if let Some(modelled) = modelled.get(name.as_str()) {
                containers.insert(name, (container.clone(), fields(modelled)?));
            }
        }
        let volumes = listed(raw, "volumes").map(|volume| (name(volume), volume.clone())).collect();
        Some(Self { containers, volumes })
    }

    fn all(&self, after: &[Container]) -> Option<Value> {
        let all: Option<Vec<Value>> = after.iter().map(|container| self.container(container)).collect();
        Some(Value::Array(all?))
    }

    /// Fields that injection changed replace the pod's own; the others stay.
    fn container(&self, after: &Container) -> Option<Value> {
        let after_fields = fields(after)?;
        let Some((raw, before_fields)) = self.containers.get(&after.name) else {
            return Some(Value::Object(after_fields));
        };
        let mut container = raw.as_object()?.clone();
        for field in before_fields.keys().filter(|field| !after_fields.contains_key(*field)) {
            container.remove(field);
        }
        for (field, value) in
            after_fields.into_iter().filter(|(field, value)| before_fields.get(field) != Some(value))
        {
            container.insert(field, value);
        }
        Some(Value::Object(container))
    }

    fn volume(&self, name: &str) -> Value {
        self.volumes.get(name).cloned().unwrap_or_else(|| {
            let mut volume = source(name);
            volume["name"] = json!(name);
            volume
        })
    }
}

fn listed<'a>(pod: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array).into_iter().flatten()
}

fn name(value: &Value) -> String {
    value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn fields(container: &Container) -> Option<Map<String, Value>> {
    match serde_json::to_value(container).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}
