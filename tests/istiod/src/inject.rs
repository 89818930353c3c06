//! The admission webhooks: `/inject` and `/validate`.

use meshlift_cluster::STAYS;
use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::time::Time;
use meshlift_twin::Store;
use meshlift_twin::admission::injector::{Answer, Injector};
use meshlift_twin::seed::Seed;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::merge::merged;
use crate::mirror::Mirror;

/// The answer to an `AdmissionReview` that lets the object pass as it is.
pub(crate) fn passes(review: &Value) -> Value {
    answer(review, &json!({"allowed": true}))
}

/// The answer of an istiod's validator: it takes what it was not told to refuse.
pub(crate) fn judged(review: &Value, behaviour: &Behaviour) -> Value {
    let of = |field: &str| {
        review.pointer(&format!("/request/{field}")).and_then(Value::as_str).unwrap_or_default()
    };
    let object = format!("{}/{}/{}", of("kind/kind"), of("namespace"), of("name"));
    match behaviour.refuses_objects.get(&object) {
        Some(words) => answer(review, &json!({"allowed": false, "status": {"message": words}})),
        None => passes(review),
    }
}

/// The answer of an istiod's injector; `None` where the review is none of a pod.
pub(crate) fn injected(
    review: &Value,
    mirror: &Mirror,
    istiod: &Pod,
    behaviour: &Behaviour,
) -> Option<Value> {
    let raw = review.pointer("/request/object")?;
    let mut pod: Pod = serde_json::from_value(raw.clone()).ok()?;
    if pod.metadata.namespace.is_empty() {
        let namespace = review.pointer("/request/namespace").and_then(Value::as_str);
        pod.metadata.namespace = namespace.unwrap_or_default().into();
    }
    let mut store = Store::new(Time::from_millis(0), Seed::new(0));
    for object in mirror.injector_objects(&istiod.metadata.namespace) {
        store.load(object);
    }
    store.load(istiod.clone().into_object());
    let before = pod.clone();
    match Injector::of_istiod(&store, istiod).inject(&store, &mut pod) {
        Answer::Skipped => Some(passes(review)),
        Answer::Injected(_) => {
            let stay = behaviour.injected_pods_stay.iter().map(|how| (STAYS.to_owned(), how.clone()));
            pod.metadata.annotations.extend(stay);
            let operations = patch(&merged(raw, &before, &pod)?);
            let patch = base64(operations.to_string().as_bytes());
            Some(answer(review, &json!({"allowed": true, "patchType": "JSONPatch", "patch": patch})))
        }
    }
}

/// Operations that make the pod what it becomes: whole fields, so that they fit whatever order fields have.
fn patch(pod: &Value) -> Value {
    let parts = [("/metadata/labels", "labels"), ("/metadata/annotations", "annotations")];
    let mut operations: Vec<Value> = parts
        .iter()
        .map(|(path, _)| json!({"op": "add", "path": path, "value": pod.pointer(path).cloned().unwrap_or(json!({}))}))
        .collect();
    operations.push(json!({"op": "replace", "path": "/spec", "value": pod.get("spec")}));
    Value::Array(operations)
}

fn answer(review: &Value, response: &Value) -> Value {
    let mut response = response.clone();
    response["uid"] = review.pointer("/request/uid").cloned().unwrap_or_default();
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}

/// RFC 4648: patches travel as bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
