//! How steps, tasks and runs end.

use meshlift_model::action::ActionKind;
use meshlift_model::event::EventKind;
use meshlift_model::journal::{Record, RunResult, StepEnd};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::WaitingOn;

use crate::flow::MOVED;
use crate::illegal::IllegalRecord;
use crate::run::{Run, Turn};
use crate::task::TaskId;
use crate::{gates, open};

impl Run {
    pub(crate) fn stopped_by_a_step(&self) -> Option<(RunResult, String)> {
        let (step, word, why) =
            self.ledger.steps.iter().enumerate().find_map(|(step, state)| match &state.end {
                Some(StepEnd::Held { why }) => Some((step, "is held", why)),
                Some(StepEnd::Undone { why }) => Some((step, "was taken back", why)),
                None | Some(StepEnd::Done | StepEnd::Waiting { .. }) => None,
            })?;
        let reason = format!("step {} {word}: {why}", self.ledger.plan_step(step).id);
        if self.ledger.has_failed_too_often() {
            let failed = self.ledger.failed_workloads.len();
            return Some((RunResult::Failed, format!("{failed} workloads failed; {reason}")));
        }
        Some((RunResult::Waiting, reason))
    }

    pub(crate) fn final_result(&self) -> (RunResult, String) {
        let waits = self.ledger.steps.iter().enumerate().find_map(|(step, state)| match &state.end {
            Some(StepEnd::Waiting { on }) => Some((step, on.reason.clone())),
            None | Some(StepEnd::Done | StepEnd::Held { .. } | StepEnd::Undone { .. }) => None,
        });
        let undecided = self.ledger.plan.waiting.len();
        if let (None, Some(left)) = (&waits, self.temporary().first()) {
            let reason = format!("{} of step {} was not put back: {}", left.target, left.step, left.what);
            return (RunResult::Waiting, reason);
        }
        match waits {
            Some((step, reason)) => {
                (RunResult::Waiting, format!("step {} waits: {reason}", self.ledger.plan_step(step).id))
            }
            None if undecided > 0 => {
                let reason = format!("{undecided} subjects wait for a person's choice; all others are done");
                (RunResult::Waiting, reason)
            }
            None => (RunResult::Done, format!("all {} steps are done", self.ledger.steps.len())),
        }
    }

    pub(crate) fn waiting(&self, step: usize, reason: String) -> WaitingOn {
        WaitingOn::new(ObjectRef::cluster("Step", &self.ledger.plan_step(step).id), reason)
    }

    pub(crate) fn end_paused(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        self.end_run(RunResult::Waiting, "a person paused the run".to_owned(), turn)
    }

    pub(crate) fn end_step(
        &mut self,
        step: usize,
        end: StepEnd,
        turn: &mut Turn,
    ) -> Result<bool, IllegalRecord> {
        let name = self.ledger.plan_step(step).id.clone();
        self.journal(Record::StepEnded { step: name.clone(), end: end.clone() }, turn)?;
        self.work.troubles.clear();
        self.work.undone.clear();
        self.work.watch_at = None;
        if let StepEnd::Waiting { on } = &end {
            turn.tell(EventKind::Waiting { step: name.clone(), on: on.clone() });
        }
        turn.tell(EventKind::StepEnded { step: name, state: crate::status::end_word(&end).to_owned() });
        MOVED
    }

    pub(crate) fn end_run(
        &mut self,
        result: RunResult,
        reason: String,
        turn: &mut Turn,
    ) -> Result<bool, IllegalRecord> {
        self.journal(Record::Ended { result, reason: reason.clone() }, turn)?;
        turn.tell(EventKind::RunEnded { result, reason });
        MOVED
    }

    /// A task is through.
    pub(crate) fn finish(&mut self, id: TaskId, why: &str, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let Some(task) = self.work.tasks.remove(&id) else { return Ok(()) };
        let step = self.ledger.plan_step(task.step).id.clone();
        match id {
            TaskId::Open(_) => {
                let (baseline, census) = open::baseline(&task.answers);
                self.journal(Record::StepStarted { step: step.clone(), baseline, census }, turn)?;
                turn.tell(EventKind::StepStarted { step });
            }
            TaskId::Action(action) => {
                self.journal(Record::ActionDone { step: step.clone(), action }, turn)?;
                let kind = &self.ledger.action(task.step, action).kind;
                let subject = kind.subject();
                if let ActionKind::ProveInjection { namespace, revision, .. } = kind {
                    let gate = format!("new pods in {namespace} get {revision}");
                    let (step, reason) = (step.clone(), why.to_owned());
                    turn.tell(EventKind::GateJudged { step, gate, passed: true, reason });
                }
                turn.tell(EventKind::ActionDone { step, subject });
            }
            TaskId::Gate(index) => {
                let gate = self.ledger.plan_step(task.step).gates[index].clone();
                let (words, reason) = (gates::gate_words(&gate), why.to_owned());
                let record = Record::Gate { step: step.clone(), gate, passed: true, reason: reason.clone() };
                self.journal(record, turn)?;
                turn.tell(EventKind::GateJudged { step, gate: words, passed: true, reason });
            }
            TaskId::Watch(_) => {}
            TaskId::Undo(action) => {
                self.work.undone.insert(action);
            }
        }
        Ok(())
    }
}
