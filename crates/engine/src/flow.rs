//! From step to step: what is begun, awaited, judged, baked, approved, ended.

use std::collections::BTreeSet;

use meshlift_model::event::EventKind;
use meshlift_model::journal::{Record, RunResult, StepEnd};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Stage, WaitingOn};

use crate::illegal::IllegalRecord;
use crate::ledger::Intended;
use crate::next::Blame;
use crate::run::{Run, Turn};
use crate::task::{State, TaskId};
use crate::{gates, limits, open, undo};

/// Something changed: look again what comes next.
const MOVED: Result<bool, IllegalRecord> = Ok(true);
/// Nothing to do until something arrives.
const STILL: Result<bool, IllegalRecord> = Ok(false);

impl Run {
    /// Goes on until everything waits or the run ends.
    pub(crate) fn advance(&mut self, turn: &mut Turn) -> Result<(), IllegalRecord> {
        self.work.wake(turn.now);
        while self.ledger.ended.is_none() {
            if let Some(id) = self.work.ready().filter(|id| self.is_wanted(*id)) {
                self.poll(id, turn)?;
            } else if !self.move_on(turn)? {
                break;
            }
        }
        Ok(())
    }

    /// A person's abort or rollback ends all work on the way forward; only writes under way are awaited.
    fn is_wanted(&self, id: TaskId) -> bool {
        let back = self.ledger.aborting || self.ledger.rolling_back;
        !back || matches!(id, TaskId::Undo(_))
    }

    fn move_on(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if self.ledger.aborting || self.ledger.rolling_back {
            self.work.drop_tasks(|id| matches!(id, TaskId::Undo(_)));
            self.work.tasks.retain(|id, task| matches!(id, TaskId::Undo(_)) || task.state != State::Ready);
            if self.work.tasks.keys().any(|id| !matches!(id, TaskId::Undo(_))) {
                return STILL;
            }
        }
        match self.ledger.current() {
            Some(step) if self.ledger.steps[step].undoing.is_some() => self.undo_step(step, turn),
            Some(step) if self.ledger.aborting => self.begin_undo(step, "a person aborted it", turn),
            _ if self.ledger.rolling_back => self.roll_back(turn),
            Some(step) if !self.work.troubles.is_empty() => self.hold_step(step, turn),
            Some(step) => self.go_forward(step, turn),
            None => self.begin_next(turn),
        }
    }

    fn go_forward(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if !self.ledger.actions_done(step) {
            return self.begin_actions(step, turn);
        }
        let bake_until = self.ledger.steps[step].bake_until;
        if bake_until.is_some_and(|until| until > turn.now) {
            return STILL;
        }
        if !self.ledger.gates_passed(step) {
            return self.begin_gates(step, turn);
        }
        let plan_step = self.ledger.plan_step(step);
        let name = plan_step.id.clone();
        if plan_step.bake_seconds > 0 && bake_until.is_none() {
            let until = turn.now.plus_seconds(plan_step.bake_seconds);
            self.journal(Record::Bake { step: name.clone(), until }, turn)?;
            turn.tell(EventKind::Baking { step: name, until });
            return MOVED;
        }
        if plan_step.approve_after && !self.ledger.steps[step].approved_after && !self.grant(&name, turn)? {
            let reason = "traffic is not observed: a person looks at it and approves".to_owned();
            return self.end_step(step, StepEnd::Waiting { on: self.waiting(step, reason) }, turn);
        }
        self.end_step(step, StepEnd::Done, turn)
    }

    /// Begins actions of the present phase, as many as limits allow; a paused run begins none.
    fn begin_actions(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let (plan_step, state) = (self.ledger.plan_step(step), &self.ledger.steps[step]);
        let actions = plan_step.actions.iter().enumerate();
        let left: Vec<(usize, u32)> = actions
            .filter(|(index, _)| !state.done.contains(index))
            .map(|(index, action)| (index, action.phase))
            .collect();
        let Some(phase) = left.iter().map(|(_, phase)| *phase).min() else { return STILL };
        let at_work: Vec<usize> = self.actions_at_work();
        let wishes = left.iter().filter(|(_, of)| *of == phase).map(|(index, _)| *index);
        let wishes = wishes
            .filter(|action| !at_work.contains(action))
            .filter(|action| !self.ledger.paused || self.is_begun(step, *action))
            .collect();
        let admitted = limits::admit(&self.ledger, step, &at_work, wishes);
        if admitted.is_empty() {
            let nothing_left = self.ledger.paused && self.work.tasks.is_empty();
            return if nothing_left { self.end_paused(turn) } else { STILL };
        }
        let name = plan_step.id.clone();
        for action in admitted {
            self.work.spawn(TaskId::Action(action), step, turn.now);
            let kind = &self.ledger.action(step, action).kind;
            let (subject, verb) = (kind.subject(), kind.verb().to_owned());
            turn.tell(EventKind::ActionStarted { step: name.clone(), subject, verb });
        }
        MOVED
    }

