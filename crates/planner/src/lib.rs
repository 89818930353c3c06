//! The planner: from a mesh and an intent to a plan. Pure: the same input gives the same plan.

mod digest;
mod file;
pub mod intent;
mod nearest;

pub use digest::{intent_digest, plan_digest};
pub use file::{PlanFileError, fits, read, write};
