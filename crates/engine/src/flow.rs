//! From step to step: what is begun, awaited, judged, baked, approved, ended.

use meshlift_model::event::EventKind;
use meshlift_model::journal::{Command, Record, RunResult, StepEnd};
use meshlift_model::plan::{Gate, Stage};

use crate::illegal::IllegalRecord;
use crate::limits;
use crate::run::{Run, Turn};
use crate::task::TaskId;

/// Looks at the moved pods during one bake, and the least pause between two of them.
const BAKE_LOOKS: i64 = 20;
const BAKE_LOOK_SECONDS_MIN: i64 = 60;

/// Something changed: look again what comes next.
pub(crate) const MOVED: Result<bool, IllegalRecord> = Ok(true);
/// Nothing to do until something arrives.
pub(crate) const STILL: Result<bool, IllegalRecord> = Ok(false);

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
            if self.work.tasks.keys().any(|id| !matches!(id, TaskId::Undo(_))) {
                return STILL;
            }
        }
        match self.ledger.current() {
            Some(step) if self.ledger.steps[step].undoing.is_some() => self.undo_step(step, turn),
            Some(step) if self.ledger.aborting => self.abort_step(step, turn),
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
            // A bake needs nobody: its end stands in the journal.
            if self.ledger.paused && self.work.tasks.is_empty() {
                return self.end_paused(turn);
            }
            return self.watch(step, turn);
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

    /// Looks at the moved pods now and then while the step bakes: a hard stop counts at once, all else is
    /// judged when the bake ends.
    fn watch(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let plan_step = self.ledger.plan_step(step);
        let pause = (plan_step.bake_seconds / BAKE_LOOKS).max(BAKE_LOOK_SECONDS_MIN);
        let due = *self.work.watch_at.get_or_insert(turn.now.plus_seconds(pause));
        if due > turn.now {
            return STILL;
        }
        self.work.watch_at = Some(turn.now.plus_seconds(pause));
        let gates = plan_step.gates.iter().enumerate();
        let watched = gates.filter(|(_, gate)| matches!(gate, Gate::PodsOnRevision { .. }));
        let new: Vec<TaskId> = watched
            .map(|(gate, _)| TaskId::Watch(gate))
            .filter(|id| !self.work.tasks.contains_key(id))
            .collect();
        for id in &new {
            self.work.spawn(*id, step, turn.now);
        }
        Ok(!new.is_empty())
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

    pub(crate) fn actions_at_work(&self) -> Vec<usize> {
        let action = |id: &TaskId| match id {
            TaskId::Action(action) | TaskId::Undo(action) => Some(*action),
            TaskId::Open(_) | TaskId::Gate(_) | TaskId::Watch(_) => None,
        };
        self.work.tasks.keys().filter_map(action).collect()
    }

    /// True if the action wrote something already: then it is finished, whatever people say meanwhile.
    fn is_begun(&self, step: usize, action: usize) -> bool {
        self.ledger.forward(step).any(|(_, intent)| intent.action == action && intent.may_have_landed())
    }

    fn begin_gates(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        self.work.drop_tasks(|id| !matches!(id, TaskId::Watch(_)));
        self.work.watch_at = None;
        let passed = &self.ledger.steps[step].passed;
        let open = (0..self.ledger.plan_step(step).gates.len()).filter(|gate| !passed.contains(gate));
        let new: Vec<usize> =
            open.filter(|gate| !self.work.tasks.contains_key(&TaskId::Gate(*gate))).collect();
        for gate in &new {
            self.work.spawn(TaskId::Gate(*gate), step, turn.now);
        }
        Ok(!new.is_empty())
    }

    fn begin_next(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if self.pauses_after.take_if(|step| self.ledger.is_over(step)).is_some() {
            self.journal(Record::Command { command: Command::Pause }, turn)?;
        }
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
}
