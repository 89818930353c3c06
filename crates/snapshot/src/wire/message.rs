//! Messages as serde reads them: as the JSON of the same object would be read. Fields, elements of a list and entries of a map
//! come in the order in which they are written.

use meshlift_model::time::Time;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::WireError;
use super::reader::{Reader, Wire};
use super::shape::{Field, Message, Shape};

/// One value: a field's, an element's or an entry's.
#[derive(Clone, Copy)]
struct Value<'a> {
    shape: &'static Shape,
    wire: Wire<'a>,
}

impl<'a> Value<'a> {
    fn bytes(self) -> Result<&'a [u8], WireError> {
        match self.wire {
            Wire::Bytes(bytes) => Ok(bytes),
            Wire::Varint(_) | Wire::Fixed => Err(self.other_wire()),
        }
    }

    fn number(self) -> Result<u64, WireError> {
        match self.wire {
            Wire::Varint(number) => Ok(number),
            Wire::Bytes(_) | Wire::Fixed => Err(self.other_wire()),
        }
    }

    fn other_wire(self) -> WireError {
        WireError::new(&format!("{:?} is not written so", self.shape))
    }

    fn text(self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(WireError::custom)
    }

    /// A field of the message that it is, the last one of that number.
    fn part(self, number: u32) -> Result<Option<Wire<'a>>, WireError> {
        let (mut reader, mut found) = (Reader(self.bytes()?), None);
        while let Some((other, wire)) = reader.next()? {
            found = if other == number { Some(wire) } else { found };
        }
        Ok(found)
    }

    fn quantity<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, WireError> {
        let text = self.part(1)?.map(|wire| Value { shape: &Shape::Text, wire }.text()).transpose()?;
        visitor.visit_borrowed_str(text.unwrap_or_default())
    }

    fn time<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, WireError> {
        let seconds = self.part(1)?.map(|wire| Value { shape: &Shape::Int, wire }.number()).transpose()?;
        let seconds = seconds.unwrap_or_default().cast_signed();
        visitor.visit_string(Time::default().plus_seconds(seconds).to_string())
    }

    fn int_or_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, WireError> {
        let part = |number, shape| Ok(self.part(number)?.map(|wire| Value { shape, wire }));
        // Type 0 is a number, 1 a text.
        let type_ = part(1, &Shape::Int)?.map_or(Ok(0), Value::number)?;
        if type_ == 0 {
            let number = part(2, &Shape::Int)?.map_or(Ok(0), Value::number)?;
            visitor.visit_i64(number.cast_signed())
        } else {
            visitor.visit_borrowed_str(part(3, &Shape::Text)?.map_or(Ok(""), Value::text)?)
        }
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match self.shape {
            Shape::Text => visitor.visit_borrowed_str(self.text()?),
            Shape::Int => visitor.visit_i64(self.number()?.cast_signed()),
            Shape::Bool => visitor.visit_bool(self.number()? != 0),
            Shape::Time => self.time(visitor),
            Shape::IntOrString => self.int_or_string(visitor),
            Shape::Quantity => self.quantity(visitor),
            Shape::Message(message) | Shape::Inline(message) => {
                visitor.visit_map(Fields::new(message, self.bytes()?))
            }
            Shape::Many(_) | Shape::Map(_) => Err(self.other_wire()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        match (self.shape, self.wire) {
            (Shape::Time, Wire::Bytes([])) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Not even looked at.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// Fields of a message, one after another.
pub(super) struct Fields<'a> {
    message: &'static Message,
    reader: Reader<'a>,
    /// The message in which this one's fields are shown.
    outer: Option<(&'static Message, Reader<'a>)>,
    /// The field whose value is next.
    next: Option<(&'static Field, Wire<'a>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'static Message, bytes: &'a [u8]) -> Self {
        Self { message, reader: Reader(bytes), outer: None, next: None }
    }

    /// The next field that is known.
    fn step(&mut self) -> Result<Option<(&'static Field, Wire<'a>)>, WireError> {
        loop {
            let Some((number, wire)) = self.reader.next()? else {
                let Some(outer) = self.outer.take() else { return Ok(None) };
                (self.message, self.reader) = outer;
                continue;
            };
            let Some(field) = self.message.iter().find(|field| field.number == number) else { continue };
            let Shape::Inline(inner) = field.shape else { return Ok(Some((field, wire))) };
            // Once at most: no such message is in another.
            self.outer = Some((self.message, self.reader));
            self.reader = Reader(Value { shape: &field.shape, wire }.bytes()?);
            self.message = inner;
        }
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WireError> {
        self.next = self.step()?;
        let Some((field, _)) = self.next else { return Ok(None) };
        let name: StrDeserializer<'_, WireError> = field.name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WireError> {
        let (field, wire) = self.next.take().ok_or_else(|| WireError::new("a value has no field"))?;
        let value = match &field.shape {
            Shape::Many(shape) | Shape::Map(shape) => {
                let map = matches!(field.shape, Shape::Map(_));
                let (number, reader) = (field.number, &mut self.reader);
                seed.deserialize(Run { shape, number, map, first: Some(wire), reader })
            }
            shape => seed.deserialize(Value { shape, wire }),
        };
        value.map_err(|why| WireError::new(&format!("{}: {why}", field.name)))
    }
}

/// Fields of one number, one behind the other: a list, or a map.
struct Run<'r, 'a> {
    /// Of an element, or of an entry's value.
    shape: &'static Shape,
    number: u32,
    map: bool,
    first: Option<Wire<'a>>,
    reader: &'r mut Reader<'a>,
}

impl<'a> Run<'_, 'a> {
    fn next(&mut self) -> Result<Option<Wire<'a>>, WireError> {
        match self.first.take() {
            Some(wire) => Ok(Some(wire)),
            None => self.reader.next_of(self.number),
        }
    }
}

impl<'de> Deserializer<'de> for Run<'_, 'de> {
    type Error = WireError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        if self.map { visitor.visit_map(Entries { run: self, value: None }) } else { visitor.visit_seq(self) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WireError> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Run<'_, 'de> {
    type Error = WireError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, WireError> {
        let Some(wire) = self.next()? else { return Ok(None) };
        seed.deserialize(Value { shape: self.shape, wire }).map(Some)
    }
}

/// A map.
struct Entries<'r, 'a> {
    run: Run<'r, 'a>,
    /// Of the entry whose key was read.
    value: Option<Value<'a>>,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = WireError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WireError> {
        let Some(wire) = self.run.next()? else { return Ok(None) };
        let entry = Value { shape: &Shape::Text, wire };
        let part = |number| Ok(entry.part(number)?.unwrap_or(Wire::Bytes(&[])));
        self.value = Some(Value { shape: self.run.shape, wire: part(2)? });
        seed.deserialize(Value { shape: &Shape::Text, wire: part(1)? }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WireError> {
        let value = self.value.take().ok_or_else(|| WireError::new("a value has no key"))?;
        seed.deserialize(value)
    }
}
