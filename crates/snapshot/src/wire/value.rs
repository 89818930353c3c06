//! Messages as serde reads them: as the JSON of the same object would be read.

use meshlift_model::time::Time;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::error::WireError;
use super::fields::Fields;
use super::reader::{Reader, Wire};
use super::shape::Shape;

/// One value: a field's, an element's or an entry's.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) shape: &'static Shape,
    pub(super) wire: Wire<'a>,
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], WireError> {
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
    pub(super) fn part(self, number: u32) -> Result<Option<Wire<'a>>, WireError> {
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
