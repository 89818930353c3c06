//! The run: durable ledger, volatile work, and the one pure function that moves it.

use meshlift_model::event::EventKind;
use meshlift_model::journal::{
    Command, Input, InputEvent, Instruction, JournalLine, Record, RunResult, StepEnd,
};
use meshlift_model::plan::{Plan, Step};
use meshlift_model::time::Time;

use crate::closing::Closing;
use crate::illegal::IllegalRecord;
use crate::ledger::Ledger;
use crate::task::Work;

/// A run as a state machine.
///
/// Its durable half is the fold of its journal: [`Run::open`], then [`Run::apply`] for each line. Its
/// volatile half is what is being read or awaited; a process that takes the run over starts without it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub(crate) ledger: Ledger,
    pub(crate) work: Work,
    pub(crate) grants: Option<String>,
    pub(crate) pauses_after: Option<String>,
}

/// An input that the run cannot take. Its state is as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// An outcome that nobody waits for.
    #[error("an outcome of effect {effect} arrived, which is not under way")]
    UnexpectedOutcome {
        /// Effect.
        effect: u64,
    },
    /// A command that does not fit, or a mistake of the engine itself.
    #[error("the run cannot go on like that")]
    Illegal {
        /// What the fold says of it.
        #[from]
        source: IllegalRecord,
    },
}

/// What one call of [`Run::step`] yields.
pub(crate) struct Turn {
    pub(crate) now: Time,
    pub(crate) out: Vec<Instruction>,
}

impl Turn {
    pub(crate) fn tell(&mut self, event: EventKind) {
        self.out.push(Instruction::Tell(event));
    }
}

impl Run {
    /// Begins a run with the first line of its journal.
    ///
    /// # Errors
    /// Where the line does not start a run, is of a newer format, or its plan cannot be ordered.
    pub fn open(first: &JournalLine) -> Result<Self, IllegalRecord> {
        Ok(Self { ledger: Ledger::open(first)?, work: Work::default(), grants: None, pauses_after: None })
    }

    /// Takes a further line of the journal.
    ///
    /// # Errors
    /// Where the line does not follow from the lines before it; the run is then as before.
    pub fn apply(&mut self, line: &JournalLine) -> Result<(), IllegalRecord> {
        self.ledger.apply(line)
    }

    /// Grants every approval in this name, visibly (a rehearsal does). Steps where a person must act still
    /// wait.
    pub fn grant_approvals(&mut self, by: &str) {
        self.grants = Some(by.to_owned());
    }

    /// Pauses the run once this step is over, before any other begins.
    pub fn pause_after(&mut self, step: &str) {
        self.pauses_after = Some(step.to_owned());
    }

    /// Name of the run.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.ledger.run
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.ledger.plan
    }

    /// Number of the journal's next line.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.ledger.sequence
    }

    /// Time of the newest line.
    #[must_use]
    pub fn last_at(&self) -> Time {
        self.ledger.last_at
    }

    /// Time of the first line.
    #[must_use]
    pub fn started_at(&self) -> Time {
        self.ledger.started_at
    }

    /// Result and reason, if the run is over or waits for a person.
    #[must_use]
    pub fn ended(&self) -> Option<(RunResult, &str)> {
        self.ledger.ended.as_ref().map(|(result, reason)| (*result, reason.as_str()))
    }

    /// How a step ended, if it did.
    #[must_use]
    pub fn step_end(&self, step: &str) -> Option<&StepEnd> {
        self.ledger.steps[self.ledger.index(step)?].end.as_ref()
    }

    /// Steps that are not done, in order.
    pub fn steps_left(&self) -> impl Iterator<Item = &Step> {
        let left = |step: &&Step| !matches!(self.step_end(&step.id), Some(StepEnd::Done));
        self.ledger.plan.steps.iter().filter(left)
    }

    /// True once a person asked to undo everything.
    #[must_use]
    pub fn is_rolling_back(&self) -> bool {
        self.ledger.rolling_back
    }

    /// Decides what comes next. Pure: time comes with the input, and every record stands before the
    /// effects that rest on it.
    ///
    /// # Errors
    /// Where nobody waits for the outcome, or the command does not fit. Nothing is decided then.
    pub fn step(&mut self, input: Input) -> Result<Vec<Instruction>, StepError> {
        self.expects(&input)?;
        let now = input.at.max(self.ledger.last_at);
        let mut turn = Turn { now, out: Vec::new() };
        self.work.next_effect = self.work.next_effect.max(self.ledger.next_effect());
        self.take_up_lost(&turn);
        match input.event {
            InputEvent::Tick => {}
            InputEvent::Outcome { effect, outcome } => self.absorb(effect, outcome, &mut turn)?,
            InputEvent::Command(command) => self.obey(command, &mut turn)?,
        }
        self.give_up_late(&mut turn)?;
        self.close_due(&mut turn)?;
        // Until it is known what an earlier process did, nothing rests on it.
        if self.work.closing.is_empty() {
            self.advance(&mut turn)?;
        }
        match &self.ledger.ended {
            Some((result, _)) => turn.out.push(Instruction::Stop(*result)),
            None => turn.out.extend(self.next_wake(now).map(Instruction::WakeAt)),
        }
        Ok(turn.out)
    }

    fn expects(&self, input: &Input) -> Result<(), StepError> {
        match &input.event {
            InputEvent::Tick => {}
            InputEvent::Outcome { effect, .. } => {
                let known = self.work.pending.contains_key(effect)
                    || self.work.closing.contains_key(effect)
                    || self.work.given_up.contains(effect);
                if !known {
                    return Err(StepError::UnexpectedOutcome { effect: *effect });
                }
            }
            InputEvent::Command(command) => {
                let record = Record::Command { command: command.clone() };
                let line = JournalLine { sequence: self.ledger.sequence, at: input.at, record };
                self.ledger.clone().apply(&line)?;
            }
        }
        Ok(())
    }

    /// Appends a record to journal and ledger.
    pub(crate) fn journal(&mut self, record: Record, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let line = JournalLine { sequence: self.ledger.sequence, at: turn.now, record };
        self.ledger.apply(&line)?;
        turn.out.push(Instruction::Journal(line.record));
        Ok(())
    }

    fn obey(&mut self, command: Command, turn: &mut Turn) -> Result<(), IllegalRecord> {
        self.journal(Record::Command { command: command.clone() }, turn)?;
        if let Command::Approve { step, by } = command {
            self.journal(Record::Approved { step: step.clone(), by: by.clone() }, turn)?;
            turn.tell(EventKind::Approved { step, by });
        }
        Ok(())
    }

    fn next_wake(&self, now: Time) -> Option<Time> {
        // Nobody watches the bake of a step that is being taken back.
        let current = self.ledger.current().filter(|step| self.ledger.steps[*step].undoing.is_none());
        let bake = current.and_then(|step| self.ledger.steps[step].bake_until).filter(|until| *until > now);
        let watch = bake.and(self.work.watch_at);
        let closing = self.work.closing.values().map(Closing::due);
        self.work.next_wake().into_iter().chain(closing).chain(bake).chain(watch).min()
    }
}
