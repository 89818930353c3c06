//! The fold: each journal line changes the ledger, or is refused before it changes anything.

use meshlift_model::defaults::{FAILED_WORKLOADS_RUN_MAX, FORMAT_VERSION};
use meshlift_model::effect::Outcome;
use meshlift_model::journal::{Command, JournalLine, Record, RunResult, StepEnd};
use meshlift_model::plan::{Gate, Plan};
use meshlift_model::time::Time;

use crate::illegal::{IllegalReason, IllegalRecord};
use crate::ledger::{Intended, Judged, Ledger, StepLedger};

type Legal = Result<(), IllegalReason>;

impl Ledger {
    /// Begins with the first line.
    pub(crate) fn open(line: &JournalLine) -> Result<Self, IllegalRecord> {
        let refuse = |why| IllegalRecord { sequence: line.sequence, record: name(&line.record), why };
        let Record::Started { format_version, run, plan } = &line.record else {
            return Err(refuse(IllegalReason::NotTheStart));
        };
        if *format_version > FORMAT_VERSION {
            let (found, known) = (*format_version, FORMAT_VERSION);
            return Err(refuse(IllegalReason::Format { found, known }));
        }
        if line.sequence != 0 {
            return Err(refuse(IllegalReason::Sequence { expected: 0 }));
        }
        check_plan(plan).map_err(refuse)?;
        Ok(Self {
            run: run.clone(),
            steps: vec![StepLedger::default(); plan.steps.len()],
            plan: plan.as_ref().clone(),
            intents: Default::default(),
            open: Default::default(),
            gates: Vec::new(),
            failed_workloads: Default::default(),
            paused: false,
            aborting: false,
            rolling_back: false,
            ended: None,
            sequence: 1,
            started_at: line.at,
            last_at: line.at,
        })
    }

    /// Takes one more line.
    pub(crate) fn apply(&mut self, line: &JournalLine) -> Result<(), IllegalRecord> {
        let refuse = |why| IllegalRecord { sequence: line.sequence, record: name(&line.record), why };
        if line.sequence != self.sequence {
            return Err(refuse(IllegalReason::Sequence { expected: self.sequence }));
        }
        if self.ended.is_some() && !matches!(line.record, Record::Command { .. }) {
            return Err(refuse(IllegalReason::Over));
        }
        self.take(line).map_err(refuse)?;
        self.last_at = self.last_at.max(line.at);
        self.sequence += 1;
        Ok(())
    }

    fn take(&mut self, line: &JournalLine) -> Legal {
        match &line.record {
            Record::Started { .. } => Err(IllegalReason::NotTheStart),
            Record::StepStarted { step, baseline, census } => {
                let index = self.ready_to_start(step)?;
                let state = &mut self.steps[index];
                state.started = Some(line.at);
                state.baseline = baseline.iter().cloned().collect();
                state.census.clone_from(census);
                Ok(())
            }
            Record::Intent { effect, step, action, write, undo, reverses } => {
                let step = self.at_work(step)?;
                let intent = Intended {
                    at: line.at,
                    step,
                    action: *action,
                    write: write.clone(),
                    undo: undo.clone(),
                    reverses: *reverses,
                    outcome: None,
                };
                self.intend(*effect, intent)
            }
            Record::Outcome { effect, outcome } => self.close(*effect, outcome),
            Record::ActionDone { step, action } => self.finish_action(step, *action),
            Record::Gate { step, gate, passed, reason } => {
                let step = self.at_work(step)?;
                self.judge(Judged { step, gate: gate.clone(), passed: *passed, reason: reason.clone() })
            }
            Record::Bake { step, until } => {
                let index = self.at_work(step)?;
                let through = self.actions_done(index) && self.gates_passed(index);
                require(through && self.steps[index].bake_until.is_none(), step, "its gates come first")?;
                self.steps[index].bake_until = Some(*until);
                self.steps[index].passed.clear();
                Ok(())
            }
            Record::Approved { step, .. } => self.approve(step),
            Record::Undoing { step, why } => self.begin_undo(step, why),
            Record::StepEnded { step, end } => {
                let index = self.known(step)?;
                self.may_end(index, step, end)?;
                self.steps[index].end = Some(end.clone());
                self.steps[index].ended = Some(line.at);
                Ok(())
            }
            Record::Command { command } => self.command(command, line.at),
            Record::Ended { result, reason } => {
                if let Some(effect) = self.open.first() {
                    return Err(IllegalReason::Effect { effect: *effect });
                }
                self.aborting = false;
                self.ended = Some((*result, reason.clone()));
                Ok(())
            }
        }
    }

    fn known(&self, step: &str) -> Result<usize, IllegalReason> {
        self.index(step).ok_or_else(|| IllegalReason::UnknownStep { step: step.to_owned() })
    }

