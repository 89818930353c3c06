//! Tasks and the world: a judgement becomes an effect, an outcome wakes its task.

use meshlift_model::action::ActionKind;
use meshlift_model::defaults::{EFFECT_ATTEMPTS_MAX, PDB_WAIT_SECONDS_MAX, POLL_SECONDS};
use meshlift_model::effect::{Effect, EffectId, Failure, Outcome, Query};
use meshlift_model::event::EventKind;
use meshlift_model::journal::{Instruction, Record};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::WaitingOn;
use meshlift_model::time::Time;

use crate::illegal::IllegalRecord;
use crate::ledger::{Intended, restarts_pods};
use crate::next::{Blame, Draft, Next, Trouble, Wait};
use crate::run::{Run, Turn};
use crate::task::{Pending, State, Task, TaskId};
use crate::{actions, gates, limits, open, others, undo};

/// Seconds until an answer is given up. Adapters have shorter limits of their own; this one only keeps a
/// run from waiting for ever on a broken one.
pub(crate) const ANSWER_SECONDS_MAX: i64 = 300;
/// Longest pause between two attempts of one effect, in seconds.
const BACK_OFF_SECONDS_MAX: i64 = 30;
/// Seconds between two evictions that a disruption budget refused: budgets change as slowly as pods start.
const BUDGET_RETRY_SECONDS: i64 = 15;

impl Run {
    /// Judges a task once and does what comes next.
    pub(crate) fn poll(&mut self, id: TaskId, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let Some(task) = self.work.tasks.get(&id) else { return Ok(()) };
        let look = task.look(&self.ledger, turn.now);
        let next = match id {
            TaskId::Open(_) => open::judge(&look),
            TaskId::Action(action) => actions::judge(&look, action),
            TaskId::Gate(gate) | TaskId::Watch(gate) => gates::judge(&look, gate),
            TaskId::Undo(action) => undo::judge(&look, action),
        };
        match next {
            Next::Ask(queries) => self.ask(id, queries, turn),
            Next::Write(draft) => return self.write(id, *draft, turn),
            Next::Wait(wait) => self.sleep(id, wait, turn),
            Next::Done(why) => return self.finish(id, &why, turn),
            Next::Fail(trouble) => return self.fail(id, trouble, turn),
        }
        Ok(())
    }

    fn ask(&mut self, id: TaskId, queries: Vec<Query>, turn: &mut Turn) {
        let Some(task) = self.work.tasks.get_mut(&id) else { return };
        task.state = State::Reading(queries.len());
        let serial = task.serial;
        for query in queries {
            let effect_id = self.next_effect();
            let deadline = turn.now.plus_seconds(ANSWER_SECONDS_MAX);
            self.work
                .pending
                .insert(effect_id, Pending { task: id, serial, query: Some(query.clone()), deadline });
            turn.out.push(Instruction::Submit { effect_id, effect: Effect::Read(query) });
        }
    }

