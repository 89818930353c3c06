//! The tables hold what upstream writes; messages read as the same objects do as JSON; and no bytes end in a panic.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Deployment, EndpointSlice, Pod, ReplicaSet, Resource, Service};
use meshlift_model::snapshot::SourceStatus;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::json;

use self::encode::{message, page};
use self::probe::full;
use super::schema::POD as POD_TABLE;
use super::shape::{Message, Shape};
use super::*;
use crate::live::{Gathered, ListPages};

mod encode;
mod probe;

/// What upstream writes, see its head.
const UPSTREAM: &str = include_str!("kubernetes.proto");

/// Fields of each message: type by number and name.
fn upstream() -> BTreeMap<&'static str, BTreeMap<(u32, &'static str), String>> {
    let messages = UPSTREAM.split("\nmessage ").skip(1).map(|text| {
        let (name, fields) = text.split_once(" {\n").unwrap();
        let fields = fields.lines().take_while(|line| *line != "}").map(|line| {
            let (left, number) = line.trim().trim_end_matches(';').split_once(" = ").unwrap();
            let (type_, field) = left.rsplit_once(' ').unwrap();
            ((number.parse().unwrap(), field), type_.trim_start_matches("optional ").to_owned())
        });
        (name, fields.collect())
    });
    messages.collect()
}

/// Type of a shape, as upstream would write it; of messages, the last part of upstream's name.
fn written(shape: &Shape, upstream: &str) -> String {
    let last = upstream.rsplit(['.', ' ']).next().unwrap_or_default().trim_end_matches('>');
    match shape {
        Shape::Text => "string".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Int if upstream == "int32" => "int32".to_owned(),
        Shape::Int => "int64".to_owned(),
        Shape::Time => "Time".to_owned(),
        Shape::IntOrString => "IntOrString".to_owned(),
        Shape::Quantity => "Quantity".to_owned(),
        Shape::Message(_) | Shape::Inline(_) => last.to_owned(),
        Shape::Many(of) => format!("repeated {}", written(of, upstream)),
        Shape::Map(of) => format!("map<string, {}>", written(of, upstream)),
    }
}

/// A type without its package.
fn without_package(type_: &str) -> String {
    let end = type_.rsplit(['.', ' ']).next().unwrap_or_default();
    match type_ {
        _ if type_.starts_with("map<string, ") => format!("map<string, {end}"),
        _ if type_.starts_with("repeated ") => format!("repeated {end}"),
        _ => end.to_owned(),
    }
}

fn compare(name: &str, table: &'static Message, wrong: &mut Vec<String>) {
    let upstream = upstream();
    let fields = &upstream[name];
    for field in table {
        let Some(type_) = fields.get(&(field.number, field.name)) else {
            wrong.push(format!("{name} has no {} with number {}", field.name, field.number));
            continue;
        };
        let (ours, theirs) = (written(&field.shape, type_), without_package(type_));
        if ours != theirs {
            wrong.push(format!("{name}.{} is {theirs}, not {ours}", field.name));
        }
        let (Shape::Message(inner) | Shape::Inline(inner) | Shape::Many(Shape::Message(inner))) =
            &field.shape
        else {
            continue;
        };
        compare(theirs.trim_start_matches("repeated "), inner, wrong);
    }
}

#[test]
fn numbers_names_and_types_are_those_of_upstream() {
    let mut wrong = Vec::new();
    for (name, resource) in [
        ("Pod", Pod::RESOURCE),
        ("ReplicaSet", ReplicaSet::RESOURCE),
        ("Deployment", Deployment::RESOURCE),
        ("Service", Service::RESOURCE),
        ("EndpointSlice", EndpointSlice::RESOURCE),
    ] {
        compare(name, schema::of_kind(resource).unwrap(), &mut wrong);
    }
    compare("Status", schema::STATUS, &mut wrong);
    compare("ListMeta", schema::LIST_META, &mut wrong);
    compare("TypeMeta", schema::TYPE_META, &mut wrong);
    assert_eq!(wrong, [] as [&str; 0]);
}

/// An object in which every field that is read has a value reads as a message as it was, and no field is missing in
/// the tables but those that its kind does not have.
fn every_field<R: Resource + DeserializeOwned + serde::Serialize + PartialEq + std::fmt::Debug>(
    not_there: &[&str],
) {
    let table = schema::of_kind(R::RESOURCE).unwrap();
    let (object, missing): (R, Vec<String>) = full(table);
    assert_eq!(missing, not_there, "{}", R::KIND);
    let value = serde_json::to_value(&object).unwrap();
    let bytes = message(&value, table);
    assert_eq!(read_item::<R, R>(&bytes).unwrap(), object);
}

