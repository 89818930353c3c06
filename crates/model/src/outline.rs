//! Outlines of configuration: which fields an object has, without the words in them. A definition of another version is
//! held against them.

use serde_json::{Map, Value};

/// Group whose definitions come with a control plane.
const GROUP: &str = "istio.io";
/// Fields whose contents belong to others (filters, plugins): definitions take whatever is in them.
const FREE: [&str; 2] = ["pluginConfig", "value"];

/// True for kinds of which outlines are kept, by their API version: `networking.istio.io/v1`.
#[must_use]
pub fn has_outline(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.strip_suffix(GROUP).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The outline of an object's `spec`: its fields, numbers and lists as they are; texts are empty, so nothing of them can
/// be told, and so is what only a filter or plugin understands.
#[must_use]
pub fn outline(spec: &Value) -> Value {
    match spec {
        Value::String(_) => Value::String(String::new()),
        Value::Array(items) => items.iter().map(outline).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let free = value.is_object() && FREE.contains(&name.as_str());
                    (name.clone(), if free { Value::Object(Map::new()) } else { outline(value) })
                })
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => spec.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_word_of_a_value_is_kept() {
        let spec = json!({
            "host": "pay.example", "port": 15, "on": true, "none": null, "hosts": ["a", "b"],
            "pluginConfig": {"key": "secret"},
            "match": [{"value": "x", "patch": {"value": {"deep": {"token": "secret"}}}}],
        });
        let wanted = json!({
            "host": "", "port": 15, "on": true, "none": null, "hosts": ["", ""],
            "pluginConfig": {},
            "match": [{"value": "", "patch": {"value": {}}}],
        });
        assert_eq!(outline(&spec), wanted);
    }

    #[test]
    fn only_kinds_of_istio_have_one() {
        assert!(has_outline("networking.istio.io/v1") && has_outline("install.istio.io/v1alpha1"));
        assert!(!has_outline("v1") && !has_outline("apps/v1") && !has_outline("x.notistio.io/v1"));
    }
}
