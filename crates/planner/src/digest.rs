//! Digests of plans and intents: SHA-256 over canonical JSON, so that neither the order of keys nor the
//! layout of a file counts.

use meshlift_model::intent::Intent;
use meshlift_model::plan::Plan;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Digest of a plan: over everything in it but the digest itself, hex.
#[must_use]
pub fn plan_digest(plan: &Plan) -> String {
    let mut plan = plan.clone();
    plan.digest.clear();
    digest(&plan)
}

/// Digest of an intent, hex.
#[must_use]
pub fn intent_digest(intent: &Intent) -> String {
    digest(intent)
}

fn digest<T: Serialize>(value: &T) -> String {
    // Serialization of these types cannot fail; a null would only give a digest that fits nothing.
    let value = serde_json::to_value(value).unwrap_or_default();
    let mut text = String::new();
    canonical(&value, &mut text);
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Canonical JSON: keys sorted, no white space. Sorted here, because whether `serde_json` does it depends on
/// features that any crate of the build may turn on.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                canonical(item, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_has_sorted_keys_and_escapes() {
        let value = serde_json::json!({"b": [1, null, true], "a": {"z\"": "ü\n", "y": 2}});
        let mut text = String::new();
        canonical(&value, &mut text);
        assert_eq!(text, r#"{"a":{"y":2,"z\"":"ü\n"},"b":[1,null,true]}"#);
    }

    #[test]
    fn every_field_of_an_intent_counts() {
        let intent = Intent::default();
        let mut other = intent.clone();
        other.order.last.push("a".into());
        assert_ne!(intent_digest(&intent), intent_digest(&other));
        assert_eq!(intent_digest(&intent).len(), 64);
    }
}
