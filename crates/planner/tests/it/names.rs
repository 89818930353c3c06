//! No names are magic: under other names, shuffled and with other uids, the plan is the same but for the names.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use meshlift_mesh::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::snapshot::Snapshot;
use meshlift_planner::plan;
use meshlift_snapshot::fixtures::CLUSTERS;
use meshlift_testkit::Renaming;
use proptest::prelude::*;
use serde_json::Value;

use crate::common::{demo, is_ambient, manifest, mesh, none, target};

/// Plan and report as JSON; digests blanked, because they are of the names, too.
fn says(snapshot: &Snapshot, intent: &Intent, ambient: bool, renaming: Option<&Renaming>) -> Value {
    let mesh = Mesh::derive(Arc::new(snapshot.clone()));
    let manifest = renaming.map_or_else(|| manifest(ambient).clone(), |one| one.manifest(manifest(ambient)));
    let (plan, report) = plan(&mesh, intent, Some(&manifest), "same").unwrap();
    let mut value = serde_json::json!({
        "plan": serde_json::to_value(plan).unwrap(),
        "stages": serde_json::to_value(report.stages).unwrap(),
        "workloads": report.workloads.into_iter().map(|(key, fate)| format!("{key} {fate:?}")).collect::<Vec<_>>(),
        "notes": serde_json::to_value(report.notes).unwrap(),
    });
    blank(&mut value);
    value
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if key == "digest" || key == "intent_digest" {
                    *field = Value::Null;
                }
                blank(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where two values differ first, for people.
fn difference(left: &Value, right: &Value, path: &str) -> Option<String> {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(key, value)| difference(value, &b[key], &format!("{path}/{key}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(place, (a, b))| difference(a, b, &format!("{path}[{place}]")))
        }
        (left, right) if left == right => None,
        (left, right) => Some(format!("{path}: {left} against {right}")),
    }
}

/// What is said under the recorded names, for each recording and intent.
fn recorded() -> &'static BTreeMap<(&'static str, bool), Value> {
    static RECORDED: OnceLock<BTreeMap<(&'static str, bool), Value>> = OnceLock::new();
    RECORDED.get_or_init(|| {
        let all = CLUSTERS.iter().flat_map(|name| [(*name, false), (*name, true)]);
        let all = all.filter(|(name, demo)| !(is_ambient(name) && *demo));
        all.map(|(name, with_demo)| {
            let intent = if with_demo { demo() } else { none() };
            ((name, with_demo), says(&mesh(name).snapshot, &intent, is_ambient(name), None))
        })
        .collect()
    })
}

fn holds(name: &str, with_demo: bool, expected: &Value, seed: u64) -> Option<String> {
    let intent = &if with_demo { demo() } else { none() };
    let snapshot = &mesh(name).snapshot;
    let fixed = target().revision();
    let renaming = Renaming::new(snapshot, seed, &[fixed.as_str()]);
    let renamed =
        says(&renaming.snapshot(snapshot), &renaming.intent(intent), is_ambient(name), Some(&renaming));
    difference(&renaming.undo(&renamed), expected, name)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_is_the_same_but_for_the_names(seed in any::<u64>()) {
        for ((name, with_demo), expected) in recorded() {
            prop_assert_eq!(holds(name, *with_demo, expected, seed), None);
        }
    }
}