    fn at_work(&self, step: &str) -> Result<usize, IllegalReason> {
        let index = self.known(step)?;
        require(self.current() == Some(index), step, "it is not the one at work")?;
        Ok(index)
    }

    fn ready_to_start(&self, step: &str) -> Result<usize, IllegalReason> {
        let index = self.known(step)?;
        let state = &self.steps[index];
        require(state.started.is_none() && state.end.is_none(), step, "it was begun before")?;
        require(self.current().is_none(), step, "another one is at work")?;
        require(!self.rolling_back, step, "the run is being rolled back")?;
        require(self.needs_done(index), step, "steps that it needs are not done")?;
        Ok(index)
    }

    /// True once all steps that this one needs are done.
    pub(crate) fn needs_done(&self, step: usize) -> bool {
        let done = |id: &String| {
            self.index(id).is_some_and(|need| matches!(self.steps[need].end, Some(StepEnd::Done)))
        };
        self.plan.steps[step].needs.iter().all(done)
    }

    fn intend(&mut self, effect: u64, intent: Intended) -> Legal {
        let id = self.plan.steps[intent.step].id.clone();
        if intent.action >= self.plan.steps[intent.step].actions.len() {
            return Err(IllegalReason::UnknownAction { step: id, action: intent.action });
        }
        let unknown = |reversed: &u64| !self.intents.contains_key(reversed);
        if effect < self.next_effect() || intent.reverses.as_ref().is_some_and(unknown) {
            return Err(IllegalReason::Effect { effect });
        }
        let state = &self.steps[intent.step];
        let back = intent.reverses.is_some();
        require(back == state.undoing.is_some(), &id, "it goes the other way")?;
        require(back || !state.done.contains(&intent.action), &id, "the action is through")?;
        self.steps[intent.step].effects.push(effect);
        self.intents.insert(effect, intent);
        self.open.insert(effect);
        Ok(())
    }

    fn close(&mut self, effect: u64, outcome: &Outcome) -> Legal {
        let intent = self.intents.get_mut(&effect).filter(|intent| intent.outcome.is_none());
        let Some(intent) = intent else { return Err(IllegalReason::Effect { effect }) };
        intent.outcome = Some(outcome.clone());
        self.open.remove(&effect);
        Ok(())
    }

    fn finish_action(&mut self, step: &str, action: usize) -> Legal {
        let index = self.at_work(step)?;
        if action >= self.plan.steps[index].actions.len() {
            return Err(IllegalReason::UnknownAction { step: step.to_owned(), action });
        }
        let open = self.forward(index).any(|(_, intent)| intent.action == action && intent.outcome.is_none());
        require(!open, step, "a write of the action is open")?;
        let first = self.steps[index].done.insert(action);
        require(first, step, "the action was through before")
    }

    fn judge(&mut self, judged: Judged) -> Legal {
        let step = &self.plan.steps[judged.step];
        if judged.passed {
            let gate = step.gates.iter().position(|gate| *gate == judged.gate);
            let gate = gate.filter(|_| self.actions_done(judged.step));
            let Some(gate) = gate else {
                let reason = "the gate is not due";
                return Err(IllegalReason::Order { step: step.id.clone(), reason });
            };
            self.steps[judged.step].passed.insert(gate);
        } else if let Gate::PodsOnRevision { workloads, .. } = &judged.gate {
            let one = workloads.iter().take(1).filter(|_| workloads.len() == 1);
            self.failed_workloads.extend(one.cloned());
        }
        self.gates.push(judged);
        Ok(())
    }

    fn approve(&mut self, step: &str) -> Legal {
        let index = self.known(step)?;
        let state = &mut self.steps[index];
        if state.started.is_some() {
            state.approved_after = true;
        } else {
            state.approved_before = true;
        }
        if matches!(state.end, Some(StepEnd::Waiting { .. })) {
            // What held when the step began to wait may not hold now: gates are judged once more.
            state.end = None;
            state.passed.clear();
        }
        Ok(())
    }

    fn begin_undo(&mut self, step: &str, why: &str) -> Legal {
        let index = self.known(step)?;
        let due = if self.rolling_back {
            self.rollback_order().first() == Some(&index)
        } else {
            let current = self.current();
            let undoing = current.filter(|step| self.steps[*step].undoing.is_some());
            current == Some(index) || undoing.and_then(|step| self.tag_to_undo_first(step)) == Some(index)
        };
        require(due && self.steps[index].undoing.is_none(), step, "it is not the one to take back")?;
        self.steps[index].undoing = Some(why.to_owned());
        self.steps[index].end = None;
        Ok(())
    }

