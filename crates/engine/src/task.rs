//! Volatile work: what is being read, written or awaited in this process. Dropped when it ends.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::effect::{EffectId, Observation, Query};
use meshlift_model::time::Time;

use crate::closing::Closing;
use crate::ledger::Ledger;
use crate::look::Look;
use crate::next::Trouble;

/// What a task judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskId {
    /// How the mesh is before a step.
    Open(usize),
    /// An action of the step at work.
    Action(usize),
    /// A gate of the step at work.
    Gate(usize),
    /// A gate of the step at work, looked at while it bakes.
    Watch(usize),
    /// An action of the step at work, taken back.
    Undo(usize),
}

/// A task between its judgements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    /// Tells this task from an earlier one with the same id.
    pub(crate) serial: u64,
    pub(crate) step: usize,
    pub(crate) began: Time,
    pub(crate) answers: Vec<(Query, Observation)>,
    pub(crate) state: State,
    /// Failed attempts in a row.
    pub(crate) failures: u32,
    /// What it waits for, in words.
    pub(crate) why: String,
    /// Progress that people were told last.
    pub(crate) told: Option<(usize, usize)>,
}

impl Task {
    /// What its next judgement sees.
    pub(crate) fn look<'a>(&'a self, ledger: &'a Ledger, now: Time) -> Look<'a> {
        Look { ledger, step: self.step, now, began: self.began, answers: &self.answers }
    }
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    /// Nothing: it is to be judged.
    Ready,
    /// So many answers.
    Reading(usize),
    /// The outcome of a write.
    Writing,
    /// This time.
    Sleeping(Time),
}

/// An effect whose outcome is due.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) task: TaskId,
    pub(crate) serial: u64,
    /// The question; absent for a write.
    pub(crate) query: Option<Query>,
    pub(crate) deadline: Time,
}

/// All volatile state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Work {
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) pending: BTreeMap<EffectId, Pending>,
    /// Effects that were given up: their outcomes may still come.
    pub(crate) given_up: BTreeSet<EffectId>,
    /// Writes that an earlier process left open.
    pub(crate) closing: BTreeMap<EffectId, Closing>,
    /// Actions that are taken back already.
    pub(crate) undone: BTreeSet<usize>,
    /// Why the step at work cannot go on.
    pub(crate) troubles: Vec<Trouble>,
    /// When the baking step is looked at next.
    pub(crate) watch_at: Option<Time>,
    pub(crate) next_effect: EffectId,
    next_serial: u64,
}

impl Work {
    /// Begins a task.
    pub(crate) fn spawn(&mut self, id: TaskId, step: usize, now: Time) {
        self.next_serial += 1;
        let task = Task {
            serial: self.next_serial,
            step,
            began: now,
            answers: Vec::new(),
            state: State::Ready,
            failures: 0,
            why: String::new(),
            told: None,
        };
        self.tasks.insert(id, task);
    }

    /// The task that an effect belongs to, if it is still there.
    pub(crate) fn owner(&mut self, pending: &Pending) -> Option<&mut Task> {
        self.tasks.get_mut(&pending.task).filter(|task| task.serial == pending.serial)
    }

    /// The first task that is to be judged.
    pub(crate) fn ready(&self) -> Option<TaskId> {
        self.tasks.iter().find(|(_, task)| task.state == State::Ready).map(|(id, _)| *id)
    }

    /// Wakes all that slept until now.
    pub(crate) fn wake(&mut self, now: Time) {
        for task in self.tasks.values_mut() {
            if let State::Sleeping(until) = task.state
                && until <= now
            {
                task.state = State::Ready;
                task.answers.clear();
            }
        }
    }

    /// When something is due at the latest.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        let sleeping = self.tasks.values().filter_map(|task| match task.state {
            State::Sleeping(until) => Some(until),
            State::Ready | State::Reading(_) | State::Writing => None,
        });
        sleeping.chain(self.pending.values().map(|pending| pending.deadline)).min()
    }

    /// Drops all tasks but those whose write is under way, and those to keep.
    pub(crate) fn drop_tasks(&mut self, keep: impl Fn(TaskId) -> bool) {
        self.tasks.retain(|id, task| task.state == State::Writing || keep(*id));
    }
}
