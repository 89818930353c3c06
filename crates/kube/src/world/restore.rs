//! Objects as they are kept, and as they are created again.

use meshlift_model::injection::{self, OVERRIDES};
use meshlift_model::k8s::{Container, KINDS, Pod};
use meshlift_model::names::ObjectRef;
use serde_json::{Map, Value, json};

/// Metadata that the API server writes.
const WRITTEN_BY_THE_API_SERVER: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "generateName",
];
/// Fields of a pod that were decided for the pod that is gone.
const POD_FIELDS: [&str; 2] = ["nodeName", "ephemeralContainers"];
/// Addresses of a Service: a new one gets new ones, unless it is headless.
const ADDRESSES: [&str; 2] = ["clusterIP", "clusterIPs"];
/// Probes of a container.
const PROBES: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];

/// An object as it is kept: all but the bookkeeping of who wrote which field.
pub(super) fn kept(object: Value) -> Value {
    let mut object = object;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// What a stored object is. Two kinds are called `Gateway`: their group tells them apart.
pub(super) fn reference(stored: &Value) -> Option<ObjectRef> {
    let text = |pointer: &str| stored.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, group) = (text("/kind"), text("/apiVersion").split('/').next().unwrap_or_default());
    let info = KINDS.iter().find(|info| {
        info.wire_kind() == kind && info.api_version.split('/').next().is_some_and(|own| own == group)
    });
    let kind = info.map_or(kind, |info| info.kind);
    let name = text("/metadata/name");
    let named = !kind.is_empty() && !name.is_empty();
    named.then(|| ObjectRef::new(kind, text("/metadata/namespace"), name))
}

/// A stored object as it can be created: without what the API server and the kubelet wrote.
#[must_use]
pub fn fresh(stored: &Value) -> Value {
    let mut object = stored.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    let is_pod = object.get("kind").and_then(Value::as_str) == Some("Pod");
    if let Some(metadata) = fields(&mut object, "metadata") {
        metadata.retain(|key, _| !WRITTEN_BY_THE_API_SERVER.contains(&key.as_str()));
    }
    if let Some(spec) = fields(&mut object, "spec") {
        let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
        spec.retain(|key, _| {
            let of_pod = is_pod && POD_FIELDS.contains(&key.as_str());
            let address = !headless && ADDRESSES.contains(&key.as_str());
            !of_pod && !address
        });
    }
    object
}

fn fields<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(key).and_then(Value::as_object_mut)
}

/// A bare pod as it can be created anew, without what injection added. `pod` is the same, read.
///
/// Fields that meshlift does not read stay as they are; the rest follows [`injection::strip`].
pub(super) fn without_injection(raw: &Value, pod: &Pod) -> Value {
    let stripped = injection::strip(pod);
    let mut object = fresh(raw);
    if let Some(metadata) = fields(&mut object, "metadata") {
        metadata.insert("labels".to_owned(), json!(stripped.metadata.labels));
        metadata.insert("annotations".to_owned(), json!(stripped.metadata.annotations));
    }
    let told: Value = pod
        .metadata
        .annotation(OVERRIDES)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    if let Some(spec) = fields(&mut object, "spec") {
        let lists =
            [("initContainers", &stripped.spec.init_containers), ("containers", &stripped.spec.containers)];
        for (key, kept) in lists {
            // What the pod itself said of the proxy's container stands in an annotation, whole.
            let told = told.get(key).and_then(Value::as_array);
            containers(spec, key, kept, told.map_or(&[][..], Vec::as_slice));
        }
        let volumes: Vec<&str> = stripped.spec.volumes.iter().map(|volume| volume.name.as_str()).collect();
        keep_named(spec, "volumes", &volumes);
    }
    object
}

/// The containers that are kept, with their own probes; those of the annotation as it says.
fn containers(spec: &mut Map<String, Value>, key: &str, kept: &[Container], told: &[Value]) {
    let name = |container: &Value| container.get("name").and_then(Value::as_str).map(str::to_owned);
    let raw: Vec<Value> = spec.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut containers: Vec<Value> = Vec::new();
    for container in kept {
        let is_it = |one: &&Value| name(one).as_deref() == Some(container.name.as_str());
        if let Some(own) = told.iter().find(is_it) {
            let mut own = own.clone();
            let no_image = own.get("image").and_then(Value::as_str).is_none_or(str::is_empty);
            if let Some(fields) = own.as_object_mut().filter(|_| no_image) {
                fields.insert("image".to_owned(), json!("auto"));
            }
            containers.push(own);
        } else if let Some(own) = raw.iter().find(is_it) {
            containers.push(with_probes(own.clone(), container));
        }
    }
    if containers.is_empty() {
        spec.remove(key);
    } else {
        spec.insert(key.to_owned(), Value::Array(containers));
    }
}

/// A container whose probes ask whom they asked before injection; thresholds and periods stay.
fn with_probes(mut raw: Value, own: &Container) -> Value {
    let own = serde_json::to_value(own).unwrap_or_default();
    for key in PROBES {
        let (Some(probe), Some(told)) = (raw.get_mut(key).and_then(Value::as_object_mut), own.get(key))
        else {
            continue;
        };
        for handler in ["httpGet", "tcpSocket", "grpc"] {
            match told.get(handler).filter(|handler| !handler.is_null()) {
                // What meshlift does not read of a handler (headers, host) is where it was.
                Some(told) => {
                    let mut merged = probe.get(handler).cloned().unwrap_or_default();
                    meshlift_views::patch::merge(&mut merged, told);
                    probe.insert(handler.to_owned(), merged);
                }
                None => drop(probe.remove(handler)),
            }
        }
    }
    raw
}

/// Keeps the entries of a list that have one of these names.
fn keep_named(spec: &mut Map<String, Value>, key: &str, names: &[&str]) {
    if let Some(list) = spec.get_mut(key).and_then(Value::as_array_mut) {
        list.retain(|entry| {
            entry.get("name").and_then(Value::as_str).is_some_and(|name| names.contains(&name))
        });
    }
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{IstioGateway, Object, Resource};

    use super::*;

    #[test]
    fn every_recorded_pod_comes_out_as_its_owner_wrote_it() {
        let pods = meshlift_snapshot::demo().unwrap().objects.pods;
        let injected: Vec<&Pod> = pods.iter().filter(|pod| injection::status_of(pod).is_some()).collect();
        assert!(injected.len() > 100);
        for pod in injected {
            let raw = Object::Pod(pod.clone()).to_value().unwrap();
            let made: Pod = serde_json::from_value(without_injection(&raw, pod)).unwrap();
            let stripped = injection::strip(pod);
            assert_eq!(made.metadata.labels, stripped.metadata.labels, "{}", pod.object_ref());
            assert_eq!(made.metadata.annotations, stripped.metadata.annotations, "{}", pod.object_ref());
            let mut spec = stripped.spec;
            spec.node_name.clear();
            assert_eq!(made.spec, spec, "{}", pod.object_ref());
        }
    }

    #[test]
    fn a_stored_gateway_is_known_by_its_group() {
        let of = |version: &str| {
            reference(&json!({"apiVersion": version, "kind": "Gateway",
            "metadata": {"name": "x", "namespace": "y"}}))
        };
        let kind = |version: &str| of(version).unwrap().kind.clone();
        assert_eq!(kind("networking.istio.io/v1"), IstioGateway::KIND);
        assert_eq!(kind("gateway.networking.k8s.io/v1"), "Gateway");
        assert_eq!(reference(&json!({"kind": "Service"})), None);
    }
}
