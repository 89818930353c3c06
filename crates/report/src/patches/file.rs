//! Fragments as files: how several become one, where they lie, and their YAML.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshlift_model::k8s::KindInfo;
use meshlift_model::names::ObjectRef;
use serde_json::{Value, json};

use super::{POD_KEYS, Patch};

/// Longest name that Kubernetes takes (`DNS1123SubdomainMaxLength`).
const NAME_BYTES_MAX: usize = 253;

/// Puts one fragment into another: objects by their keys, all else is replaced. Of two graces the longer one stays, and of
/// two numbers of pods the greater one.
pub(super) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(known) if key == "terminationGracePeriodSeconds" => {
                        if value.as_i64() > known.as_i64() {
                            *known = value;
                        }
                    }
                    Some(known) if POD_KEYS.contains(&key.as_str()) => {
                        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
                        if number(&value) > number(known) {
                            *known = value;
                        }
                    }
                    Some(known) => merge(known, value),
                    None => drop(into.insert(key, value)),
                }
            }
        }
        (into, from) => *into = from,
    }
}

pub(super) fn file(object: &ObjectRef, fragment: Value, comments: &BTreeSet<String>) -> Option<Patch> {
    let kind = KindInfo::of(&object.kind)?;
    let mut whole =
        json!({"apiVersion": kind.api_version, "kind": object.kind, "metadata": {"name": object.name}});
    if !object.namespace.is_empty() {
        whole["metadata"]["namespace"] = json!(object.namespace);
    }
    let restarts = fragment.pointer("/spec/template").is_some();
    merge(&mut whole, fragment);
    let mut text = String::new();
    for comment in comments {
        let _ = writeln!(text, "# {}", one_line(comment));
    }
    let _ = writeln!(text, "# {}", how(kind, object));
    if restarts {
        text.push_str(
            "# This changes the pod template, so it restarts the workload once: do it before the upgrade.\n",
        );
    }
    text.push_str(&yaml(&whole, 0));
    Some(Patch { path: path(object), text })
}

/// How the fragment of an object is applied. Custom resources know no strategic merge.
fn how(kind: &KindInfo, object: &ObjectRef) -> String {
    let namespace =
        if object.namespace.is_empty() { String::new() } else { format!(" -n {}", object.namespace) };
    let merge = if kind.built_in { "" } else { " --type=merge" };
    format!(
        "A fragment, not the object: `kubectl patch {} {}{namespace}{merge} --patch-file {}` in the folder of INDEX.md, or \
         `patches:` of kustomize; never `kubectl apply -f`, which takes away what it does not name.",
        kind.resource,
        object.name,
        path(object)
    )
}

/// True where the names of an object are such as all kinds that are patched have: subdomains of DNS. So they are no way out
/// of the folder, and words that a shell and YAML take as they are.
pub(super) fn has_plain_names(kind: &KindInfo, object: &ObjectRef) -> bool {
    let alone = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain = |name: &str| {
        let bytes = name.as_bytes();
        bytes.len() <= NAME_BYTES_MAX
            && bytes.iter().all(|byte| alone(byte) || b"-.".contains(byte))
            && [bytes.first(), bytes.last()].into_iter().all(|end| end.is_some_and(alone))
    };
    let in_place = if kind.namespaced { plain(&object.namespace) } else { object.namespace.is_empty() };
    in_place && plain(&object.name)
}

/// Words of others on one line, whatever YAML takes for the end of one.
pub(super) fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || "\u{2028}\u{2029}".contains(c), " ")
}

pub(super) fn path(object: &ObjectRef) -> String {
    let folder = if object.namespace.is_empty() { "cluster" } else { &object.namespace };
    format!("{folder}/{}-{}.yaml", object.kind.to_lowercase(), object.name)
}

/// Block YAML of a fragment: maps, lists of maps, and scalars as JSON writes them, which YAML reads alike.
fn yaml(value: &Value, indent: usize) -> String {
    let lead = " ".repeat(indent);
    let mut text = String::new();
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::Object(_) | Value::Array(_) => {
                        let _ = writeln!(text, "{lead}{key}:");
                        text.push_str(&yaml(value, indent + 2));
                    }
                    scalar => drop(writeln!(text, "{lead}{key}: {scalar}")),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let below = yaml(item, indent + 2);
                // The first field stands behind the dash.
                let _ = write!(text, "{lead}- {}", below.trim_start());
            }
        }
        scalar => drop(writeln!(text, "{lead}{scalar}")),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_of_one_object_become_one_and_the_longer_grace_stays() {
        let mut into = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 55}}}});
        merge(
            &mut into,
            json!({"spec": {"paused": false, "template": {"spec": {"terminationGracePeriodSeconds": 30}}}}),
        );
        assert_eq!(into.pointer("/spec/template/spec/terminationGracePeriodSeconds"), Some(&json!(55)));
        assert_eq!(into.pointer("/spec/paused"), Some(&json!(false)));
    }

    #[test]
    fn of_two_numbers_of_pods_the_greater_one_stays() {
        let quota = |pods: &str| json!({"spec": {"hard": {"pods": pods}}});
        let mut into = quota("10");
        merge(&mut into, quota("9"));
        assert_eq!(into, quota("10"));
        merge(&mut into, quota("11"));
        assert_eq!(into, quota("11"));
    }

    #[test]
    fn files_say_what_they_are_for_and_what_they_cost() {
        let object = ObjectRef::new("Deployment", "web", "bff");
        let containers = json!([{"name": "app", "lifecycle": {"preStop": {"sleep": {"seconds": 13}}}}]);
        let fragment = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let patch = file(&object, fragment, &["ML1040 why".to_owned()].into()).unwrap();
        assert_eq!(patch.path, "web/deployment-bff.yaml");
        assert_eq!(
            patch.text,
            "# ML1040 why\n\
             # A fragment, not the object: `kubectl patch deployments.apps bff -n web --patch-file web/deployment-bff.yaml` in \
             the folder of INDEX.md, or `patches:` of kustomize; never `kubectl apply -f`, which takes away what it does not \
             name.\n\
             # This changes the pod template, so it restarts the workload once: do it before the upgrade.\n\
             apiVersion: \"apps/v1\"\nkind: \"Deployment\"\nmetadata:\n  name: \"bff\"\n  namespace: \"web\"\nspec:\n  \
             template:\n    spec:\n      containers:\n        - lifecycle:\n            preStop:\n              sleep:\n                \
             seconds: 13\n          name: \"app\"\n"
        );
    }
    #[test]
    fn strategic_merge_is_for_built_in_kinds_alone() {
        let object = ObjectRef::new("VirtualService", "web", "bff");
        let patch = file(&object, json!({"spec": {"hosts": ["bff"]}}), &BTreeSet::new()).unwrap();
        let command = "virtualservices.networking.istio.io bff -n web --type=merge --patch-file web/virtualservice-bff.yaml";
        assert!(patch.text.contains(&format!("`kubectl patch {command}`")), "{}", patch.text);
    }
    #[test]
    fn words_of_others_stay_in_their_comment() {
        let object = ObjectRef::new("Deployment", "web", "bff");
        let comments = ["\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
            .map(|end| format!("ML1040 why{end}spec: {{}}"));
        let patch = file(&object, json!({}), &comments.into()).unwrap();
        assert_eq!(patch.text.matches("# ML1040 why").count(), 6, "{}", patch.text);
        assert_eq!(
            patch.text.matches("why spec: {}\n").count() + patch.text.matches("why  spec: {}\n").count(),
            6
        );
    }
}
