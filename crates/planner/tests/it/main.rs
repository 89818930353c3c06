//! Plans of recorded meshes, and of meshes that were changed a little.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod audit;
mod catalogue;
mod choices;
mod common;
mod diff;
mod endings;
mod errors;
mod files;
mod golden;
mod names;
mod replan;
mod subsets;
mod summary;
mod synthetic;
