//! What a definition drops or refuses of an object: its outline, held against the structural schema
//! (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>).
//! Of texts only enumerated words are in an outline: what rules of other words there are is told by [`crate::new_rules`].

use std::collections::BTreeSet;

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
    forms(schema, value, path, found);
    match value {
        Value::Object(fields) => {
            let names = fields.values().filter(|value| !value.is_null()).count();
            within(schema, ["minProperties", "maxProperties"], names as f64, path, "fields", found);
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
        Value::String(word) => enumerated(schema, word, path, found),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A word that was kept must be among those that the schema knows; an empty text stands for any.
fn enumerated(schema: &Value, word: &str, path: &str, found: &mut Vec<String>) {
    let Some(known) = schema.get("enum").and_then(Value::as_array) else { return };
    if !word.is_empty() && !known.iter().any(|one| one == word) {
        let known: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
        found.push(format!("{path} is {word}, and the definition wants one of {}", known.join(", ")));
    }
}

/// Alternatives: fields of which one or another must be there, and not several.
fn forms(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let (one, any) = (list(schema, "oneOf"), list(schema, "anyOf"));
    let fitting = one.iter().filter(|form| fits(form, value)).count();
    let named = |forms: &[Value]| {
        let fields: BTreeSet<&str> =
            forms.iter().flat_map(|form| list(form, "required")).filter_map(Value::as_str).collect();
        let (here, all): (Vec<&str>, Vec<&str>) = (
            fields.iter().copied().filter(|field| has(value, field)).collect(),
            fields.into_iter().collect(),
        );
        if here.is_empty() { format!("none of {}", all.join(", ")) } else { here.join(" and ") }
    };
    if !one.is_empty() && fitting != 1 {
        found.push(format!("{path} has {}, and the definition wants exactly one of its forms", named(one)));
    }
    if !any.is_empty() && !any.iter().any(|form| fits(form, value)) {
        found.push(format!("{path} has {}, and the definition wants one of its forms", named(any)));
    }
    for schema in list(schema, "allOf") {
        forms(schema, value, path, found);
    }
}

fn list<'a>(schema: &'a Value, word: &str) -> &'a [Value] {
    schema.get(word).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn has(value: &Value, field: &str) -> bool {
    value.get(field).is_some_and(|value| !value.is_null())
}

/// True if a value has the form that an alternative wants. What cannot be told from it counts as fitting.
fn fits(form: &Value, value: &Value) -> bool {
    let nested = |(name, form): (&String, &Value)| value.get(name).is_none_or(|value| fits(form, value));
    list(form, "required").iter().filter_map(Value::as_str).all(|field| has(value, field))
        && is_of(value, wanted(form))
        && form.get("not").is_none_or(|form| !fits(form, value))
        && (list(form, "anyOf").is_empty() || list(form, "anyOf").iter().any(|form| fits(form, value)))
        && (list(form, "oneOf").is_empty()
            || list(form, "oneOf").iter().filter(|form| fits(form, value)).count() == 1)
        && list(form, "allOf").iter().all(|form| fits(form, value))
        && form.get("properties").and_then(Value::as_object).into_iter().flatten().all(nested)
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
    let all = list(schema, "required").iter();
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
            "host": {"type": "string"}, "mode": {"type": "string", "default": true, "enum": ["A", "B"]},
            "by": {"type": "object", "additionalProperties": true, "oneOf": [
                {"not": {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}}, {"required": ["a"]}, {"required": ["b"]}]},
            "either": {"type": "object", "additionalProperties": true, "allOf": [
                {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}]},
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
            "list": [{"a": true}, {}], "mode": null, "by": {"b": 1, "a": null}, "either": {"a": 1, "b": 2}});
        assert_eq!(misfits(&schema(), &all), Vec::<String>::new());
        let others = json!({"host": "", "port": 80, "mode": "B", "by": {"c": 1}});
        assert_eq!(misfits(&schema(), &others), Vec::<String>::new());
        // A word that was not kept.
        assert_eq!(misfits(&schema(), &json!({"host": "", "port": 80, "mode": ""})), Vec::<String>::new());
        assert_eq!(
            misfits(&json!({"x-kubernetes-preserve-unknown-fields": true}), &all),
            Vec::<String>::new()
        );
        assert_eq!(misfits(&json!({}), &Value::Null), Vec::<String>::new());
    }

    #[test]
    fn what_it_does_not_take_is_named_by_its_path() {
        let odd = json!({"port": 0, "old": 1, "target": 1.5, "labels": {"a": 1}, "list": [{"b": 1}, {"a": 1}, {}],
                "mode": "C", "by": {"a": 1, "b": 2}, "either": {}});
        let wanted = [
            "spec.by has a and b, and the definition wants exactly one of its forms",
            "spec.either has none of a, b, and the definition wants one of its forms",
            "spec.labels.a is a number, and the definition wants string",
            "spec.list has 3 items, and the definition wants at most 2",
            "spec.list[0].b is dropped: the definition does not know it",
            "spec.list[1].a is a number, and the definition wants boolean",
            "spec.mode is C, and the definition wants one of A, B",
            "spec.old is dropped: the definition does not know it",
            "spec.port has 0, and the definition wants at least 1",
            "spec.target is a number, and the definition wants integer or string",
            "spec.host is missing, and the definition demands it",
        ];
        assert_eq!(misfits(&schema(), &odd), wanted);
        assert_eq!(misfits(&json!({}), &odd), ["spec is dropped: the definition does not know it"]);
    }
}
