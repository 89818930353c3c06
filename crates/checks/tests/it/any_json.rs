//! Anything in place of any field of any object: it is read or reported, and never ends the program.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use meshlift_model::k8s::{KINDS, KindInfo};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::any_value::{Put, ROUNDS, alike, put};
use crate::seeds::{Item, is_made, replace_one, seeds};

/// Values that are tried of all there may be. Judging a mesh takes some milliseconds.
const CASES: u32 = 1000;
/// Fields of one mesh that are changed at once, each of an object of its own.
const AT_ONCE: usize = 8;
/// Fields of metadata that mean the same of every kind.
const OF_ALL: [&str; 8] = [
    "uid",
    "generateName",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "finalizers",
    "managedFields",
    "ownerReferences",
];

/// Where a field is.
struct Place {
    world: usize,
    kind: &'static KindInfo,
    /// Place of its object in the list.
    item: usize,
    pointer: String,
}

impl Place {
    /// Its object, in another world of the same base or in its own.
    fn object(&self, world: usize) -> Option<(&'static Item, Value)> {
        let seeds = seeds();
        let name = &seeds.items(self.world, self.kind)[self.item].name;
        let item = seeds.items(world, self.kind).iter().find(|item| item.name == *name)?;
        Some((item, serde_json::from_str(&item.json).unwrap()))
    }
}

/// All fields: by kind and path, without places in lists, where they are. In a mesh with a hazard, those of objects that
/// the clean one does not have so. Meshes with everything come last.
fn fields() -> &'static BTreeMap<String, Vec<Place>> {
    static FIELDS: OnceLock<BTreeMap<String, Vec<Place>>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let seeds = seeds();
        let mut all: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for kind in KINDS {
            for (world, items) in seeds.lists(kind) {
                let clean = seeds.clean(*world);
                let known = if clean == *world { &[] } else { seeds.items(clean, kind) };
                for (place, item) in items.iter().enumerate().filter(|(_, item)| !known.contains(item)) {
                    gather(*world, kind, place, item, &mut all);
                }
            }
        }
        let is_made = |place: &Place| is_made(&seeds.worlds[place.world]);
        all.values_mut().for_each(|places| places.sort_by_key(is_made));
        all
    })
}

fn gather(
    world: usize,
    kind: &'static KindInfo,
    item: usize,
    of: &Item,
    all: &mut BTreeMap<String, Vec<Place>>,
) {
    let mut found = Vec::new();
    pointers(&serde_json::from_str(&of.json).unwrap(), "", &mut found);
    for pointer in found {
        let places = all.entry(path(kind, &pointer)).or_default();
        // Once for each mesh: those that have many of a kind would hide the others.
        if !places.iter().any(|place| place.world == world) {
            places.push(Place { world, kind, item, pointer });
        }
    }
}

/// What a field is called: pods' templates are alike wherever they are.
fn path(kind: &KindInfo, pointer: &str) -> String {
    let parts: Vec<&str> = pointer.split('/').filter(|part| part.parse::<usize>().is_err()).collect();
    if let Some(at) = parts.iter().position(|part| *part == "template") {
        return parts[at..].join("/");
    }
    let is_of_all =
        parts.get(1) == Some(&"metadata") && parts.get(2).is_some_and(|part| OF_ALL.contains(part));
    if is_of_all { parts.join("/") } else { format!("{}{}", kind.kind, parts.join("/")) }
}

/// Pointers of all fields below a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in below {
        let at = format!("{at}/{key}");
        pointers(value, &at, all);
        all.push(at);
    }
}

/// Says what was tried where the test ends by a panic.
struct Tried(Vec<String>);

impl Drop for Tried {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("tried {:#?}", self.0);
        }
    }
}