    fn may_end(&self, index: usize, step: &str, end: &StepEnd) -> Legal {
        let state = &self.steps[index];
        require(state.end.is_none(), step, "it is over already")?;
        let open = self.open.iter().any(|effect| self.intents[effect].step == index);
        require(!open, step, "one of its writes is open")?;
        match end {
            StepEnd::Done => {
                let baked = self.plan.steps[index].bake_seconds <= 0 || state.bake_until.is_some();
                let through = self.actions_done(index) && self.gates_passed(index) && baked;
                let forward = self.current() == Some(index) && state.undoing.is_none();
                require(through && forward, step, "something of it is not done")
            }
            StepEnd::Waiting { .. } => require(state.undoing.is_none(), step, "it is being taken back"),
            StepEnd::Undone { .. } => require(state.undoing.is_some(), step, "nothing takes it back"),
            StepEnd::Held { .. } => Ok(()),
        }
    }

    fn command(&mut self, command: &Command, at: Time) -> Legal {
        let result = self.ended.as_ref().map(|(result, _)| *result);
        let over = match result {
            None | Some(RunResult::Waiting) => false,
            Some(RunResult::RolledBack) => true,
            Some(RunResult::Done | RunResult::Failed) => *command != Command::Rollback,
        };
        if over {
            return Err(IllegalReason::Over);
        }
        if let Command::Approve { step, .. } = command {
            self.known(step)?;
        }
        self.ended = None;
        match command {
            Command::Pause => self.paused = true,
            Command::Approve { .. } => {}
            Command::Resume => {
                self.paused = false;
                self.reopen_all(at);
            }
            Command::Abort => {
                self.paused = false;
                self.aborting = true;
                self.reopen_begun();
            }
            Command::Rollback => {
                self.paused = false;
                self.aborting = false;
                self.rolling_back = true;
                self.reopen_undos();
            }
        }
        Ok(())
    }

    /// A person says go on: what was taken back starts anew, what waits or is held goes on.
    fn reopen_all(&mut self, at: Time) {
        for (state, step) in self.steps.iter_mut().zip(&self.plan.steps) {
            match &state.end {
                None | Some(StepEnd::Done) => {}
                Some(StepEnd::Undone { .. }) if self.rolling_back => {}
                Some(StepEnd::Undone { .. }) => {
                    *state = StepLedger::default();
                }
                Some(StepEnd::Waiting { .. } | StepEnd::Held { .. }) => {
                    state.end = None;
                    state.resumed = Some(at);
                    state.passed.clear();
                    // Somebody may have pointed it elsewhere meanwhile: what selects is judged anew.
                    state.done.retain(|action| !step.actions[*action].kind.is_selector());
                }
            }
        }
    }

    /// Abort takes back what was begun and is neither done nor taken back.
    fn reopen_begun(&mut self) {
        for state in self.steps.iter_mut().filter(|state| state.started.is_some()) {
            if matches!(state.end, Some(StepEnd::Waiting { .. } | StepEnd::Held { .. })) {
                state.end = None;
            }
        }
    }

    /// Rollback goes on with undos that were held.
    fn reopen_undos(&mut self) {
        for state in self.steps.iter_mut().filter(|state| state.undoing.is_some()) {
            if matches!(state.end, Some(StepEnd::Held { .. })) {
                state.end = None;
            }
        }
    }

    /// True once so many workloads failed that nobody should try again.
    pub(crate) fn has_failed_too_often(&self) -> bool {
        self.failed_workloads.len() >= FAILED_WORKLOADS_RUN_MAX
    }
}

fn require(holds: bool, step: &str, reason: &'static str) -> Legal {
    if holds { Ok(()) } else { Err(IllegalReason::Order { step: step.to_owned(), reason }) }
}

/// Step ids are unique, and needs name earlier steps: else nothing could ever order the run.
fn check_plan(plan: &Plan) -> Legal {
    let broken = |step: &str, reason| Err(IllegalReason::Plan { step: step.to_owned(), reason });
    for (index, step) in plan.steps.iter().enumerate() {
        let earlier = &plan.steps[..index];
        let known = |id: &String| earlier.iter().any(|before| before.id == *id);
        if known(&step.id) {
            return broken(&step.id, "two steps have this id");
        }
        if !step.needs.iter().all(known) {
            return broken(&step.id, "it needs a step that does not come before it");
        }
        let twice = |(at, gate): (usize, &Gate)| step.gates[..at].contains(gate);
        if step.gates.iter().enumerate().any(twice) {
            return broken(&step.id, "it has the same gate twice");
        }
    }
    Ok(())
}

fn name(record: &Record) -> &'static str {
    match record {
        Record::Started { .. } => "started",
        Record::StepStarted { .. } => "step-started",
        Record::Intent { .. } => "intent",
        Record::Outcome { .. } => "outcome",
        Record::ActionDone { .. } => "action-done",
        Record::Gate { .. } => "gate",
        Record::Bake { .. } => "bake",
        Record::Approved { .. } => "approved",
        Record::Undoing { .. } => "undoing",
        Record::StepEnded { .. } => "step-ended",
        Record::Command { .. } => "command",
        Record::Ended { .. } => "ended",
    }
}
