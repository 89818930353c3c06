//! Objects in which every field has a value: their types are asked which fields they read, so a new field is in them
//! from its first day.

use std::cell::RefCell;

use meshlift_model::k8s::{KindInfo, KindWork, Resource, with_kind};
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Name of each.
const NAME: &str = "all";
const TIME: &str = "2026-11-23T20:26:12Z";
/// Maps of quantities, and the resource that they name.
const QUANTITIES: [&str; 10] = [
    "allocatable",
    "capacity",
    "default",
    "defaultRequest",
    "hard",
    "limits",
    "max",
    "min",
    "requests",
    "used",
];
/// Lists of one name that are in each other.
const NESTED_MAX: usize = 2;
/// Texts without which a field is passed over, by the end of its pointer.
const WORDS: [(&str, &str); 8] = [
    ("/operator", "In"),
    ("/status", "True"),
    ("/key", KEY),
    ("/scaleTargetRef/kind", "Deployment"),
    ("/kind", "Service"),
    ("/group", ""),
    ("Time", TIME),
    ("Timestamp", TIME),
];
/// Key of labels.
const KEY: &str = "app";

/// An object of a kind in which every field has a value, as JSON. Its name is `all`; labels, selectors and whatever it
/// refers to are this app of this namespace.
///
/// # Panics
/// Where the kind has a field that can hold none of the values that are tried: say in this file what it holds.
#[must_use]
pub fn full(kind: &KindInfo, (namespace, app): (&str, &str)) -> Value {
    let mut object = with_kind(kind.resource, Ask { app }).unwrap_or_default();
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        metadata.insert("name".to_owned(), NAME.into());
        metadata.remove("namespace");
        if kind.namespaced {
            metadata.insert("namespace".to_owned(), namespace.into());
        }
    }
    object
}

struct Ask<'a> {
    app: &'a str,
}

impl KindWork for Ask<'_> {
    type Output = Value;

    #[expect(clippy::panic, reason = "for tests: a kind that cannot be made is a mistake of this file")]
    fn run<R: Resource + DeserializeOwned>(self) -> Value {
        let made = RefCell::new(Value::Null);
        if let Err(error) = R::deserialize(Probe { at: String::new(), app: self.app, made: &made }) {
            panic!("{}: {error}, after {}", R::KIND, made.into_inner());
        }
        made.into_inner()
    }
}

/// A value that is whatever its type asks for; what it gave is written down.
struct Probe<'m> {
    /// Pointer of the value.
    at: String,
    app: &'m str,
    made: &'m RefCell<Value>,
}

impl<'m> Probe<'m> {
    /// Gives this value.
    fn give(&self, value: Value) {
        let mut made = self.made.borrow_mut();
        let Some((parent, name)) = self.at.rsplit_once('/') else {
            *made = value;
            return;
        };
        match made.pointer_mut(parent) {
            Some(Value::Object(fields)) => drop(fields.insert(name.to_owned(), value)),
            Some(Value::Array(items)) => items.push(value),
            _ => {}
        }
    }

    fn within(&self, name: &str) -> Self {
        Self { at: format!("{}/{name}", self.at), ..*self }
    }

    /// Name of the field that it is in, without places in lists.
    fn field(&self) -> &str {
        let mut parts = self.at.rsplit('/');
        parts.find(|part| part.parse::<usize>().is_err()).unwrap_or_default()
    }

    fn text(&self) -> &'m str {
        if self.at.rsplit('/').nth(1).is_some_and(|parent| QUANTITIES.contains(&parent)) {
            return "1";
        }
        WORDS.iter().find(|(end, _)| self.at.ends_with(end)).map_or(self.app, |(_, word)| word)
    }
}

impl<'de> IntoDeserializer<'de> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($( $ask:ident )*) => { $(
        fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.give(2.into());
            visitor.visit_i64(2)
        }
    )* };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text();
        self.give(text.into());
        visitor.visit_str(text)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.give(true.into());
        visitor.visit_bool(true)
    }

    numbers! { deserialize_i32 deserialize_i64 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f64 }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.give(Value::Array(Vec::new()));
        // Settings of a port are settings, which may have some for a port.
        let again = self.at.split('/').filter(|part| *part == self.field()).count();
        let item = (again <= NESTED_MAX).then(|| self.within("0"));
        visitor.visit_seq(SeqDeserializer::new(item.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.give(Value::Object(Map::new()));
        let key = if QUANTITIES.contains(&self.field()) { "cpu" } else { KEY };
        visitor.visit_map(MapDeserializer::new([(key, self.within(key))].into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.give(Value::Object(Map::new()));
        let fields = fields.iter().map(|name| (*name, self.within(name)));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{KINDS, Object};

    use super::*;

    const APP: (&str, &str) = ("web", "bff");

    #[test]
    fn every_kind_can_be_made_and_is_read_as_it_was_made() {
        for kind in KINDS {
            let object = Object::from_value(kind.kind, full(kind, APP)).unwrap().unwrap();
            let namespace = if kind.namespaced { "web" } else { "" };
            assert_eq!((object.meta().namespace.as_str(), object.meta().name.as_str()), (namespace, NAME));
        }
    }

    #[test]
    fn fields_at_any_depth_have_a_value() {
        let deployments = KINDS.iter().find(|kind| kind.kind == "Deployment").unwrap();
        let deployment = full(deployments, APP);
        let at = |pointer: &str| deployment.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/spec/replicas"), 2);
        assert_eq!(at("/spec/selector/matchLabels/app"), "bff");
        assert_eq!(at("/spec/selector/matchExpressions/0/operator"), "In");
        assert_eq!(at("/spec/template/spec/containers/0/resources/requests/cpu"), "1");
        assert_eq!(at("/status/conditions/0/lastUpdateTime"), TIME);
    }
}