/// Judges a mesh with several of its objects changed.
fn judge(world: usize, changes: &[(&Place, Vec<(String, Put)>)]) {
    let mut mesh = seeds().mesh(world);
    let mut tried = Tried(vec![format!("{:?}", seeds().worlds[world])]);
    for (at, puts) in changes {
        let (item, mut object) = at.object(world).unwrap();
        for (pointer, put) in puts {
            tried.0.push(format!("{} {} {pointer}: {put:?}", at.kind.kind, item.name));
            // What is put first may take away what others would be put into.
            object.pointer_mut(pointer).into_iter().for_each(|value| put.clone().into(value));
        }
        replace_one(&mut mesh, at.kind, &item.name, &object);
    }
    seeds().judge(world, mesh);
}

/// Fields of a mesh, a few at once: no two of them are of one object.
fn at_once(places: Vec<(usize, &'static Place)>) -> Vec<Vec<(usize, &'static Place)>> {
    let mut by_object: BTreeMap<(&str, usize), Vec<(usize, &Place)>> = BTreeMap::new();
    for (number, at) in places {
        by_object.entry((at.kind.resource, at.item)).or_default().push((number, at));
    }
    let mut left: Vec<Vec<(usize, &Place)>> = by_object.into_values().collect();
    let mut all = Vec::new();
    while !left.is_empty() {
        left.sort_by_key(|of_one| Reverse(of_one.len()));
        all.push(left.iter_mut().take(AT_ONCE).filter_map(Vec::pop).collect());
        left.retain(|of_one| !of_one.is_empty());
    }
    all
}

/// The world of a field; of one of a clean mesh, that with everything beside it: all changes of versions are looked at
/// there.
fn everything(at: &Place) -> usize {
    let seeds = seeds();
    let is_beside = |world: &usize| seeds.clean(*world) == at.world && is_made(&seeds.worlds[*world]);
    let beside = (0..seeds.worlds.len()).find(is_beside);
    let has_it =
        |world: &usize| at.object(*world).is_some_and(|(_, object)| object.pointer(&at.pointer).is_some());
    beside.filter(has_it).unwrap_or(at.world)
}

#[test]
fn each_field_with_values_of_each_type_is_read_or_reported() {
    // Each field in one of the meshes that have it.
    let mut by_world: BTreeMap<usize, Vec<(usize, &Place)>> = BTreeMap::new();
    for (number, places) in fields().values().enumerate() {
        let at = &places[number % places.len()];
        by_world.entry(everything(at)).or_default().push((number, at));
    }
    assert!(fields().len() > 3000, "only {} fields", fields().len());
    for (world, places) in by_world {
        for places in at_once(places) {
            for round in 0..ROUNDS {
                let changes = places
                    .iter()
                    .map(|(number, at)| (*at, vec![(at.pointer.clone(), Put::in_round(round, *number))]));
                judge(world, &changes.collect::<Vec<_>>());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    #[test]
    fn any_values_in_any_fields_of_an_object_are_read_or_reported(
        path: Index,
        place: Index,
        other: Index,
        put in put(),
        more in prop::collection::vec((any::<Index>(), alike()), 0..3),
    ) {
        let places = fields().values().nth(path.index(fields().len())).unwrap();
        let at = &places[place.index(places.len())];
        // A field of a clean mesh may matter beside a hazard alone.
        let worlds: Vec<usize> =
            (0..seeds().worlds.len()).filter(|world| seeds().clean(*world) == at.world).collect();
        let other = worlds.get(other.index(worlds.len().max(1))).copied();
        let (world, object) = other
            .and_then(|world| Some((world, at.object(world)?.1)))
            .filter(|(_, object)| object.pointer(&at.pointer).is_some())
            .unwrap_or_else(|| (at.world, at.object(at.world).unwrap().1));
        // And what is looked at may depend on other fields.
        let mut all = Vec::new();
        pointers(&object, "", &mut all);
        all.retain(|pointer| !at.pointer.starts_with(pointer.as_str()));
        let more = more.into_iter().filter(|_| !all.is_empty());
        let more = more.map(|(field, put)| (all[field.index(all.len())].clone(), put));
        let puts: Vec<(String, Put)> = more.chain([(at.pointer.clone(), put)]).collect();
        judge(world, &[(at, puts)]);
    }
}
