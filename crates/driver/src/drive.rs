//! The loop, and what starts it.

use std::collections::VecDeque;

use meshlift_engine::{IllegalRecord, Run, StepError};
use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::event::{Event, EventKind};
use meshlift_model::journal::{
    Command, Input, InputEvent, Instruction, JournalLine, Record, RunResult, StepEnd,
};
use meshlift_model::plan::Plan;
use meshlift_model::plant::{Plant, is_planted};
use meshlift_model::time::Time;
use meshlift_ports::{JournalError, JournalPort, WorldPort};

/// What the driver does by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverPolicy {
    /// Grants every approval in this name. Steps where a person must act still wait.
    pub auto_approve: Option<String>,
    /// Pauses the run once this step is over, before any other begins.
    pub until: Option<String>,
    /// Rolls everything back once this step is done.
    pub rollback_after: Option<String>,
    /// Commands to give before anything else.
    pub commands: Vec<Command>,
}

/// Why a run could not be driven on. The journal says how far it came; it can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal cannot be read or written: nothing was done on the strength of a line that failed.
    #[error("the run stopped at its journal")]
    Journal {
        /// What happened.
        #[from]
        source: JournalError,
    },
    /// The journal has no line yet.
    #[error("there is no run in this journal")]
    NoRun,
    /// The journal holds a run already.
    #[error("this journal holds run `{run}` already; resume it, or start another one elsewhere")]
    Taken {
        /// Its name.
        run: String,
    },
    /// A journal line does not follow from those before it.
    #[error("the journal is not understood")]
    Illegal {
        /// Which line, and why.
        #[from]
        source: IllegalRecord,
    },
    /// The engine refused an input.
    #[error("the engine cannot take what arrived")]
    Step {
        /// What.
        #[from]
        source: StepError,
    },
    /// Nothing is under way and nothing is due, though the run is not over: a mistake of the engine.
    #[error("the run waits for nothing, at line {sequence} of its journal")]
    Stuck {
        /// Next line.
        sequence: u64,
    },
}

/// Starts a run: its first line holds the plan.
///
/// # Errors
/// Where the journal holds a run already or cannot be written, or the plan cannot be ordered.
pub fn begin(journal: &mut dyn JournalPort, run: &str, plan: &Plan, at: Time) -> Result<(), DriveError> {
    if let Some(first) = journal.lines()?.first() {
        return Err(DriveError::Taken { run: Run::open(first)?.name().to_owned() });
    }
    let record =
        Record::Started { format_version: FORMAT_VERSION, run: run.to_owned(), plan: Box::new(plan.clone()) };
    let line = JournalLine { sequence: 0, at, record };
    Run::open(&line)?;
    Ok(journal.append(&line)?)
}

/// The run that the journal tells.
///
/// # Errors
/// Where there is none, or the journal cannot be read or does not make sense.
pub fn load(journal: &dyn JournalPort) -> Result<Run, DriveError> {
    let lines = journal.lines()?;
    let (first, rest) = lines.split_first().ok_or(DriveError::NoRun)?;
    let mut run = Run::open(first)?;
    for line in rest {
        run.apply(line)?;
    }
    Ok(run)
}

/// Drives the journal's run on until it ends or waits for a person. The world must be a fresh connection:
/// outcomes that an earlier process asked for never arrive here.
///
/// # Errors
/// Where the journal fails (nothing is submitted then) or something arrives that nobody asked for.
pub fn drive(
    world: &mut dyn WorldPort,
    journal: &mut dyn JournalPort,
    policy: &DriverPolicy,
    sink: &mut dyn FnMut(&Event),
) -> Result<RunResult, DriveError> {
    let mut run = load(journal)?;
    if let Some(by) = &policy.auto_approve {
        run.grant_approvals(by);
    }
    if let Some(step) = &policy.until {
        run.pause_after(step);
    }
    let mut wishes = Wishes::new(policy);
    let mut wake = Some(world.now());
    loop {
        let wish = wishes.next(&run);
        let is_ours = wish.is_some();
        let input = match wish {
            Some(command) => Input { at: world.now(), event: InputEvent::Command(command) },
            None => match run.ended() {
                Some((result, _)) => return Ok(result),
                None if wake.is_none() => return Err(DriveError::Stuck { sequence: run.next_sequence() }),
                None => world.next(wake),
            },
        };
        let mut sequence = run.next_sequence();
        let at = input.at;
        let arrived = match &input.event {
            InputEvent::Command(command) if !is_ours => Some(command.word()),
            InputEvent::Command(_) | InputEvent::Tick | InputEvent::Outcome { .. } => None,
        };
        let mut instructions = match (run.step(input), arrived) {
            (Ok(instructions), _) => instructions,
            // Somebody else's command came too late, or names what is not there: the run goes on as it was.
            (Err(error @ StepError::Illegal { .. }), Some(word)) => {
                sink(&Event { at, kind: refused(word, &error) });
                continue;
            }
            (Err(error), _) => return Err(error.into()),
        };
        if is_planted(Plant::JournalAfterEffect) {
            instructions.sort_by_key(|one| !matches!(one, Instruction::Submit { .. }));
        }
        let at = at.max(run.last_at());
        wake = None;
        for instruction in instructions {
            match instruction {
                Instruction::Journal(record) => {
                    journal.append(&JournalLine { sequence, at, record })?;
                    sequence += 1;
                }
                Instruction::Submit { effect_id, effect } => world.submit(effect_id, &effect),
                Instruction::WakeAt(time) => wake = Some(time),
                Instruction::Tell(kind) => sink(&Event { at, kind }),
                Instruction::Stop(_) => {}
            }
        }
    }
}

fn refused(command: &str, error: &StepError) -> EventKind {
    let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    EventKind::CommandRefused { command: command.to_owned(), why }
}

/// Commands that the policy still wants to give.
struct Wishes<'a> {
    commands: VecDeque<Command>,
    rollback_after: Option<&'a str>,
}

impl<'a> Wishes<'a> {
    fn new(policy: &'a DriverPolicy) -> Self {
        Self {
            commands: policy.commands.iter().cloned().collect(),
            rollback_after: policy.rollback_after.as_deref(),
        }
    }

    fn next(&mut self, run: &Run) -> Option<Command> {
        if let Some(command) = self.commands.pop_front() {
            return Some(command);
        }
        let done = |step: &str| matches!(run.step_end(step), Some(StepEnd::Done));
        if self.rollback_after.is_some_and(done) {
            self.rollback_after = None;
            // A run that was resumed in the middle of its rollback needs no second word.
            return (!run.is_rolling_back()).then_some(Command::Rollback);
        }
        None
    }
}
