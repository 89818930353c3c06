//! The intent file: read, and held against the mesh.

mod error;
mod parse;
mod validate;

pub use error::{IntentError, Place};
pub use parse::parse;

pub(crate) use parse::end_of_day;
pub(crate) use validate::validate;
