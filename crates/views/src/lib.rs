//! Answers to the engine's questions, and the changes that it asks for, worked out from objects alone.
//!
//! The twin and the adapter of live clusters both answer with these words: what a rehearsal saw is what a run sees.
//! Where the objects come from is theirs: see [`ObjectSource`] and [`Proxies`]. The twin's checkers do not use this
//! room, so that a mistake in it cannot hide from them.

pub mod census;
pub mod consumers;
pub mod install;
pub mod kubectl;
pub mod patch;
pub mod proxies;
pub mod revision;
mod rollout;
pub mod source;
pub mod tags;
pub mod workload;

pub use proxies::{Link, Proxies, ToldProxies};
pub use source::ObjectSource;
