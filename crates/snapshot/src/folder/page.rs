//! The frame of a kubectl list: its items are handed out one by one, as they are decoded.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::list::ListError;

/// Hands out the items of a list or of a page of it; yields the token of the next page. Where it fails, some items may
/// have been handed out.
pub(super) fn each_item<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    each: &mut dyn FnMut(T),
) -> Result<Option<String>, ListError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ListError("is empty".into()));
    }
    // Proven once for all of it: texts are many, and short.
    let text = std::str::from_utf8(bytes).map_err(|error| ListError(format!("is no text ({error})")))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let page = Page { each, item: PhantomData }.deserialize(&mut json);
    let head = page.and_then(|head| json.end().map(|()| head)).map_err(|error| {
        ListError(if error.is_eof() {
            format!("is cut off ({error})")
        } else {
            format!("is no list ({error})")
        })
    })?;
    if !head.kind.ends_with("List") {
        let what = if head.kind.is_empty() { "something without a kind" } else { &head.kind };
        return Err(ListError(format!("holds {what}, not a list")));
    }
    Ok(head.metadata.continue_token.filter(|token| !token.is_empty()))
}

/// What every kubectl list has beside its items.
#[derive(Default)]
struct Head {
    kind: String,
    metadata: ListMeta,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    /// Set where the API server sent only a page.
    #[serde(default, rename = "continue")]
    continue_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Kind,
    Metadata,
    Items,
    #[serde(other)]
    Other,
}

struct Page<'e, T> {
    each: &'e mut dyn FnMut(T),
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Page<'_, T> {
    type Value = Head;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Head, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Page<'_, T> {
    type Value = Head;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struct List")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head, A::Error> {
        let mut head = Head::default();
        let mut had_items = false;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Kind => head.kind = map.next_value()?,
                Field::Metadata => head.metadata = map.next_value()?,
                Field::Items if had_items => return Err(A::Error::duplicate_field("items")),
                Field::Items => {
                    had_items = true;
                    map.next_value_seed(Items { each: self.each, item: PhantomData })?;
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(head)
    }
}

struct Items<'e, T> {
    each: &'e mut dyn FnMut(T),
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    /// `null`: some servers write an empty list so.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.each)(item);
        }
        Ok(())
    }
}
