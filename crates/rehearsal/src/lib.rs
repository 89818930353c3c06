//! A rehearsal: driver and engine, unchanged, on the digital twin, judged by checkers that share no code with
//! them.

mod assemble;
mod faults;
mod rehearsal;
mod restored;
mod series;
mod stage;

pub use meshlift_twin::faults::{Fault, light};
pub use rehearsal::{Ended, Outcome, Rehearsal};
pub use restored::{forward_only, restored};
pub use stage::{Crash, Cut, Driven, Fate, Moment, Stage};
