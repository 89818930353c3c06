//! The old revision's settings, held against those of the manifest.

use meshlift_mesh::Revision;
use meshlift_model::k8s::ConfigMap;
use meshlift_model::manifest::Manifest;
use serde_json::Value;

use crate::situation::Situation;

/// Key of the values that somebody set, in the ConfigMap `values[-REV]`.
const ORIGINAL: &str = "original-values";
/// Settings that differ between two revisions by their nature.
const OWN: [&str; 5] = [".revision", ".global.tag", ".global.hub", ".pilot.tag", ".pilot.hub"];

/// Settings that the manifest and the old revision give different values, as paths. Only what both recorded is
/// compared: see [`compared`].
pub(crate) fn differences(situation: &Situation<'_>, manifest: &Manifest) -> Vec<String> {
    let Some((old, new)) = both(situation, manifest) else { return Vec::new() };
    let mut found = Vec::new();
    differ(&old, &new, "", &mut found);
    found
}

/// False where the settings were not recorded on one side: then the plan says that nobody compared them.
pub(crate) fn compared(situation: &Situation<'_>, manifest: &Manifest) -> bool {
    both(situation, manifest).is_some()
}

fn both(situation: &Situation<'_>, manifest: &Manifest) -> Option<(Value, Value)> {
    let old = situation.mesh.revisions.values().filter(|one| situation.old.contains(&one.name));
    let old: &Revision = old.max_by_key(|one| one.pods)?;
    let live = values(&situation.mesh.snapshot.objects.config_maps, old.name.as_str())?;
    Some((live, values(&manifest.objects.config_maps, manifest.revision.as_str())?))
}

fn values(maps: &[ConfigMap], revision: &str) -> Option<Value> {
    let name = if revision == "default" { "values".to_owned() } else { format!("values-{revision}") };
    let map = maps.iter().find(|map| map.metadata.name == name)?;
    serde_json::from_str(map.data.get(ORIGINAL)?).ok()
}

fn differ(old: &Value, new: &Value, path: &str, found: &mut Vec<String>) {
    if OWN.contains(&path) {
        return;
    }
    match (old, new) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let (left, right) = (left.get(key), right.get(key));
                differ(
                    left.unwrap_or(&Value::Null),
                    right.unwrap_or(&Value::Null),
                    &format!("{path}.{key}"),
                    found,
                );
            }
        }
        (left, right) if left == right || (is_empty(left) && is_empty(right)) => {}
        _ => found.push(path.trim_start_matches('.').to_owned()),
    }
}

/// Absent, null, empty: installers write either.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_empty_values_are_no_settings() {
        let old =
            serde_json::json!({"revision": "a", "global": {"tag": "1", "x": {}}, "meshConfig": {"y": true}});
        let new = serde_json::json!({"revision": "b", "global": {"tag": "2"}, "meshConfig": {"y": false}});
        let mut found = Vec::new();
        differ(&old, &new, "", &mut found);
        assert_eq!(found, ["meshConfig.y"]);
    }
}
