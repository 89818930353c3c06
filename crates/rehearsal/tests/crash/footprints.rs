//! What we did to the mesh, read from the log of its API server alone: per object, each write of ours by its
//! result. A run that crashed must have done the same as one that did not: nothing twice with another result,
//! nothing left out.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::RESTARTED_AT;
use meshlift_model::k8s::{Object, Pod};
use meshlift_model::names::ObjectRef;
use meshlift_twin::world::{PORT, TwinWorld};
use meshlift_twin::{Change, ChangeKind, reference};
use serde_json::{Map, Value};

/// Results of our writes, in order, by object. Writes to pods stand at whatever made the pod.
pub(crate) type Footprints = BTreeMap<ObjectRef, Vec<String>>;

pub(crate) fn footprints(world: &TwinWorld) -> Footprints {
    let mut makers: BTreeMap<ObjectRef, ObjectRef> = BTreeMap::new();
    let mut found = Footprints::new();
    for change in world.twin().cluster.store.changes() {
        let target = reference(&change.new);
        if let Some(owner) = change.new.meta().controller() {
            let owner = ObjectRef::new(&owner.kind, &target.namespace, &owner.name);
            makers.insert(target.clone(), owner);
        }
        if change.by == PORT {
            let mut maker = target;
            while let Some(owner) = makers.get(&maker) {
                maker = owner.clone();
            }
            found.entry(maker).or_default().push(result(change));
        }
    }
    found
}

fn result(change: &Change) -> String {
    let is_pod = matches!(*change.new, Object::Pod(_));
    match (change.kind, &change.old) {
        (ChangeKind::Deleted, _) => "deleted".to_owned(),
        (ChangeKind::Added, _) | (ChangeKind::Modified, None) => "created".to_owned(),
        (ChangeKind::Modified, Some(_)) if is_pod && is_leaving(change) => "pod removed".to_owned(),
        (ChangeKind::Modified, Some(old)) => {
            let (old, new) = (old.to_value().unwrap(), change.new.to_value().unwrap());
            let mut words = Vec::new();
            walk("", &old, &new, &mut words);
            words.join(", ")
        }
    }
}

fn is_leaving(change: &Change) -> bool {
    change.of::<Pod>().is_some_and(|pod| pod.metadata.deletion_timestamp.is_some())
}

/// Each place whose value changed, with the new value.
fn walk(path: &str, old: &Value, new: &Value, words: &mut Vec<String>) {
    // What was absent and is an object now, or the other way round, differs in its keys alone.
    let nothing = Map::new();
    let map = |value: &Value| value.as_object().or_else(|| value.is_null().then_some(&nothing)).cloned();
    if let (true, Some(before), Some(after)) = (old.is_object() || new.is_object(), map(old), map(new)) {
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
            walk(&format!("{path}/{key}"), &of(&before), &of(&after), words);
        }
        return;
    }
    let told_by_the_server = ["/metadata/resourceVersion", "/metadata/generation", "/status"];
    if old == new || told_by_the_server.iter().any(|prefix| path.starts_with(prefix)) {
        return;
    }
    // When it was restarted differs from run to run, that it was does not.
    let is_time = path.ends_with(RESTARTED_AT) && !new.is_null();
    words.push(if is_time { "restarted".to_owned() } else { format!("{path} = {new}") });
}
