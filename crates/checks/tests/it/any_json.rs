//! Anything in place of any field of any object: it is read or reported, and never ends the program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use meshlift_checks::assess;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{KINDS, Object};
use meshlift_model::snapshot::Snapshot;
use meshlift_snapshot::live::{Gathered, ListPages};
use meshlift_testkit::mutations::Base;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{cluster, mesh, version};

/// Objects of the clean meshes as JSON, with what they were made from.
fn objects() -> &'static [(Snapshot, Vec<Value>)] {
    static OBJECTS: OnceLock<Vec<(Snapshot, Vec<Value>)>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let of = |base: Base| {
            let clean = base.clean(&cluster(base.recording()));
            let all = clean.objects.to_vec().iter().map(|object| object.to_value().unwrap()).collect();
            (clean, all)
        };
        Base::ALL.into_iter().map(of).collect()
    })
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

/// The mesh, read anew with one object as it is given.
fn read(clean: &Snapshot, place: usize, changed: &Value) -> Snapshot {
    let kinds: Vec<&str> =
        clean.objects.to_vec().iter().map(|object: &Object| object.info().resource).collect();
    let resource = kinds[place];
    let mut lists: BTreeMap<String, Vec<Value>> =
        KINDS.iter().map(|kind| (kind.resource.to_owned(), Vec::new())).collect();
    for (at, object) in clean.objects.to_vec().iter().enumerate() {
        let value = if at == place { changed.clone() } else { object.to_value().unwrap() };
        lists.entry(object.info().resource.to_owned()).or_default().push(value);
    }
    let mut gathered = Gathered { version: Some(Ok("v1.34.4".to_owned())), ..Gathered::default() };
    for (name, items) in lists {
        let mut pages = ListPages::new(&name, "/");
        let page = json!({"kind": "SomeList", "metadata": {}, "items": items}).to_string();
        let read = pages.add(page.as_bytes());
        assert!(read.is_ok(), "{name}: one object of {resource} cost the list: {read:?}");
        gathered.lists.insert(name, Ok(pages));
    }
    let mut snapshot = gathered.into_snapshot();
    snapshot.istiods.clone_from(&clean.istiods);
    snapshot
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![i64::MAX, i64::MAX / 1000, i64::MIN, i32::MAX.into(), i32::MIN.into(), -1])
            .prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("-1"),
            Just("100%"),
            Just("9223372036854775807%"),
            Just("9999999999999999999Ei"),
            Just("1e999"),
            Just("~"),
            Just("a/b:c@d")
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z./-]{0,10}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What is found with one object as it is given, for two targets.
fn assess_all(clean: &Snapshot, place: usize, changed: &Value) {
    let mesh = mesh(read(clean, place, changed));
    for target in ["1.30.3", "1.31.0"] {
        let assessment = assess(&mesh, &Intent::default(), Some(&version(target)));
        assert!(assessment.findings.iter().all(|finding| !finding.subject.kind.is_empty()));
    }
}

/// The API server takes any number where none is impossible: sums of such must not end the program.
#[test]
fn the_greatest_number_in_every_number_is_read_or_reported() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (clean, all) in objects() {
        let kinds: Vec<&str> = clean.objects.to_vec().iter().map(|object| object.info().resource).collect();
        for ((place, object), kind) in all.iter().enumerate().zip(kinds) {
            let mut fields = Vec::new();
            pointers(object, "", &mut fields);
            fields.retain(|field| object.pointer(field).is_some_and(Value::is_number));
            // One of each field of a kind, wherever it is in its list.
            fields.retain(|field| {
                seen.insert(format!("{kind}{}", field.replace(|ch: char| ch.is_ascii_digit(), "")))
            });
            let numbers = [i64::MAX, i32::MAX.into(), i32::MIN.into()];
            for (field, number) in fields.iter().flat_map(|field| numbers.map(|number| (field, number))) {
                let mut changed = object.clone();
                *changed.pointer_mut(field).unwrap() = number.into();
                assess_all(clean, place, &changed);
            }
        }
    }
    assert!(seen.len() > 50, "{seen:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_value_in_any_field_is_read_or_reported(
        base in 0..Base::ALL.len(),
        place: prop::sample::Index,
        field: prop::sample::Index,
        value in any_json(),
    ) {
        let (clean, all) = &objects()[base];
        let place = place.index(all.len());
        let mut object = all[place].clone();
        let mut fields = Vec::new();
        pointers(&object, "", &mut fields);
        let field = &fields[field.index(fields.len())];
        *object.pointer_mut(field).unwrap() = value;
        assess_all(clean, place, &object);
    }
}
