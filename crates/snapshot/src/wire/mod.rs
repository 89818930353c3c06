//! Lists as protobuf: what an API server writes and meshlift reads several times as fast as the same list as JSON.
//! docs/decisions/0009.

mod arriving;
mod error;
mod message;
mod page;
mod reader;
mod schema;
mod shape;
#[cfg(test)]
mod tests;

pub use self::arriving::{Arriving, Part};
pub(crate) use self::page::{Page, is_protobuf, read_item};
pub use self::page::{is_read_as_protobuf, refusal};
