//! Answers: the envelope, and in it a page of a list or a refusal.

use meshlift_model::k8s::Resource;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::WireError;
use super::message::Fields;
use super::reader::{Reader, Wire};
use super::schema;
use super::shape::Message;

/// How such an answer begins.
pub(super) const MAGIC: &[u8] = b"k8s\0";

/// True for lists (plural with group) that are asked for as protobuf.
#[must_use]
pub fn is_read_as_protobuf(resource: &str) -> bool {
    schema::of_kind(resource).is_some()
}

/// True for an answer that is protobuf, not JSON: a server may send either.
#[must_use]
pub(crate) fn is_protobuf(answer: &[u8]) -> bool {
    answer.starts_with(MAGIC)
}

/// What a server says where it refuses a request that asked for protobuf: a `metav1.Status`. `None` where it is none.
#[must_use]
pub fn refusal<T: DeserializeOwned>(answer: &[u8]) -> Option<T> {
    let (kind, status) = unwrap(answer).ok()?;
    if kind == "Status" { read(schema::STATUS, status).ok() } else { None }
}

/// One page of a list, its items still as they are on the wire.
pub(crate) struct Page<'a> {
    /// Kind of the list, such as `PodList`.
    pub(crate) kind: String,
    /// Of the next page.
    pub(crate) token: Option<String>,
    pub(crate) items: Vec<&'a [u8]>,
}

impl<'a> Page<'a> {
    /// Takes a page apart.
    pub(crate) fn parse(answer: &'a [u8]) -> Result<Self, WireError> {
        let (kind, list) = unwrap(answer)?;
        Self::of_fields(kind, list)
    }

    /// Takes fields of a list apart: all of them, or some.
    pub(crate) fn of_fields(kind: String, fields: &'a [u8]) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        struct ListMeta {
            #[serde(default, rename = "continue")]
            token: String,
        }
        let (mut page, mut reader) = (Self { kind, token: None, items: Vec::new() }, Reader(fields));
        while let Some(field) = reader.next()? {
            match field {
                (1, Wire::Bytes(bytes)) => {
                    let meta: ListMeta = read(schema::LIST_META, bytes)?;
                    page.token = Some(meta.token).filter(|token| !token.is_empty());
                }
                (2, Wire::Bytes(item)) => page.items.push(item),
                _ => {}
            }
        }
        Ok(page)
    }
}

/// Reads an item of such a page: all of it as its kind, or what another type wants of it.
pub(crate) fn read_item<'a, R: Resource, T: Deserialize<'a>>(item: &'a [u8]) -> Result<T, WireError> {
    let schema =
        schema::of_kind(R::RESOURCE).ok_or_else(|| WireError::new("its kind is read as JSON alone"))?;
    read(schema, item)
}

fn read<'a, T: Deserialize<'a>>(message: &'static Message, bytes: &'a [u8]) -> Result<T, WireError> {
    T::deserialize(Fields::new(message, bytes))
}

/// The kind that a `runtime.TypeMeta` names.
pub(super) fn kind_of(type_meta: &[u8]) -> Result<String, WireError> {
    #[derive(Deserialize)]
    struct TypeMeta {
        #[serde(default)]
        kind: String,
    }
    Ok(read::<TypeMeta>(schema::TYPE_META, type_meta)?.kind)
}

/// What is in the envelope of every answer, a `runtime.Unknown`: a kind and its message.
fn unwrap(answer: &[u8]) -> Result<(String, &[u8]), WireError> {
    let unknown =
        answer.strip_prefix(MAGIC).ok_or_else(|| WireError::new("it does not begin as protobuf"))?;
    let (mut kind, mut raw, mut reader) = (String::new(), None, Reader(unknown));
    while let Some(field) = reader.next()? {
        match field {
            (1, Wire::Bytes(bytes)) => kind = kind_of(bytes)?,
            (2, Wire::Bytes(bytes)) => raw = Some(bytes),
            (3, Wire::Bytes([_, ..])) => return Err(WireError::new("it is encoded once more")),
            _ => {}
        }
    }
    raw.map(|raw| (kind, raw)).ok_or_else(|| WireError::new("its envelope is empty"))
}
