//! Writes JSON as protobuf, as an API server does.

use meshlift_model::time::Time;
use serde_json::Value;

use crate::wire::shape::{Message, Shape};

/// A page of a list.
pub(super) fn page(kind: &str, token: &str, items: &[Value], table: &'static Message) -> Vec<u8> {
    let mut list = bytes(1, &bytes(3, token.as_bytes()));
    items.iter().for_each(|item| list.extend(bytes(2, &message(item, table))));
    let type_meta = [bytes(1, b"v1"), bytes(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), bytes(1, &type_meta), bytes(2, &list), bytes(3, b""), bytes(4, b"")].concat()
}

/// An object, or a part of one.
pub(super) fn message(value: &Value, table: &'static Message) -> Vec<u8> {
    let mut all = Vec::new();
    for field in table {
        match (&field.shape, value.get(field.name)) {
            (Shape::Inline(inner), _) => all.extend(bytes(field.number, &message(value, inner))),
            (shape, Some(value)) => all.extend(written(field.number, shape, value)),
            (_, None) => {}
        }
    }
    all
}

fn written(number: u32, shape: &'static Shape, value: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap().as_bytes().to_vec();
    match shape {
        Shape::Text => bytes(number, &text(value)),
        Shape::Quantity => bytes(number, &bytes(1, &text(value))),
        Shape::Int => varint(number, value.as_i64().unwrap()),
        Shape::Bool => varint(number, value.as_bool().unwrap().into()),
        Shape::Time => {
            let time = Time::parse(value.as_str().unwrap()).unwrap();
            bytes(number, &[varint(1, time.seconds()), varint(2, 0)].concat())
        }
        Shape::IntOrString => {
            let (type_, int, text) = match value.as_i64() {
                Some(int) => (0, int, Vec::new()),
                None => (1, 0, text(value)),
            };
            bytes(number, &[varint(1, type_), varint(2, int), bytes(3, &text)].concat())
        }
        Shape::Message(table) | Shape::Inline(table) => bytes(number, &message(value, table)),
        Shape::Many(of) => {
            value.as_array().unwrap().iter().flat_map(|one| written(number, of, one)).collect()
        }
        Shape::Map(of) => {
            let entry = |(key, value): (&String, &Value)| {
                bytes(number, &[bytes(1, key.as_bytes()), written(2, of, value)].concat())
            };
            value.as_object().unwrap().iter().flat_map(entry).collect()
        }
    }
}

fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    [tail(u64::from(number) << 3 | 2), tail(content.len() as u64), content.to_vec()].concat()
}

fn varint(number: u32, value: i64) -> Vec<u8> {
    [tail(u64::from(number) << 3), tail(value.cast_unsigned())].concat()
}

fn tail(mut value: u64) -> Vec<u8> {
    let mut all = Vec::new();
    while value >= 0x80 {
        all.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    all.push(value as u8);
    all
}