    fn write(&mut self, id: TaskId, draft: Draft, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let (TaskId::Action(action) | TaskId::Undo(action)) = id else {
            let why = "only actions write".to_owned();
            return self.fail(id, Trouble { blame: Blame::Nobody, why }, turn);
        };
        let Some(task) = self.work.tasks.get(&id) else { return Ok(()) };
        if self.is_draining(task.step) && matches!(id, TaskId::Action(_)) {
            // Running rollouts finish by themselves; nothing new is started for them. An undo takes the
            // cures back, a held step keeps them.
            let starts = restarts_pods(&draft.write.change);
            if starts || self.ledger.steps[task.step].undoing.is_some() {
                self.work.tasks.remove(&id);
                return Ok(());
            }
        }
        let step = task.step;
        match self.written_before(step, action, &draft) {
            Some((times, _)) if times >= EFFECT_ATTEMPTS_MAX => {
                let trouble =
                    others::takes_back(&task.look(&self.ledger, turn.now), &draft.write.target, times);
                return self.fail(id, trouble, turn);
            }
            Some((_, last)) if turn.now < last.plus_seconds(POLL_SECONDS) => {
                let why = format!("{} does not show what was written", draft.write.target);
                self.sleep(id, Wait { until: last.plus_seconds(POLL_SECONDS), why, progress: None }, turn);
                return Ok(());
            }
            Some(_) | None => {}
        }
        let Some(task) = self.work.tasks.get_mut(&id) else { return Ok(()) };
        if let Some(until) =
            limits::restart_not_before(&self.ledger, task.step, action, &draft.write, turn.now)
        {
            let why = "restarts a minute are limited".to_owned();
            self.sleep(id, Wait { until, why, progress: None }, turn);
            return Ok(());
        }
        task.state = State::Writing;
        let serial = task.serial;
        let effect = self.next_effect();
        let record = Record::Intent {
            effect,
            step: self.ledger.plan_step(step).id.clone(),
            action,
            write: draft.write.clone(),
            undo: draft.undo,
            reverses: draft.reverses,
        };
        self.journal(record, turn)?;
        let deadline = turn.now.plus_seconds(ANSWER_SECONDS_MAX);
        self.work.pending.insert(effect, Pending { task: id, serial, query: None, deadline });
        turn.out.push(Instruction::Submit { effect_id: effect, effect: Effect::Write(draft.write) });
        Ok(())
    }

    /// How often, and when last, the very same write was done: a cache may lag, or somebody takes it back.
    fn written_before(&self, step: usize, action: usize, draft: &Draft) -> Option<(u32, Time)> {
        let since = self.ledger.steps[step].resumed.unwrap_or(self.ledger.started_at);
        let same = |intent: &&Intended| {
            let (write, wanted) = (&intent.write, &draft.write);
            intent.action == action
                && intent.is_done()
                && intent.at >= since
                && (&write.target, &write.uid, &write.change) == (&wanted.target, &wanted.uid, &wanted.change)
        };
        let forward = self.ledger.forward(step).map(|(_, intent)| intent);
        let backward = self.ledger.backward(step).map(|(_, intent)| intent);
        let mine: Vec<&Intended> = match draft.reverses {
            None => forward.filter(same).collect(),
            Some(_) => backward.filter(same).collect(),
        };
        let last = mine.last()?;
        Some((u32::try_from(mine.len()).unwrap_or(u32::MAX), last.at))
    }

    fn next_effect(&mut self) -> EffectId {
        let id = self.work.next_effect;
        self.work.next_effect += 1;
        id
    }

    fn sleep(&mut self, id: TaskId, wait: Wait, turn: &mut Turn) {
        let Some(task) = self.work.tasks.get_mut(&id) else { return };
        // Never now: a wait that is over at once would spin.
        task.state = State::Sleeping(wait.until.max(turn.now.plus_millis(1)));
        task.why = wait.why;
        let news = wait.progress.filter(|_| task.told != wait.progress);
        let Some((moved, pods)) = news else { return };
        task.told = wait.progress;
        let step = self.ledger.plan_step(task.step).id.clone();
        if let Some(subject) = self.subject(id) {
            turn.tell(EventKind::Progress { step, subject, moved, pods });
        }
    }

    /// What a task is about, for people.
    pub(crate) fn subject(&self, id: TaskId) -> Option<ObjectRef> {
        let task = self.work.tasks.get(&id)?;
        match id {
            TaskId::Action(action) | TaskId::Undo(action) => {
                Some(self.ledger.action(task.step, action).kind.subject())
            }
            TaskId::Open(_) | TaskId::Gate(_) | TaskId::Watch(_) => {
                Some(ObjectRef::cluster("Step", &self.ledger.plan_step(task.step).id))
            }
        }
    }

