//! Rules of definitions that cannot be held against an outline: they speak of the words of fields, or of several fields
//! together. What an outline can tell is which of them are new, and who has the field.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Words of a schema that are such rules; `x-kubernetes-validations` are more of them.
pub const RULES: [&str; 9] = [
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxLength",
    "minLength",
    "multipleOf",
    "pattern",
    "x-kubernetes-list-map-keys",
];

/// CEL rules of a schema.
pub const VALIDATIONS: &str = "x-kubernetes-validations";

/// Words of rules that limit: as they are, or less strict, where the number is larger.
const UPPER: &str = "maxLength";
const LOWER: &str = "minLength";
const ENUM: &str = "enum";

/// What a definition demands of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The field: `spec.hosts[]`; `{}` stands for any name. Empty for the object.
    pub path: String,
    /// One of [`RULES`], or `rule` for CEL.
    pub word: String,
    /// As the schema has it.
    pub value: Value,
}

impl Rule {
    /// True if whatever keeps this rule keeps the other too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if (&self.path, &self.word) != (&other.path, &other.word) {
            return false;
        }
        let numbers = self.value.as_i64().zip(other.value.as_i64());
        match self.word.as_str() {
            UPPER => numbers.is_some_and(|(ours, theirs)| ours <= theirs),
            LOWER => numbers.is_some_and(|(ours, theirs)| ours >= theirs),
            ENUM => {
                let words = |value: &Value| value.as_array().cloned().unwrap_or_default();
                let theirs = words(&other.value);
                words(&self.value).iter().all(|word| theirs.contains(word))
            }
            _ => self.value == other.value,
        }
    }

    /// True if an object, as its outline shows it, has the field, and no word there that tells already.
    #[must_use]
    pub fn is_on(&self, spec: &Value) -> bool {
        let Some(path) = self.path.strip_prefix("spec") else { return self.path.is_empty() };
        let has = |value: &Value| match value.as_str() {
            Some(text) => self.word != ENUM || text.is_empty(),
            None => !value.is_null(),
        };
        any_at(spec, path, &has)
    }
}

