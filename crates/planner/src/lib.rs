//! The planner: from a mesh and an intent to a plan. Pure: the same input gives the same plan.

mod announce;
mod audit;
pub mod baseline;
mod choices;
mod diff;
mod digest;
mod error;
mod file;
mod fits;
pub mod intent;
mod nearest;
mod note;
mod plan;
pub mod report;
mod rules;
mod safety;
mod situation;
mod survey;
mod times;
pub mod versions;

pub use announce::leaves_behind;
pub use audit::{audit, is_fatal};
pub use diff::{Change, PlanDiff, diff};
pub use digest::{intent_digest, plan_digest};
pub use error::PlanError;
pub use file::{PlanFileError, read, write};
pub use fits::fits;
pub use nearest::nearest;
pub use note::{Note, NoteSeverity};
pub use plan::{is_finished, plan};
pub use report::{Fate, PlanningReport};
