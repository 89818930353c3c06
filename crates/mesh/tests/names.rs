//! No names are magic: a mesh under other names, shuffled and with other uids, is the same mesh.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::sync::{Arc, OnceLock};

use meshlift_mesh::Mesh;
use meshlift_model::snapshot::Snapshot;
use meshlift_snapshot::fixtures::{CLUSTERS, cluster};
use meshlift_testkit::Renaming;
use proptest::prelude::*;
use serde_json::Value;

fn derived(snapshot: &Snapshot) -> Value {
    serde_json::to_value(Mesh::derive(Arc::new(snapshot.clone()))).unwrap()
}

/// Each recording with what is derived from it.
fn recordings() -> &'static [(&'static str, Snapshot, Value)] {
    static RECORDINGS: OnceLock<Vec<(&'static str, Snapshot, Value)>> = OnceLock::new();
    RECORDINGS.get_or_init(|| {
        let read = |name: &&'static str| {
            let snapshot = cluster(name).unwrap();
            let mesh = derived(&snapshot);
            (*name, snapshot, mesh)
        };
        CLUSTERS.iter().map(read).collect()
    })
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_order_and_uids_change_nothing(seed in any::<u64>()) {
        for (name, snapshot, mesh) in recordings() {
            let renaming = Renaming::new(snapshot, seed, &[]);
            let renamed = renaming.undo(&derived(&renaming.snapshot(snapshot)));
            prop_assert_eq!(difference(&renamed, mesh, name), None);
        }
    }
}

/// The renaming reaches every name: nothing of the old ones is left in what is derived.
#[test]
fn old_names_are_gone() {
    let (_, snapshot, _) = &recordings()[0];
    let text = derived(&Renaming::new(snapshot, 3, &[]).snapshot(snapshot)).to_string();
    for name in
        ["1-29-6", "prod-stable", "prod-canary", "1-27-3", "/payments/", "istio-ingress/", "\"checkout\""]
    {
        assert!(!text.contains(name), "{name}");
    }
}
