//! What a judgement comes to: the next thing to do, or why there is none.

use meshlift_model::effect::{EffectId, Query, Write};
use meshlift_model::journal::Undo;
use meshlift_model::plan::WaitingOn;
use meshlift_model::time::Time;

/// What comes next for one task.
///
/// A judgement is a pure function of what was read since the task last acted. It asks until it knows
/// enough, then names one write, one wait, or an end. After a write or a wait everything is read again,
/// so a task that starts anew (another process, a conflict) finds its work done where it is done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// Read these first.
    Ask(Vec<Query>),
    /// Change this, then look again.
    Write(Box<Draft>),
    /// Look again then.
    Wait(Wait),
    /// It is through; why that is known.
    Done(String),
    /// It cannot go on.
    Fail(Trouble),
}

/// A value that was read, or what has to come before it.
pub(crate) type Judged<T = Next> = Result<T, Next>;

/// A write as a judgement wants it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub(crate) write: Write,
    pub(crate) undo: Undo,
    /// The effect that it takes back.
    pub(crate) reverses: Option<EffectId>,
}

/// A wait, with its reason for people.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wait {
    pub(crate) until: Time,
    pub(crate) why: String,
    /// Pods that moved, and all, where a workload is awaited.
    pub(crate) progress: Option<(usize, usize)>,
}

/// Why a task cannot go on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) blame: Blame,
    pub(crate) why: String,
}

/// What a failure says of the step (law 14).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Blame {
    /// The new cohort is worse than the old: the step is taken back.
    NewCohort,
    /// Not known to be the new cohort's fault: hold, touch nothing.
    Nobody,
    /// A person or something outside has to act first.
    Awaits(Box<WaitingOn>),
}

impl Trouble {
    /// Somebody has to act first.
    pub(crate) fn awaits(on: WaitingOn) -> Self {
        Self { why: on.reason.clone(), blame: Blame::Awaits(Box::new(on)) }
    }
}

impl Next {
    /// A forward write with its inverse.
    pub(crate) fn write(write: Write, undo: Undo) -> Self {
        Self::Write(Box::new(Draft { write, undo, reverses: None }))
    }

    /// A failure that holds the step.
    pub(crate) fn hold(why: impl Into<String>) -> Self {
        Self::Fail(Trouble { blame: Blame::Nobody, why: why.into() })
    }

    /// A failure that takes the step back.
    pub(crate) fn blame(why: impl Into<String>) -> Self {
        Self::Fail(Trouble { blame: Blame::NewCohort, why: why.into() })
    }
}

/// The inverse of a write, as one write.
pub(crate) fn inverse(write: Write) -> Undo {
    Undo::Inverse { writes: vec![write] }
}
