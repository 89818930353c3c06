//! What a definition drops or refuses of an object: its outline, held against the structural schema
//! (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>).
//! Texts are not in an outline: enums, patterns and CEL rules are not judged.

use serde_json::Value;

/// Type of fields that take either.
const INTEGER_OR_STRING: &str = "integer or string";

/// What would become of fields of an object, each a sentence. Empty where all of it is taken.
pub(crate) fn misfits(schema: &Value, spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match schema.pointer("/properties/spec") {
        Some(schema) => hold(schema, spec, "spec", &mut found),
        None if keeps_unknown(schema) || spec.is_null() => {}
        None => found.push("spec is dropped: the definition does not know it".to_owned()),
    }
    found
}

fn hold(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    let wanted = wanted(schema);
    if !is_of(value, wanted) {
        found.push(format!("{path} is {}, and the definition wants {wanted}", name_of(value)));
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                match field(schema, name) {
                    Field::Known(schema) => hold(schema, value, &path, found),
                    Field::Any => {}
                    Field::Dropped => {
                        found.push(format!("{path} is dropped: the definition does not know it"))
                    }
                }
            }
            let missing = demanded(schema).filter(|name| fields.get(*name).is_none_or(Value::is_null));
            found.extend(
                missing.map(|name| format!("{path}.{name} is missing, and the definition demands it")),
            );
        }
        Value::Array(items) => {
            within(schema, ["minItems", "maxItems"], items.len() as f64, path, "items", found);
            for (index, item) in items.iter().enumerate() {
                let any = Value::Null;
                hold(schema.get("items").unwrap_or(&any), item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            within(schema, ["minimum", "maximum"], number, path, "", found);
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What a schema says of a field.
enum Field<'a> {
    Known(&'a Value),
    /// It is kept, whatever it is.
    Any,
    Dropped,
}

fn field<'a>(schema: &'a Value, name: &str) -> Field<'a> {
    let properties = schema.get("properties");
    match (properties.and_then(|all| all.get(name)), schema.get("additionalProperties")) {
        (Some(known), _) => Field::Known(known),
        (None, Some(known @ Value::Object(_))) => Field::Known(known),
        (None, Some(Value::Bool(true))) => Field::Any,
        (None, _) if keeps_unknown(schema) || schema.is_null() => Field::Any,
        (None, _) => Field::Dropped,
    }
}

fn keeps_unknown(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

/// Fields that must be there: those with a default are filled in.
fn demanded(schema: &Value) -> impl Iterator<Item = &str> {
    let all = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).filter(|name| match field(schema, name) {
        Field::Known(schema) => schema.get("default").is_none(),
        Field::Any | Field::Dropped => true,
    })
}

/// Type that a schema wants; empty where it takes any.
fn wanted(schema: &Value) -> &str {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return INTEGER_OR_STRING;
    }
    schema.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        INTEGER_OR_STRING => value.is_string() || is_whole(value),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => is_whole(value),
        "number" => value.is_number(),
        _ => true,
    }
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn within(
    schema: &Value,
    [least, most]: [&str; 2],
    is: f64,
    path: &str,
    unit: &str,
    found: &mut Vec<String>,
) {
    let limit = |word: &str| schema.get(word).and_then(Value::as_f64);
    let has = format!("{is} {unit}");
    let has = has.trim_end();
    if let Some(least) = limit(least).filter(|least| is < *least) {
        found.push(format!("{path} has {has}, and the definition wants at least {least}"));
    }
    if let Some(most) = limit(most).filter(|most| is > *most) {
        found.push(format!("{path} has {has}, and the definition wants at most {most}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"properties": {"spec": {"type": "object", "required": ["host", "mode", "port"], "properties": {
            "host": {"type": "string"}, "mode": {"type": "string", "default": true},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "target": {"x-kubernetes-int-or-string": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "list": {"type": "array", "maxItems": 2, "items": {
                "type": "object", "properties": {"a": {"type": "boolean"}}}}}}}})
    }

    #[test]
    fn what_a_definition_takes_is_not_named() {
        let all = json!({"host": "", "port": 80.0, "target": "", "labels": {"a": ""}, "free": {"x": [1]},
            "list": [{"a": true}, {}], "mode": null});
        assert_eq!(misfits(&schema(), &all), Vec::<String>::new());
        assert_eq!(
            misfits(&json!({"x-kubernetes-preserve-unknown-fields": true}), &all),
            Vec::<String>::new()
        );
        assert_eq!(misfits(&json!({}), &Value::Null), Vec::<String>::new());
    }

    #[test]
    fn what_it_does_not_take_is_named_by_its_path() {
        let odd =
            json!({"port": 0, "old": 1, "target": 1.5, "labels": {"a": 1}, "list": [{"b": 1}, {"a": 1}, {}]});
        let wanted = [
            "spec.labels.a is a number, and the definition wants string",
            "spec.list has 3 items, and the definition wants at most 2",
            "spec.list[0].b is dropped: the definition does not know it",
            "spec.list[1].a is a number, and the definition wants boolean",
            "spec.old is dropped: the definition does not know it",
            "spec.port has 0, and the definition wants at least 1",
            "spec.target is a number, and the definition wants integer or string",
            "spec.host is missing, and the definition demands it",
        ];
        assert_eq!(misfits(&schema(), &odd), wanted);
        assert_eq!(misfits(&json!({}), &odd), ["spec is dropped: the definition does not know it"]);
    }
}
