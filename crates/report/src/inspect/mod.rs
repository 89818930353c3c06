//! The mesh at a glance, and one thing of it explained.

mod followers;
mod gateways;
mod json;
mod one;
mod screen;
mod subject;

pub(crate) use followers::by;
pub use json::{InspectJson, inspect_json};
pub(crate) use json::{SourceJson, istio_versions, sources};
pub use one::{explain, explain_json};
pub use screen::{SloCritical, screen};
pub(crate) use screen::{is_needed, summary, verdicts};
pub use subject::{Subject, SubjectError};
