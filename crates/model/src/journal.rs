//! The journal: what was meant, what was done, what came of it. A run is the fold of its lines.

use serde::{Deserialize, Serialize};

use crate::effect::{Effect, EffectId, Outcome, Write};
use crate::plan::{Gate, Plan, WaitingOn};
use crate::time::Time;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Position, from 0, without gaps.
    pub sequence: u64,
    /// When.
    pub at: Time,
    /// What.
    #[serde(flatten)]
    pub record: Record,
}

/// What a line says. Readers refuse records that they do not know: a run is never half understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// First line: the run and its plan.
    Started {
        /// Format of the journal; 1.
        format_version: u32,
        /// Name of the run.
        run: String,
        /// The plan, whole.
        plan: Box<Plan>,
    },
    /// A step begins. `baseline` are the finding keys before it.
    StepStarted {
        /// Step.
        step: String,
        /// Findings (keys) that were there before.
        baseline: Vec<String>,
        /// Census digest before it, where a gate compares with it.
        census: Option<String>,
    },
    /// A write is meant; durable before it is submitted.
    Intent {
        /// Effect.
        effect: EffectId,
        /// Step.
        step: String,
        /// Action's index within the step.
        action: usize,
        /// The write.
        write: Write,
        /// What takes it back.
        undo: Undo,
        /// The effect that this one takes back; absent on the way forward.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reverses: Option<EffectId>,
    },
    /// A step is to be taken back; all its intents after this line reverse earlier ones.
    Undoing {
        /// Step.
        step: String,
        /// Why.
        why: String,
    },
    /// What came of it.
    Outcome {
        /// Effect.
        effect: EffectId,
        /// Outcome.
        outcome: Outcome,
    },
    /// An action is through.
    ActionDone {
        /// Step.
        step: String,
        /// Action's index within the step.
        action: usize,
    },
    /// A gate was judged for good.
    Gate {
        /// Step.
        step: String,
        /// Gate.
        gate: Gate,
        /// It held.
        passed: bool,
        /// Why, in one sentence.
        reason: String,
    },
    /// The step's bake begins.
    Bake {
        /// Step.
        step: String,
        /// When it ends.
        until: Time,
    },
    /// A person said yes (a rehearsal says so itself, visibly).
    Approved {
        /// Step.
        step: String,
        /// Who.
        by: String,
    },
    /// A step is over.
    StepEnded {
        /// Step.
        step: String,
        /// How.
        end: StepEnd,
    },
    /// A person's command.
    Command {
        /// The command.
        command: Command,
    },
    /// The run is over or waits for a person.
    Ended {
        /// Result.
        result: RunResult,
        /// Why, in one sentence.
        reason: String,
    },
}

/// What takes a write back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// These writes, in this order.
    Inverse {
        /// Writes.
        writes: Vec<Write>,
    },
    /// Writes that restore what the outcome stored.
    RestoreStored,
    /// Nothing does.
    ForwardOnly {
        /// Why not.
        why: String,
    },
    /// Nothing needs to.
    NotNeeded,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum StepEnd {
    /// All actions done, all gates passed.
    Done,
    /// It waits; the run goes on with steps that do not need it.
    Waiting {
        /// On what.
        on: WaitingOn,
    },
    /// Taken back.
    Undone {
        /// Why.
        why: String,
    },
    /// Stopped, nothing taken back.
    Held {
        /// Why.
        why: String,
    },
}

/// A person's command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Start nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Yes to a step.
    Approve {
        /// Step.
        step: String,
        /// Who.
        by: String,
    },
    /// Undo the step at work and stop.
    Abort,
    /// Undo everything.
    Rollback,
}

impl Command {
    /// The verb of the command line that gives it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Approve { .. } => "approve",
            Self::Abort => "abort",
            Self::Rollback => "rollback",
        }
    }
}

/// Where a run stands at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunResult {
    /// Everything planned is done and nothing waits.
    Done,
    /// Everything was undone.
    RolledBack,
    /// It waits for a person.
    Waiting,
    /// It could not go on.
    Failed,
}

/// What arrives at the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// When.
    pub at: Time,
    /// What.
    pub event: InputEvent,
}

/// What arrives at the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum InputEvent {
    /// Time has passed.
    Tick,
    /// An effect came back.
    Outcome {
        /// Effect.
        effect: EffectId,
        /// Outcome.
        outcome: Outcome,
    },
    /// A person's command.
    Command(Command),
}

/// What the engine wants done, in this order: records are durable before the effects after them.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// Append to the journal.
    Journal(Record),
    /// Submit to the world.
    Submit {
        /// Number.
        effect_id: EffectId,
        /// Effect.
        effect: Effect,
    },
    /// Call again at this time at the latest.
    WakeAt(Time),
    /// Tell people.
    Tell(crate::event::EventKind),
    /// The run is over; nothing follows.
    Stop(RunResult),
}
