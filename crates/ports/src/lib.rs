//! Traits to the world. They speak effects and observations, not HTTP.
//!
//! The driver is synchronous: it submits effects and takes whatever comes next. An adapter owns its
//! runtime, its connections and its clock; the twin owns virtual time. Cluster, istiod and installer sit
//! behind one [`WorldPort`], because one queue of arrivals keeps their order; adapters split inside.

mod line_format;

use std::sync::Arc;

use meshlift_model::effect::{Effect, EffectId};
use meshlift_model::journal::{Input, JournalLine};
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;

pub use line_format::{line_bytes, parse_line, parse_lines, whole_lines};

/// The world that a run acts on.
pub trait WorldPort {
    /// Time now, as the world tells it.
    fn now(&self) -> Time;

    /// Hands an effect over. Its outcome arrives later through [`WorldPort::next`], exactly once, also
    /// when the effect failed.
    fn submit(&mut self, effect_id: EffectId, effect: &Effect);

    /// Waits for whatever comes next: an outcome, a command, or the given time (a tick).
    ///
    /// With no time given it returns at the next outcome or command; if none can come, at a tick now.
    fn next(&mut self, until: Option<Time>) -> Input;

    /// Reads the whole mesh as it is now: checks run on it.
    ///
    /// # Errors
    /// Where the mesh cannot be read at all; single sources report in the snapshot.
    fn snapshot(&mut self) -> Result<Snapshot, PortError>;

    /// As [`WorldPort::snapshot`], shared: a world that keeps one up to date need not copy it each time.
    ///
    /// # Errors
    /// As [`WorldPort::snapshot`].
    fn shared_snapshot(&mut self) -> Result<Arc<Snapshot>, PortError> {
        self.snapshot().map(Arc::new)
    }
}

/// Where the journal is kept. One writer at a time.
pub trait JournalPort {
    /// Appends a line; durable when it returns.
    ///
    /// # Errors
    /// Where the line could not be made durable, or its sequence is not the next one. Nothing may be
    /// submitted on the strength of a line that failed.
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError>;

    /// All lines so far, in order.
    ///
    /// # Errors
    /// Where a line other than a torn last one cannot be read.
    fn lines(&self) -> Result<Vec<JournalLine>, JournalError>;
}

/// The world could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mesh could not be read: {reason}")]
pub struct PortError {
    /// What happened.
    pub reason: String,
}

/// The journal failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It could not be written.
    #[error("the journal at {place} could not be written: {reason}")]
    Write {
        /// Where.
        place: String,
        /// What happened.
        reason: String,
    },
    /// It could not be read.
    #[error("the journal at {place} could not be read: {reason}")]
    Read {
        /// Where.
        place: String,
        /// What happened.
        reason: String,
    },
    /// A line in the middle is damaged: the run cannot be trusted.
    #[error("line {line} of the journal at {place} is damaged: {reason}")]
    Damaged {
        /// Where.
        place: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else appended.
    #[error("the journal at {place} has gone on to line {found}, this executor was at {expected}")]
    Stale {
        /// Where.
        place: String,
        /// Sequence that was to be written.
        expected: u64,
        /// Sequence that is next.
        found: u64,
    },
}
