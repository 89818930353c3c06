//! The intent file: read, and held against the mesh.

mod error;
mod parse;

pub use error::IntentError;
pub use parse::parse;
