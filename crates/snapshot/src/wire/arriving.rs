//! A list in one answer, taken as it arrives: it may be far larger than what should be in memory at once.

use super::error::WireError;
use super::page::{MAGIC, kind_of};
use super::reader::{Reader, Wire};

/// Bytes that are worth decoding: some hundred pods.
const PART_BYTES: usize = 1 << 20;
/// Most bytes of one object; etcd takes a tenth of it.
const OBJECT_BYTES_MAX: usize = 1 << 24;
/// Most bytes before the first object.
const HEAD_BYTES_MAX: usize = 4096;

/// Some objects of a list.
#[derive(Debug)]
pub struct Part {
    pub(crate) kind: String,
    pub(crate) fields: Vec<u8>,
}

/// A list of which a beginning is there.
#[derive(Debug, Default)]
pub struct Arriving {
    /// Kind of the list, once it is known.
    kind: Option<String>,
    /// Bytes of the list that are still to come.
    missing: usize,
    bytes: Vec<u8>,
}

impl Arriving {
    /// Takes what came; yields whole objects once they are worth decoding.
    ///
    /// # Errors
    /// A sentence that says why it is no list, or what is too large in it.
    pub fn take(&mut self, mut came: &[u8]) -> Result<Option<Part>, String> {
        let Some(kind) = &self.kind else {
            self.bytes.extend_from_slice(came);
            return self.take_head().map_err(|error| format!("is no list ({error})"));
        };
        came = came.get(..self.missing).unwrap_or(came);
        self.missing -= came.len();
        self.bytes.extend_from_slice(came);
        if self.bytes.len() < PART_BYTES {
            return Ok(None);
        }
        let end = whole_fields(&self.bytes);
        if end == 0 {
            let too_large = self.bytes.len() > OBJECT_BYTES_MAX;
            return if too_large { Err("holds an object that is too large".to_owned()) } else { Ok(None) };
        }
        let rest = self.bytes.split_off(end);
        let fields = std::mem::replace(&mut self.bytes, rest);
        Ok(Some(Part { kind: kind.clone(), fields }))
    }

    /// The last objects, once all came.
    ///
    /// # Errors
    /// Where not all of it came.
    pub fn end(self) -> Result<Part, String> {
        match self.kind {
            Some(kind) if self.missing == 0 => Ok(Part { kind, fields: self.bytes }),
            Some(_) | None => Err("is cut off".to_owned()),
        }
    }

    /// Takes the envelope off, if it is there by now.
    fn take_head(&mut self) -> Result<Option<Part>, WireError> {
        if !self.bytes.starts_with(&MAGIC[..MAGIC.len().min(self.bytes.len())]) {
            return Err(WireError::new("it is not protobuf"));
        }
        let Some((kind, length, at)) = head(&self.bytes) else {
            let is_none = self.bytes.len() > HEAD_BYTES_MAX;
            return if is_none { Err(WireError::new("it has no beginning")) } else { Ok(None) };
        };
        (self.kind, self.missing) = (Some(kind?), length);
        let came = self.bytes.split_off(at);
        self.bytes.clear();
        self.take(&came).map_err(|error| WireError::new(&error))
    }
}

/// Kind of a list, its length and where it begins; `None` where that is not there yet.
fn head(bytes: &[u8]) -> Option<(Result<String, WireError>, usize, usize)> {
    let mut reader = Reader(bytes.get(MAGIC.len()..)?);
    let (1, Wire::Bytes(type_meta)) = reader.next().ok()?? else { return None };
    // The list itself is the second field; it is not there as a whole.
    let tag = reader.varint().ok()?;
    let length = usize::try_from(reader.varint().ok()?).ok()?;
    (tag == 2 << 3 | 2).then(|| (kind_of(type_meta), length, bytes.len() - reader.0.len()))
}

/// Where the last field ends that is there as a whole.
fn whole_fields(bytes: &[u8]) -> usize {
    let mut reader = Reader(bytes);
    loop {
        let before = reader;
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => return bytes.len(),
            Err(_) => return bytes.len() - before.0.len(),
        }
    }
}
