//! What a run has come to, for reports.

use meshlift_model::action::ActionKind;
use meshlift_model::journal::StepEnd;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Step, StepUndo, WaitingOn};
use meshlift_model::run_report::{GateReport, StepReport};

use crate::gates::gate_words;
use crate::run::Run;
use crate::task::State;

/// Subjects of a step that are named; more are counted.
const SUBJECTS_SHOWN_MAX: usize = 3;

impl Run {
    /// Steps in order, with where they stand.
    #[must_use]
    pub fn steps(&self) -> Vec<StepReport> {
        (0..self.ledger.steps.len()).map(|step| self.step_report(step)).collect()
    }

    /// Judged gates in order.
    #[must_use]
    pub fn gates(&self) -> Vec<GateReport> {
        let report = |judged: &crate::ledger::Judged| GateReport {
            step: self.ledger.plan_step(judged.step).id.clone(),
            gate: gate_words(&judged.gate),
            passed: judged.passed,
            reason: judged.reason.clone(),
        };
        self.ledger.gates.iter().map(report).collect()
    }

    /// What waits for a person: subjects that the plan left undecided, and steps.
    #[must_use]
    pub fn waiting_on(&self) -> Vec<WaitingOn> {
        let steps = self.ledger.steps.iter().enumerate().filter_map(|(step, state)| match &state.end {
            Some(StepEnd::Waiting { on }) => Some(on.clone()),
            Some(StepEnd::Held { why } | StepEnd::Undone { why }) => Some(self.waiting(step, why.clone())),
            None | Some(StepEnd::Done) => None,
        });
        self.ledger.plan.waiting.iter().cloned().chain(steps).collect()
    }

    fn step_report(&self, step: usize) -> StepReport {
        let (plan_step, state) = (self.ledger.plan_step(step), &self.ledger.steps[step]);
        let (word, waiting_on) = self.step_state(step);
        StepReport {
            id: plan_step.id.clone(),
            layer: plan_step.layer,
            action: plan_step.title.clone(),
            subject: subjects(plan_step),
            state: word.to_owned(),
            started: state.started,
            baked_from: state.bake_until.map(|until| until.plus_seconds(-plan_step.bake_seconds)),
            ended: state.ended.filter(|_| state.end.is_some()),
            waiting_on,
            undo: undo_words(&plan_step.undo),
        }
    }

    fn step_state(&self, step: usize) -> (&'static str, Option<WaitingOn>) {
        let state = &self.ledger.steps[step];
        let waits = |why: &String| Some(self.waiting(step, why.clone()));
        match &state.end {
            Some(end) => {
                let on = match end {
                    StepEnd::Done => None,
                    StepEnd::Waiting { on } => Some(on.clone()),
                    StepEnd::Undone { why } | StepEnd::Held { why } => waits(why),
                };
                (end_word(end), on)
            }
            None if state.started.is_some() => ("running", self.running_on(step)),
            None => match self.blocked_by(step) {
                Some(need) => ("waiting", waits(&format!("step {need} comes first, and waits"))),
                None => ("pending", None),
            },
        }
    }

    /// What a running step waits for right now.
    fn running_on(&self, step: usize) -> Option<WaitingOn> {
        let (id, task) = self.work.tasks.iter().find(|(_, task)| {
            task.step == step && matches!(task.state, State::Sleeping(_)) && !task.why.is_empty()
        })?;
        let subject = self.subject(*id)?;
        Some(WaitingOn { subject, ..self.waiting(step, task.why.clone()) })
    }

    /// A step that this one needs, directly or not, and that does not go on by itself.
    fn blocked_by(&self, step: usize) -> Option<&str> {
        self.ledger.plan_step(step).needs.iter().find_map(|need| {
            let index = self.ledger.index(need)?;
            match &self.ledger.steps[index].end {
                Some(StepEnd::Done) => None,
                Some(StepEnd::Waiting { .. } | StepEnd::Held { .. } | StepEnd::Undone { .. }) => {
                    Some(need.as_str())
                }
                None => self.blocked_by(index),
            }
        })
    }
}

/// The word for an ended step.
pub(crate) fn end_word(end: &StepEnd) -> &'static str {
    match end {
        StepEnd::Done => "done",
        StepEnd::Waiting { .. } => "waiting",
        StepEnd::Undone { .. } => "undone",
        StepEnd::Held { .. } => "held",
    }
}

fn undo_words(undo: &StepUndo) -> String {
    match undo {
        StepUndo::Inverse { how } => how.clone(),
        StepUndo::ForwardOnly { why } => format!("forward-only: {why}"),
        StepUndo::NotNeeded => "not needed".to_owned(),
    }
}

fn subjects(step: &Step) -> String {
    let mut subjects: Vec<ObjectRef> = Vec::new();
    for action in &step.actions {
        let subject = action.kind.subject();
        let proof = matches!(action.kind, ActionKind::ProveInjection { .. });
        if !proof && !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let shown =
        subjects.iter().take(SUBJECTS_SHOWN_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match subjects.len().saturating_sub(SUBJECTS_SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