    /// Takes an outcome.
    pub(crate) fn absorb(
        &mut self,
        effect: EffectId,
        outcome: Outcome,
        turn: &mut Turn,
    ) -> Result<(), IllegalRecord> {
        if self.absorb_closing(effect, &outcome, turn)? {
            return Ok(());
        }
        let Some(mut pending) = self.work.pending.remove(&effect) else {
            self.work.given_up.remove(&effect);
            return Ok(());
        };
        let query = pending.query.take();
        if query.is_none() {
            self.journal(Record::Outcome { effect, outcome: outcome.clone() }, turn)?;
        }
        let Some(task) = self.work.owner(&pending) else { return Ok(()) };
        match (query, outcome) {
            (Some(query), Outcome::Observed { observation }) => {
                task.answers.push((query, observation));
                answered(task);
                Ok(())
            }
            (None, Outcome::Done { .. }) => {
                task.state = State::Ready;
                task.answers.clear();
                task.failures = 0;
                Ok(())
            }
            (None, Outcome::Failed { failure: Failure::Budget { message } }) => {
                self.blocked(pending.task, effect, message, turn)
            }
            (None, Outcome::Failed { failure: Failure::OnHold { message } }) => {
                let subject = self.ledger.intents[&effect].write.target.clone();
                self.fail(pending.task, Trouble::awaits(WaitingOn::new(subject, message)), turn)
            }
            (_, Outcome::Failed { failure }) => self.failed(pending.task, &failure, turn),
            (_, Outcome::Done { .. } | Outcome::Observed { .. }) => {
                let message = "the answer does not fit the question".to_owned();
                self.failed(pending.task, &Failure::Unavailable { message }, turn)
            }
        }
    }

    /// An effect failed: again after a pause if that may help, within limits.
    fn failed(&mut self, id: TaskId, failure: &Failure, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let subject = self.subject(id);
        let Some(task) = self.work.tasks.get_mut(&id) else { return Ok(()) };
        task.failures += 1;
        let attempts = task.failures;
        // A target that is gone may be gone because the work is done: reading again tells.
        let again = failure.is_passing() || matches!(failure, Failure::NotFound { .. });
        let what = subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
        let why = format!("{what}{failure}");
        if !again || attempts >= EFFECT_ATTEMPTS_MAX {
            let times = if attempts > 1 { format!(", {attempts} times") } else { String::new() };
            return self.fail(id, Trouble { blame: Blame::Nobody, why: format!("{why}{times}") }, turn);
        }
        let pause = (1_i64 << (attempts - 1).min(10)).min(BACK_OFF_SECONDS_MAX);
        task.state = State::Sleeping(turn.now.plus_seconds(pause));
        task.why.clone_from(&why);
        if let Some(subject) = subject {
            turn.tell(EventKind::Retrying { subject, why });
        }
        Ok(())
    }

    /// A disruption budget refused an eviction: again later, and in the end a person is told.
    fn blocked(
        &mut self,
        id: TaskId,
        effect: EffectId,
        message: String,
        turn: &mut Turn,
    ) -> Result<(), IllegalRecord> {
        let Some(subject) = self.subject(id) else { return Ok(()) };
        let pod = &self.ledger.intents[&effect].write;
        let tries = |intent: &&crate::ledger::Intended| {
            intent.write.uid == pod.uid && intent.write.target == pod.target
        };
        let step = self.ledger.intents[&effect].step;
        let first = self.ledger.intents.values().find(tries).map_or(turn.now, |intent| intent.at);
        let first = self.ledger.steps[step].resumed.map_or(first, |resumed| resumed.max(first));
        if turn.now >= first.plus_seconds(PDB_WAIT_SECONDS_MAX) {
            let reason = format!("{} cannot be evicted: {message}", pod.target);
            return self.fail(id, Trouble::awaits(WaitingOn::new(subject, reason)), turn);
        }
        let Some(task) = self.work.tasks.get_mut(&id) else { return Ok(()) };
        task.state = State::Sleeping(turn.now.plus_seconds(BUDGET_RETRY_SECONDS));
        task.why.clone_from(&message);
        turn.tell(EventKind::Retrying { subject, why: message });
        Ok(())
    }