    fn actions_at_work(&self) -> Vec<usize> {
        let action = |id: &TaskId| match id {
            TaskId::Action(action) | TaskId::Undo(action) => Some(*action),
            TaskId::Open(_) | TaskId::Gate(_) => None,
        };
        self.work.tasks.keys().filter_map(action).collect()
    }

    /// True if the action wrote something already: then it is finished, whatever people say meanwhile.
    fn is_begun(&self, step: usize, action: usize) -> bool {
        self.ledger.forward(step).any(|(_, intent)| intent.action == action && intent.may_have_landed())
    }

    fn begin_gates(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let passed = &self.ledger.steps[step].passed;
        let open = (0..self.ledger.plan_step(step).gates.len()).filter(|gate| !passed.contains(gate));
        let new: Vec<usize> =
            open.filter(|gate| !self.work.tasks.contains_key(&TaskId::Gate(*gate))).collect();
        for gate in &new {
            self.work.spawn(TaskId::Gate(*gate), step, turn.now);
        }
        Ok(!new.is_empty())
    }

    /// A failed step starts nothing new, lets running rollouts finish, and is held.
    fn hold_step(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if self.drain(step) {
            return STILL;
        }
        let waits = self.work.troubles.iter().find_map(|trouble| match &trouble.blame {
            Blame::Awaits(on) => Some(on.as_ref().clone()),
            Blame::NewCohort | Blame::Nobody => None,
        });
        let only_waits = self.work.troubles.iter().all(|trouble| matches!(trouble.blame, Blame::Awaits(_)));
        let why: Vec<&str> = self.work.troubles.iter().map(|trouble| trouble.why.as_str()).collect();
        let end = match waits.filter(|_| only_waits) {
            Some(on) => StepEnd::Waiting { on },
            None => StepEnd::Held { why: why.join("; ") },
        };
        self.end_step(step, end, turn)
    }

    /// Drops what has not begun to replace pods; true while something is left that has.
    fn drain(&mut self, step: usize) -> bool {
        let rolling: BTreeSet<usize> = self
            .ledger
            .forward(step)
            .filter(|(_, intent)| intent.restarts() && intent.may_have_landed())
            .map(|(_, intent)| intent.action)
            .collect();
        self.work.drop_tasks(|id| match id {
            TaskId::Action(action) => rolling.contains(&action),
            TaskId::Open(_) | TaskId::Gate(_) | TaskId::Undo(_) => false,
        });
        self.work.tasks.keys().any(|id| matches!(id, TaskId::Action(_)))
    }

    fn begin_undo(&mut self, step: usize, why: &str, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let (name, why) = (self.ledger.plan_step(step).id.clone(), why.to_owned());
        self.work.troubles.clear();
        self.journal(Record::Undoing { step: name.clone(), why: why.clone() }, turn)?;
        turn.tell(EventKind::Undoing { step: name, why });
        MOVED
    }

    fn undo_step(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if self.work.tasks.keys().any(|id| !matches!(id, TaskId::Undo(_))) && self.drain(step) {
            return STILL;
        }
        let busy = self.work.tasks.keys().any(|id| matches!(id, TaskId::Undo(_)));
        let failed: Vec<&str> = self.undo_troubles();
        if !failed.is_empty() {
            let why = format!("taking it back did not work: {}", failed.join("; "));
            return if busy { STILL } else { self.end_step(step, StepEnd::Held { why }, turn) };
        }
        let groups = undo::groups(&self.ledger, step);
        let open = groups.into_iter().find(|group| group.iter().any(|one| !self.work.undone.contains(one)));
        let Some(group) = open else {
            let why = self.ledger.steps[step].undoing.clone().unwrap_or_default();
            return self.end_step(step, StepEnd::Undone { why }, turn);
        };
        let at_work = self.actions_at_work();
        let wishes =
            group.into_iter().filter(|one| !self.work.undone.contains(one) && !at_work.contains(one));
        let admitted = limits::admit(&self.ledger, step, &at_work, wishes.collect());
        for action in &admitted {
            self.work.spawn(TaskId::Undo(*action), step, turn.now);
        }
        Ok(!admitted.is_empty())
    }

    fn undo_troubles(&self) -> Vec<&str> {
        self.work.troubles.iter().map(|trouble| trouble.why.as_str()).collect()
    }

    fn roll_back(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let Some(step) = self.ledger.rollback_order().first().copied() else {
            let names: Vec<&str> = self.forward_only_done();
            let reason = match names.as_slice() {
                [] => "everything was taken back".to_owned(),
                names => format!("everything was taken back but {}, which is forward-only", names.join(", ")),
            };
            return self.end_run(RunResult::RolledBack, reason, turn);
        };
        if let Some(StepEnd::Held { why }) = &self.ledger.steps[step].end
            && self.ledger.steps[step].undoing.is_some()
        {
            let name = &self.ledger.plan_step(step).id;
            let reason = format!("the rollback is held at {name}: {why}");
            return self.end_run(RunResult::Waiting, reason, turn);
        }
        self.begin_undo(step, "a person rolls the run back", turn)
    }

