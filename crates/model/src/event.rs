//! One stream of events, many displays.

use serde::{Deserialize, Serialize};

use crate::journal::RunResult;
use crate::names::ObjectRef;
use crate::plan::WaitingOn;
use crate::time::Time;

/// Something that people may want to see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Time,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A step begins.
    StepStarted {
        /// Step.
        step: String,
    },
    /// An action begins.
    ActionStarted {
        /// Step.
        step: String,
        /// Subject.
        subject: ObjectRef,
        /// Verb.
        verb: String,
    },
    /// A workload moves on.
    Progress {
        /// Step.
        step: String,
        /// Workload.
        subject: ObjectRef,
        /// Pods on the new revision and ready.
        moved: usize,
        /// Pods in all.
        pods: usize,
    },
    /// An action is through.
    ActionDone {
        /// Step.
        step: String,
        /// Subject.
        subject: ObjectRef,
    },
    /// A gate was judged.
    GateJudged {
        /// Step.
        step: String,
        /// Gate in words.
        gate: String,
        /// It held.
        passed: bool,
        /// Why.
        reason: String,
    },
    /// A bake begins.
    Baking {
        /// Step.
        step: String,
        /// Until.
        until: Time,
    },
    /// An approval was given.
    Approved {
        /// Step.
        step: String,
        /// By whom.
        by: String,
    },
    /// Not acting, with the reason.
    Waiting {
        /// Step.
        step: String,
        /// On what.
        on: WaitingOn,
    },
    /// An effect failed and is tried again.
    Retrying {
        /// Subject.
        subject: ObjectRef,
        /// Why.
        why: String,
    },
    /// A command that does not fit how the run stands: nothing came of it.
    CommandRefused {
        /// The command, in words.
        command: String,
        /// Why.
        why: String,
    },
    /// A step is being taken back.
    Undoing {
        /// Step.
        step: String,
        /// Why.
        why: String,
    },
    /// A step is over.
    StepEnded {
        /// Step.
        step: String,
        /// `done`, `waiting`, `undone`, `held`.
        state: String,
    },
    /// The run is over.
    RunEnded {
        /// Result.
        result: RunResult,
        /// Why.
        reason: String,
    },
}
