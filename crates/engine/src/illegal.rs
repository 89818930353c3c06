//! Why a journal line does not follow from the lines before it.

/// A line that the state does not expect. The run is not understood; nothing may be done on its strength.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {sequence} of the journal ({record}) does not follow from the lines before it: {why}")]
pub struct IllegalRecord {
    /// Sequence of the line.
    pub sequence: u64,
    /// Its record, by name.
    pub record: &'static str,
    /// What is wrong.
    pub why: IllegalReason,
}

/// What is wrong with a journal line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalReason {
    /// A line is missing or came twice.
    #[error("line {expected} was due")]
    Sequence {
        /// Sequence that was due.
        expected: u64,
    },
    /// Written by a newer meshlift.
    #[error("its format is {found}, this meshlift reads up to {known}")]
    Format {
        /// Format of the journal.
        found: u32,
        /// Format that is known.
        known: u32,
    },
    /// Only the first line starts a run, and the first line must.
    #[error("a run starts with its first line and only there")]
    NotTheStart,
    /// The plan cannot be executed as it is.
    #[error("the plan has a broken step `{step}`: {reason}")]
    Plan {
        /// Step.
        step: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The plan has no such step.
    #[error("the plan has no step `{step}`")]
    UnknownStep {
        /// Step.
        step: String,
    },
    /// The step has no such action.
    #[error("step `{step}` has no action {action}")]
    UnknownAction {
        /// Step.
        step: String,
        /// Action's index.
        action: usize,
    },
    /// The effect was never meant, or is meant twice, or was answered before.
    #[error("effect {effect} is not due")]
    Effect {
        /// Effect.
        effect: u64,
    },
    /// The step is not in a state for that.
    #[error("step `{step}` is not ready for it: {reason}")]
    Order {
        /// Step.
        step: String,
        /// What comes first.
        reason: &'static str,
    },
    /// The run is over.
    #[error("the run is over")]
    Over,
}
