//! The path: from what runs today to a target, hop by hop, patch levels chosen, each with its reason, and why others were
//! not taken. Pure.

mod agents;
mod jumps;
mod patches;
mod path;
mod releases;
mod situation;
#[cfg(test)]
mod tests;

pub use path::path;
pub use releases::{Day, Releases, ReleasesError};
pub use situation::{Agent, Situation};

/// Days after which a catalogue of releases is old: patches come monthly, a minor version each quarter.
pub const OLD_AFTER_DAYS: i32 = 92;
