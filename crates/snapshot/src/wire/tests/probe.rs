//! Objects in which every field has a value: made by asking a type which fields it reads.

use std::cell::RefCell;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::wire::error::WireError;
use crate::wire::shape::{Message, Shape};

/// Such an object, and the paths of the fields that its type reads and its table does not have.
pub(super) fn full<T: DeserializeOwned>(table: &'static Message) -> (T, Vec<String>) {
    let missing = RefCell::new(Vec::new());
    let probe = Probe { shape: Shape::Message(table), path: String::new(), missing: &missing };
    let object = T::deserialize(probe).unwrap();
    let mut missing = missing.into_inner();
    missing.sort();
    missing.dedup();
    (object, missing)
}

#[derive(Clone)]
struct Probe<'m> {
    shape: Shape,
    path: String,
    missing: &'m RefCell<Vec<String>>,
}

impl Probe<'_> {
    fn of(&self, shape: Shape) -> Self {
        Self { shape, path: self.path.clone(), missing: self.missing }
    }
}

/// Fields of a message, those of messages within it that JSON does not show among them.
fn fields(table: &'static Message) -> Vec<(&'static str, Shape)> {
    let shown = |field: &'static crate::wire::shape::Field| match field.shape {
        Shape::Inline(inner) => fields(inner),
        shape => vec![(field.name, shape)],
    };
    table.iter().flat_map(shown).collect()
}

impl<'de> IntoDeserializer<'de, WireError> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.shape {
            Shape::Text => visitor.visit_str("a text"),
            Shape::Int => visitor.visit_i64(7),
            Shape::Bool => visitor.visit_bool(true),
            Shape::Time => visitor.visit_str("2026-11-23T20:26:12Z"),
            Shape::IntOrString => visitor.visit_str("25%"),
            Shape::Quantity => visitor.visit_str("128Mi"),
            Shape::Message(_) | Shape::Inline(_) => Err(WireError::new("only structs are messages")),
            Shape::Many(of) => {
                let items = vec![self.of(*of), self.of(*of)];
                visitor.visit_seq(SeqDeserializer::new(items.into_iter()))
            }
            Shape::Map(of) => {
                let entries = vec![("a", self.of(*of)), ("b", self.of(*of))];
                visitor.visit_map(MapDeserializer::new(entries.into_iter()))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        wanted: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WireError> {
        let Shape::Message(table) = self.shape else { return self.deserialize_any(visitor) };
        let known = fields(table);
        let mut entries = Vec::new();
        for name in wanted {
            let path =
                if self.path.is_empty() { (*name).to_owned() } else { format!("{}.{name}", self.path) };
            match known.iter().find(|(field, _)| field == name) {
                Some((_, shape)) => {
                    entries.push((*name, Probe { shape: *shape, path, missing: self.missing }));
                }
                None => self.missing.borrow_mut().push(path),
            }
        }
        visitor.visit_map(MapDeserializer::new(entries.into_iter()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