    /// Gives up on answers that are late beyond reason: nobody knows what became of those effects.
    pub(crate) fn give_up_late(&mut self, turn: &mut Turn) -> Result<(), IllegalRecord> {
        let is_late = |pending: &Pending| pending.deadline <= turn.now;
        let late: Vec<EffectId> =
            self.work.pending.iter().filter(|(_, pending)| is_late(pending)).map(|(id, _)| *id).collect();
        for effect in late {
            let message = format!("no answer within {ANSWER_SECONDS_MAX} s");
            self.absorb(effect, Outcome::Failed { failure: Failure::Unavailable { message } }, turn)?;
            self.work.given_up.insert(effect);
        }
        Ok(())
    }

    /// A task that failed, with its consequences for the step (law 14).
    pub(crate) fn fail(
        &mut self,
        id: TaskId,
        trouble: Trouble,
        turn: &mut Turn,
    ) -> Result<(), IllegalRecord> {
        let Some(task) = self.work.tasks.remove(&id) else { return Ok(()) };
        if matches!(id, TaskId::Watch(_)) && trouble.blame != Blame::NewCohort {
            return Ok(());
        }
        let step = task.step;
        let name = self.ledger.plan_step(step).id.clone();
        if let Some((gate, reason)) = self.judged_gate(id, step, &trouble) {
            turn.tell(EventKind::GateJudged {
                step: name.clone(),
                gate: gates::gate_words(&gate),
                passed: false,
                reason: reason.clone(),
            });
            self.journal(Record::Gate { step: name.clone(), gate, passed: false, reason }, turn)?;
        }
        let undoing = self.ledger.steps[step].undoing.is_some();
        if trouble.blame == Blame::NewCohort && !undoing && !self.ledger.is_forward_only(step) {
            let why = trouble.why.clone();
            self.work.troubles.clear();
            self.journal(Record::Undoing { step: name.clone(), why: why.clone() }, turn)?;
            turn.tell(EventKind::Undoing { step: name, why });
        } else if !undoing || matches!(id, TaskId::Undo(_)) {
            self.work.troubles.push(trouble);
        }
        Ok(())
    }

    /// The gate that a failed task stands for: its own, or the workload's.
    fn judged_gate(
        &self,
        id: TaskId,
        step: usize,
        trouble: &Trouble,
    ) -> Option<(meshlift_model::plan::Gate, String)> {
        let gate = match id {
            TaskId::Gate(gate) | TaskId::Watch(gate) => self.ledger.plan_step(step).gates[gate].clone(),
            // Whoever has to act first is no failure of the workload.
            TaskId::Action(_) if matches!(trouble.blame, Blame::Awaits(_)) => return None,
            TaskId::Action(action) => match &self.ledger.action(step, action).kind {
                ActionKind::Move(workload) => meshlift_model::plan::Gate::PodsOnRevision {
                    revision: workload.revision.clone(),
                    workloads: vec![workload.workload.clone()],
                },
                ActionKind::ApplyCrds { .. }
                | ActionKind::InstallRevision { .. }
                | ActionKind::SelectRevision { .. }
                | ActionKind::ProveInjection { .. }
                | ActionKind::SetTag { .. }
                | ActionKind::RemoveTag { .. }
                | ActionKind::Scale { .. }
                | ActionKind::RemoveRevision { .. } => return None,
            },
            TaskId::Open(_) | TaskId::Undo(_) => return None,
        };
        Some((gate, trouble.why.clone()))
    }
}

fn answered(task: &mut Task) {
    if let State::Reading(left) = task.state {
        task.state = if left > 1 { State::Reading(left - 1) } else { State::Ready };
    }
}
