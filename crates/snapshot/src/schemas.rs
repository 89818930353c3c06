//! Schemas of definitions, trimmed to what can be told from the outline of an object, and to the rules that cannot.

use meshlift_model::manifest::Schemas;
use meshlift_model::rules::{RULES, VALIDATIONS};
use serde_json::{Map, Value, json};

/// Words of a schema that are kept as they are.
const KEPT: [&str; 11] = [
    "maxItems",
    "maxProperties",
    "maximum",
    "minItems",
    "minProperties",
    "minimum",
    "nullable",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
];

/// Takes the schemas of a definition, one for each version that it has.
pub(crate) fn take_schemas(definition: &Value, schemas: &mut Schemas) {
    let Some(name) = definition.pointer("/metadata/name").and_then(Value::as_str) else { return };
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    for version in versions.into_iter().flatten() {
        let schema = version.pointer("/schema/openAPIV3Schema").map(trimmed);
        if let (Some(version), Some(schema)) = (version.get("name").and_then(Value::as_str), schema) {
            schemas.entry(name.to_owned()).or_default().insert(version.to_owned(), schema);
        }
    }
}

fn trimmed(schema: &Value) -> Value {
    let mut kept = Map::new();
    for (word, value) in schema.as_object().into_iter().flatten() {
        let value = match (word.as_str(), value) {
            ("properties", Value::Object(fields)) => {
                fields.iter().map(|(name, schema)| (name.clone(), trimmed(schema))).collect()
            }
            ("items" | "additionalProperties" | "not", Value::Object(_)) => trimmed(value),
            ("allOf" | "anyOf" | "oneOf", Value::Array(forms)) => forms.iter().map(trimmed).collect(),
            // That there is one is enough.
            ("default", _) => Value::Bool(true),
            ("additionalProperties", _) => value.clone(),
            (word, _) if KEPT.contains(&word) || RULES.contains(&word) => value.clone(),
            (VALIDATIONS, Value::Array(rules)) => rules.iter().map(rule_alone).collect(),
            _ => continue,
        };
        kept.insert(word.clone(), value);
    }
    Value::Object(kept)
}

/// A CEL rule without its messages.
fn rule_alone(validation: &Value) -> Value {
    json!({"rule": validation.get("rule")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_keeps_what_an_outline_can_be_held_against() {
        let definition = json!({"metadata": {"name": "things.istio.io"}, "spec": {"versions": [
            {"name": "v1", "schema": {"openAPIV3Schema": {
                "description": "long", "type": "object", "required": ["spec"],
                "properties": {"spec": {"properties": {
                    "description": {"type": "string", "pattern": "^a"},
                    "mode": {"type": "string", "enum": ["A"]},
                    "many": {"type": "array", "maxItems": 2, "items": {"type": "integer", "default": 3}},
                    "any": {"additionalProperties": true}}}},
                "oneOf": [{"not": {"required": ["a"]}}, {"required": ["a"], "description": "long"}],
                "x-kubernetes-validations": [{"rule": "true", "message": "long"}]}}},
            {"name": "v0"}]}});
        let mut schemas = Schemas::new();
        take_schemas(&definition, &mut schemas);
        let wanted = json!({"things.istio.io": {"v1": {
            "type": "object", "required": ["spec"],
            "properties": {"spec": {"properties": {
                "description": {"type": "string", "pattern": "^a"},
                "mode": {"type": "string", "enum": ["A"]},
                "many": {"type": "array", "maxItems": 2, "items": {"type": "integer", "default": true}},
                "any": {"additionalProperties": true}}}},
            "oneOf": [{"not": {"required": ["a"]}}, {"required": ["a"]}],
            "x-kubernetes-validations": [{"rule": "true"}]}}});
        assert_eq!(serde_json::to_value(schemas).unwrap(), wanted);
    }
}