/// True for one of the values that a path leads to.
fn any_at(value: &Value, path: &str, has: &dyn Fn(&Value) -> bool) -> bool {
    if let Some(rest) = path.strip_prefix("[]") {
        return value.as_array().is_some_and(|items| items.iter().any(|item| any_at(item, rest, has)));
    }
    if let Some(rest) = path.strip_prefix("{}") {
        return value.as_object().is_some_and(|all| all.values().any(|one| any_at(one, rest, has)));
    }
    let Some(path) = path.strip_prefix('.') else { return has(value) };
    let end = path.find(['.', '[', '{']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    value.get(name).is_some_and(|value| any_at(value, rest, has))
}

/// Rules of a schema for an object and its `spec`.
#[must_use]
pub fn rules(schema: &Value) -> Vec<Rule> {
    let mut found = Vec::new();
    own(schema, "", &mut found);
    if let Some(spec) = schema.pointer("/properties/spec") {
        gather(spec, "spec", &mut found);
    }
    found
}

/// Rules of each version of a definition.
#[must_use]
pub fn rules_of_definition(spec: &Value) -> Value {
    let versions = spec.get("versions").and_then(Value::as_array).into_iter().flatten();
    let of = |version: &Value| {
        let (name, schema) = (version.get("name")?.as_str()?, version.pointer("/schema/openAPIV3Schema")?);
        Some((name.to_owned(), serde_json::to_value(rules(schema)).ok()?))
    };
    Value::Object(versions.filter_map(of).collect::<Map<_, _>>())
}

fn own(schema: &Value, path: &str, found: &mut Vec<Rule>) {
    let mut add = |word: &str, value: &Value| {
        let rule = Rule { path: path.to_owned(), word: word.to_owned(), value: value.clone() };
        if !found.contains(&rule) {
            found.push(rule);
        }
    };
    for word in RULES {
        schema.get(word).into_iter().for_each(|value| add(word, value));
    }
    let validations = schema.get(VALIDATIONS).and_then(Value::as_array).into_iter().flatten();
    validations.filter_map(|one| one.get("rule")).for_each(|rule| add("rule", rule));
}

fn gather(schema: &Value, path: &str, found: &mut Vec<Rule>) {
    own(schema, path, found);
    for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        gather(field, &format!("{path}.{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        gather(items, &format!("{path}[]"), found);
    }
    if let Some(values) = schema.get("additionalProperties") {
        gather(values, &format!("{path}{{}}"), found);
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        let forms = schema.get(word).and_then(Value::as_array).into_iter().flatten();
        forms.for_each(|form| gather(form, path, found));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(path: &str, word: &str, value: Value) -> Rule {
        Rule { path: path.to_owned(), word: word.to_owned(), value }
    }

    #[test]
    fn rules_are_found_wherever_a_schema_has_them_and_those_of_the_status_are_not() {
        let schema = json!({
            "x-kubernetes-validations": [{"rule": "a", "message": "m"}],
            "properties": {
                "status": {"pattern": "s"},
                "spec": {"properties": {
                    "hosts": {"type": "array", "items": {"pattern": "^h", "format": "uri"}},
                    "labels": {"additionalProperties": {"maxLength": 63}},
                    "port": {"anyOf": [{"enum": ["A"]}, {"minLength": 1}]}}}}});
        let wanted = [
            rule("", "rule", json!("a")),
            rule("spec.hosts[]", "format", json!("uri")),
            rule("spec.hosts[]", "pattern", json!("^h")),
            rule("spec.labels{}", "maxLength", json!(63)),
            rule("spec.port", "enum", json!(["A"])),
            rule("spec.port", "minLength", json!(1)),
        ];
        assert_eq!(rules(&schema), wanted);
        let definition =
            json!({"versions": [{"name": "v1", "schema": {"openAPIV3Schema": schema}}, {"name": "v0"}]});
        assert_eq!(rules_of_definition(&definition), json!({"v1": wanted}));
    }

    #[test]
    fn a_rule_covers_the_same_one_and_a_less_strict_one() {
        for (word, ours, theirs, covers) in [
            ("maxLength", json!(63), json!(253), true),
            ("maxLength", json!(253), json!(63), false),
            ("minLength", json!(1), json!(0), true),
            ("minLength", json!(0), json!(1), false),
            ("enum", json!(["A"]), json!(["A", "B"]), true),
            ("enum", json!(["A", "B"]), json!(["A"]), false),
            ("pattern", json!("a"), json!("a"), true),
            ("pattern", json!("a"), json!("b"), false),
        ] {
            let (ours, theirs) = (rule("spec.a", word, ours), rule("spec.a", word, theirs));
            assert_eq!(ours.covers(&theirs), covers, "{ours:?} {theirs:?}");
            assert!(!ours.covers(&Rule { path: "spec.b".into(), ..theirs }));
        }
    }

    #[test]
    fn a_rule_is_on_objects_that_have_its_field() {
        let spec = json!({"hosts": [{"mode": "", "kind": "ROUTE"}], "labels": {"a.b": ""}, "none": null});
        for (path, is_on) in [
            ("", true),
            ("spec", true),
            ("spec.hosts", true),
            ("spec.hosts[]", true),
            ("spec.hosts[].mode", true),
            ("spec.labels{}", true),
            ("spec.hosts[].port", false),
            ("spec.hosts{}", false),
            ("spec.none", false),
            ("metadata.name", false),
        ] {
            assert_eq!(rule(path, "pattern", json!("a")).is_on(&spec), is_on, "{path}");
        }
        assert!(rule("spec.hosts[].mode", "enum", json!([])).is_on(&spec));
        assert!(!rule("spec.hosts[].kind", "enum", json!([])).is_on(&spec));
    }
}