    fn forward_only_done(&self) -> Vec<&str> {
        let touched = |step: &usize| {
            self.ledger.is_forward_only(*step)
                && self.ledger.forward(*step).any(|(_, one)| Intended::may_have_landed(one))
        };
        (0..self.ledger.steps.len())
            .filter(touched)
            .map(|step| self.ledger.plan_step(step).id.as_str())
            .collect()
    }

    fn begin_next(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if self.ledger.paused {
            self.work.drop_tasks(|_| false);
        } else if self.work.tasks.keys().any(|id| matches!(id, TaskId::Open(_))) {
            return STILL;
        }
        if self.ledger.aborting {
            return self.end_run(RunResult::Waiting, "a person aborted the run".to_owned(), turn);
        }
        if let Some((result, reason)) = self.stopped_by_a_step() {
            return self.end_run(result, reason, turn);
        }
        let steps = &self.ledger.steps;
        let begins = |step: &usize| {
            steps[*step].end.is_none() && steps[*step].started.is_none() && self.ledger.needs_done(*step)
        };
        let Some(step) = (0..steps.len()).find(begins) else {
            let (result, reason) = self.final_result();
            return self.end_run(result, reason, turn);
        };
        if self.ledger.paused {
            return self.end_paused(turn);
        }
        if let Some(reason) = self.person_first(step, turn)? {
            return self.end_step(step, StepEnd::Waiting { on: self.waiting(step, reason) }, turn);
        }
        self.work.spawn(TaskId::Open(step), step, turn.now);
        MOVED
    }

    /// Why a person is needed before the step; nothing if not, or not any more.
    fn person_first(&mut self, step: usize, turn: &mut Turn) -> Result<Option<String>, IllegalRecord> {
        let plan_step = self.ledger.plan_step(step);
        let not_built = plan_step.stage == Stage::NotBuilt;
        let Some(person) = plan_step.person.clone() else {
            return Ok(not_built.then(|| plan_step.reason.clone()));
        };
        if not_built {
            return Ok(Some(person.why));
        }
        let name = plan_step.id.clone();
        if self.ledger.steps[step].approved_before || (person.approval && self.grant(&name, turn)?) {
            return Ok(None);
        }
        let commands = if person.commands.is_empty() { String::new() } else { ": ".to_owned() };
        Ok(Some(format!("{}{commands}{}", person.why, person.commands.join("; "))))
    }

    /// Grants an approval where the run may do so itself.
    fn grant(&mut self, step: &str, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let Some(by) = self.grants.clone() else { return Ok(false) };
        self.journal(Record::Approved { step: step.to_owned(), by: by.clone() }, turn)?;
        turn.tell(EventKind::Approved { step: step.to_owned(), by });
        Ok(true)
    }

    fn stopped_by_a_step(&self) -> Option<(RunResult, String)> {
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

    fn final_result(&self) -> (RunResult, String) {
        let waits = self.ledger.steps.iter().enumerate().find_map(|(step, state)| match &state.end {
            Some(StepEnd::Waiting { on }) => Some((step, on.reason.clone())),
            None | Some(StepEnd::Done | StepEnd::Held { .. } | StepEnd::Undone { .. }) => None,
        });
        let undecided = self.ledger.plan.waiting.len();
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
        let subject = ObjectRef::cluster("Step", &self.ledger.plan_step(step).id);
        WaitingOn { subject, reason, code: None, offers: Vec::new(), holds: Vec::new() }
    }

    fn end_paused(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
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
        if let StepEnd::Waiting { on } = &end {
            turn.tell(EventKind::Waiting { step: name.clone(), on: on.clone() });
        }
        turn.tell(EventKind::StepEnded { step: name, state: crate::status::end_word(&end).to_owned() });
        MOVED
    }

    fn end_run(&mut self, result: RunResult, reason: String, turn: &mut Turn) -> Result<bool, IllegalRecord> {
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
                let subject = self.ledger.action(task.step, action).kind.subject();
                turn.tell(EventKind::ActionDone { step, subject });
            }
            TaskId::Gate(index) => {
                let gate = self.ledger.plan_step(task.step).gates[index].clone();
                let (words, reason) = (gates::gate_words(&gate), why.to_owned());
                let record = Record::Gate { step: step.clone(), gate, passed: true, reason: reason.clone() };
                self.journal(record, turn)?;
                turn.tell(EventKind::GateJudged { step, gate: words, passed: true, reason });
            }
            TaskId::Undo(action) => {
                self.work.undone.insert(action);
            }
        }
        Ok(())
    }
}
