//! What people and tools write, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use meshlift_model::defaults::RESTARTED_AT;
use meshlift_model::k8s::{
    ControllerRevision, EndpointSlice, HorizontalPodAutoscaler, Job, Object, ObjectMeta, Objects, Pod,
    ReplicaSet, Resource,
};
use meshlift_model::names::ObjectRef;
use serde_json::Value;

/// Kinds that controllers derive: compared by their meaning, where a controller made them.
const DERIVED: [&str; 5] =
    [Pod::KIND, ReplicaSet::KIND, ControllerRevision::KIND, EndpointSlice::KIND, Job::KIND];
/// Counts rollouts: the Deployment controller writes it, as it writes status.
const ROLLOUT_COUNT: &str = "deployment.kubernetes.io/revision";
/// Metadata that the API server writes.
const SERVER_SIDE: [&str; 4] = ["uid", "resourceVersion", "generation", "creationTimestamp"];

/// Differences by object, in words.
pub(super) fn differences(reference: &Objects, end: &Objects) -> BTreeMap<ObjectRef, Vec<String>> {
    let (before, after, bounds) = (by_name(reference), by_name(end), bounds(reference));
    let names: BTreeSet<&ObjectRef> = before.keys().chain(after.keys()).collect();
    let mut found = BTreeMap::new();
    for name in names {
        let differences = match (before.get(name), after.get(name)) {
            (Some(_), None) => vec!["is gone".to_owned()],
            (None, Some(_)) => vec!["is left over".to_owned()],
            (Some(before), Some(after)) => compare(before, after, bounds.get(name)),
            (None, None) => continue,
        };
        if !differences.is_empty() {
            found.insert(name.clone(), differences);
        }
    }
    found
}

fn by_name(objects: &Objects) -> BTreeMap<ObjectRef, Object> {
    let by_name = |object: Object| {
        let (kind, meta) = (object.info().kind, object.meta());
        (ObjectRef::new(kind, &meta.namespace, &meta.name), object)
    };
    objects.to_vec().into_iter().filter(|object| !is_derived(object)).map(by_name).collect()
}

fn is_derived(object: &Object) -> bool {
    DERIVED.contains(&object.info().kind) && object.meta().controller().is_some()
}

/// Replicas between which an autoscaler keeps its target.
pub(super) type Bounds = RangeInclusive<i64>;

/// What autoscalers scale, and how far.
pub(super) fn bounds(objects: &Objects) -> BTreeMap<ObjectRef, Bounds> {
    let bounds = |autoscaler: &HorizontalPodAutoscaler| {
        let (spec, namespace) = (&autoscaler.spec, &autoscaler.metadata.namespace);
        let target = ObjectRef::new(&spec.scale_target_ref.kind, namespace, &spec.scale_target_ref.name);
        (target, i64::from(spec.min_replicas.unwrap_or(1))..=i64::from(spec.max_replicas))
    };
    objects.autoscalers.iter().map(bounds).collect()
}

fn compare(before: &Object, after: &Object, bounds: Option<&Bounds>) -> Vec<String> {
    let is_new = uid(before) != uid(after);
    let (mut before, mut after) = (stripped(before, is_new), stripped(after, is_new));
    let replicas = after.pointer("/spec/replicas").and_then(Value::as_i64);
    if replicas.zip(bounds).is_some_and(|(replicas, bounds)| bounds.contains(&replicas)) {
        remove(&mut before, "/spec", &["replicas"]);
        remove(&mut after, "/spec", &["replicas"]);
    }
    let mut found = Vec::new();
    walk("", &before, &after, &mut found);
    found
}

fn uid(object: &Object) -> &str {
    let meta: &ObjectMeta = object.meta();
    &meta.uid
}

/// The object without what may differ.
fn stripped(object: &Object, is_new: bool) -> Value {
    let mut value = object.to_value().unwrap_or_default();
    remove(&mut value, "", &["status"]);
    remove(&mut value, "/metadata", &SERVER_SIDE);
    remove(&mut value, "/metadata/annotations", &[ROLLOUT_COUNT]);
    remove(&mut value, "/spec/template/metadata/annotations", &[RESTARTED_AT]);
    for owner in list(&mut value, "/metadata/ownerReferences") {
        remove(owner, "", &["uid"]);
    }
    if is_new {
        remove(&mut value, "/spec", &["clusterIP"]);
        for webhook in list(&mut value, "/webhooks") {
            remove(webhook, "/clientConfig", &["caBundle"]);
        }
    }
    if object.info().kind == Pod::KIND {
        // Where a pod runs, the scheduler says.
        remove(&mut value, "/spec", &["nodeName"]);
    }
    value
}

fn remove(value: &mut Value, pointer: &str, keys: &[&str]) {
    if let Some(map) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        keys.iter().for_each(|key| drop(map.remove(*key)));
    }
}

fn list<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    value.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Names each place where two values differ. Absent, null and empty are the same.
fn walk(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                walk(&join(key), &of(old), &of(new), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (place, (old, new)) in old.iter().zip(new).enumerate() {
                walk(&join(&place.to_string()), old, new, found);
            }
        }
        _ if before == after || (is_nothing(before) && is_nothing(after)) => {}
        _ => found.push(format!("{path} is {}, was {}", words(after), words(before))),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn words(value: &Value) -> String {
    if is_nothing(value) { "absent".to_owned() } else { value.to_string() }
}