#[test]
fn every_field_that_is_read_of_a_kind_is_in_its_table() {
    // One type stands for the conditions of all kinds, and one for the limits of all rolling updates. Nobody asks who owns
    // fields of these kinds.
    every_field::<Pod>(&["metadata.managedFields", "status.conditions.lastUpdateTime"]);
    every_field::<ReplicaSet>(&["metadata.managedFields", "status.conditions.lastUpdateTime"]);
    every_field::<Deployment>(&["metadata.managedFields", "spec.strategy.rollingUpdate.partition"]);
    every_field::<Service>(&["metadata.managedFields"]);
    every_field::<EndpointSlice>(&["metadata.managedFields"]);
}

#[test]
fn an_empty_time_is_none_and_a_zero_that_was_written_is_kept() {
    let table = schema::of_kind(Deployment::RESOURCE).unwrap();
    let read = |bytes: &[u8]| read_item::<Deployment, Deployment>(bytes).unwrap();
    // metadata (1) with creationTimestamp (8) of no length; spec (2) with replicas (1) 0.
    let bytes = [0x0a, 2, 0x42, 0, 0x12, 2, 0x08, 0];
    let deployment = read(&bytes);
    assert_eq!((deployment.metadata.creation_timestamp, deployment.spec.replicas), (None, Some(0)));
    let strategy =
        json!({"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": -3, "maxSurge": "25%"}}}});
    let update = read(&message(&strategy, table)).spec.strategy.rolling_update.unwrap();
    assert_eq!(serde_json::to_value(update).unwrap(), json!({"maxUnavailable": -3, "maxSurge": "25%"}));
}

#[test]
fn an_item_that_cannot_be_read_is_said_with_its_name_and_where_it_is_odd() {
    let pod = |name: &str, port: i64| {
        let ports = json!([{"containerPort": port}]);
        json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": [{"ports": ports}]}})
    };
    let mut pages = ListPages::new(Pod::RESOURCE, "/api/v1/pods");
    let first = page("PodList", "more", &[pod("a", 1), pod("odd", 1 << 40)], POD_TABLE);
    assert_eq!(ListPages::peek(&first).as_deref(), Some("more"));
    assert_eq!(pages.add(&first), Ok(Some("more".to_owned())));
    assert_eq!(pages.add(&page("PodList", "", &[pod("b", 1)], POD_TABLE)), Ok(None));
    let mut gathered = Gathered::default();
    gathered.lists.insert(Pod::RESOURCE.to_owned(), Ok(pages));
    let snapshot = gathered.into_snapshot();
    assert_eq!(
        (snapshot.source(Pod::RESOURCE), snapshot.objects.pods.len()),
        (SourceStatus::Read { count: 3 }, 2)
    );
    let [problem] = &snapshot.problems[..] else { panic!("{:?}", snapshot.problems) };
    assert_eq!(problem.place, "items[1] shop/odd");
    assert_eq!(
        problem.problem,
        "spec: containers: ports: containerPort: invalid value: integer `1099511627776`, expected i32; \
         skipped (/api/v1/pods)"
    );
    let other = page("ServiceList", "", &[], POD_TABLE);
    let why = ListPages::new(Pod::RESOURCE, "/api/v1/pods").add(&other).unwrap_err();
    assert_eq!(why, "/api/v1/pods holds a \"ServiceList\", not a list of pods");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However an answer is cut, what arrives is what a page of the same bytes holds.
    #[test]
    fn a_list_arrives_whole_in_pieces_of_any_size(size in 1..3000_usize, pods in 0..4_usize) {
        let (object, _): (Pod, _) = full(POD_TABLE);
        let items = vec![serde_json::to_value(&object).unwrap(); pods * 150];
        let answer = page("PodList", "", &items, POD_TABLE);
        let (mut arriving, mut pages) = (Arriving::default(), ListPages::new(Pod::RESOURCE, "/api/v1/pods"));
        for came in answer.chunks(size) {
            if let Some(part) = arriving.take(came).unwrap() {
                pages.add_part(&part).unwrap();
            }
        }
        pages.add_part(&arriving.end().unwrap()).unwrap();
        pages.end();
        prop_assert_eq!(pages.items(), items.len());
        prop_assert!(pages.objects().pods.iter().all(|pod| *pod == pages.objects().pods[0]));
        let mut cut = Arriving::default();
        for came in answer[..answer.len() - 5].chunks(size) {
            cut.take(came).unwrap();
        }
        prop_assert!(cut.end().is_err());
    }

}

proptest! {
    #[test]
    fn no_bytes_end_in_a_panic(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let (object, _): (Pod, _) = full(POD_TABLE);
        let value = serde_json::to_value(&object).unwrap();
        let mut bytes = page("PodList", "", &[value.clone(), value], POD_TABLE);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let _ = ListPages::new(Pod::RESOURCE, "/api/v1/pods").add(&bytes);
        let _ = ListPages::new(Pod::RESOURCE, "/api/v1/pods").add(&bytes[..cut.index(bytes.len())]);
        let mut arriving = Arriving::default();
        let _ = bytes.chunks(64).try_for_each(|came| arriving.take(came).map(|_| ()));
        let _ = refusal::<serde_json::Value>(&bytes);
    }
}
