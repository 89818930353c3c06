//! The way back within a run: hold, drain, undo, abort, roll back (law 14).

use std::collections::BTreeSet;

use meshlift_model::event::EventKind;
use meshlift_model::journal::{Record, RunResult, StepEnd};
use meshlift_model::plan::StepUndo;

use crate::flow::{MOVED, STILL};
use crate::illegal::IllegalRecord;
use crate::next::Blame;
use crate::run::{Run, Turn};
use crate::task::TaskId;
use crate::{limits, undo};

impl Run {
    /// A failed step starts nothing new, lets running rollouts finish, and is held.
    pub(crate) fn hold_step(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
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
    pub(crate) fn drain(&mut self, step: usize) -> bool {
        let rolling: BTreeSet<usize> = self
            .ledger
            .forward(step)
            .filter(|(_, intent)| intent.restarts() && intent.may_have_landed())
            .map(|(_, intent)| intent.action)
            .collect();
        self.work.drop_tasks(|id| match id {
            TaskId::Action(action) => rolling.contains(&action),
            TaskId::Open(_) | TaskId::Gate(_) | TaskId::Watch(_) | TaskId::Undo(_) => false,
        });
        self.work.tasks.keys().any(|id| matches!(id, TaskId::Action(_)))
    }

    pub(crate) fn abort_step(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if let StepUndo::ForwardOnly { why } = &self.ledger.plan_step(step).undo {
            let why = format!("a person aborted it; it is forward-only: {why}");
            return self.end_step(step, StepEnd::Held { why }, turn);
        }
        self.begin_undo(step, "a person aborted it", turn)
    }

    /// True once the step starts nothing new.
    pub(crate) fn is_draining(&self, step: usize) -> bool {
        self.ledger.steps[step].undoing.is_some() || !self.work.troubles.is_empty()
    }

    pub(crate) fn begin_undo(
        &mut self,
        step: usize,
        why: &str,
        turn: &mut Turn,
    ) -> Result<bool, IllegalRecord> {
        let (name, why) = (self.ledger.plan_step(step).id.clone(), why.to_owned());
        self.work.troubles.clear();
        self.journal(Record::Undoing { step: name.clone(), why: why.clone() }, turn)?;
        turn.tell(EventKind::Undoing { step: name, why });
        MOVED
    }

    pub(crate) fn undo_step(&mut self, step: usize, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        if self.work.tasks.keys().any(|id| !matches!(id, TaskId::Undo(_))) && self.drain(step) {
            return STILL;
        }
        if let Some(tag) = self.ledger.tag_to_undo_first(step) {
            let why = self.ledger.steps[step].undoing.clone().unwrap_or_default();
            let why = format!("{why} ({} follows this tag)", self.ledger.plan_step(step).id);
            return self.begin_undo(tag, &why, turn);
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

    pub(crate) fn roll_back(&mut self, turn: &mut Turn) -> Result<bool, IllegalRecord> {
        let Some(step) = self.ledger.rollback_order().first().copied() else {
            let names = self.forward_only_done();
            let reason = match names.as_slice() {
                [] => "everything was taken back".to_owned(),
                [name] => format!("everything was taken back but {name}, which is forward-only"),
                names => {
                    format!("everything was taken back but {}, which are forward-only", names.join(", "))
                }
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

    /// Steps that are never taken back, and how many workloads of other steps are not.
    fn forward_only_done(&self) -> Vec<String> {
        let landed = |step: usize| self.ledger.forward(step).filter(|(_, one)| one.may_have_landed());
        let mut names = Vec::new();
        for step in 0..self.ledger.steps.len() {
            let id = &self.ledger.plan_step(step).id;
            if self.ledger.is_forward_only(step) {
                names.extend(landed(step).next().map(|_| id.clone()));
                continue;
            }
            let stays = self.ledger.plan.forward_only_moves(step);
            let moved = landed(step).filter(|(_, one)| one.restarts());
            let moved: BTreeSet<usize> = moved.map(|(_, one)| one.action).collect();
            let subject = |action: &usize| self.ledger.action(step, *action).kind.subject();
            match moved.iter().filter(|action| stays.contains(&&subject(action))).count() {
                0 => {}
                1 => names.push(format!("1 workload of {id}")),
                more => names.push(format!("{more} workloads of {id}")),
            }
        }
        names
    }
}
