//! Runs on a live cluster.
//!
//! A run is kept in the cluster ([`Runs`] finds and begins it), one process executes it at a time ([`drive`]), and
//! any machine may leave it a command. What happens is told event by event; nothing here prints.

mod by_hand;
mod error;
mod execution;
mod interrupts;
mod runs;
mod status;

pub use by_hand::{TagDocuments, script};
pub use error::LiveError;
pub use execution::{Execution, drive, installs, needs_manifest};
pub use interrupts::Interrupt;
pub use runs::{Found, Runs};
