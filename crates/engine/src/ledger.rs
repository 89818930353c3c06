//! The durable half of a run: what its journal says, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::action::{Action, ActionKind};
use meshlift_model::effect::{Change, EffectId, Failure, Outcome, Write};
use meshlift_model::journal::{RunResult, StepEnd, Undo};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Plan, Step, StepUndo};
use meshlift_model::time::Time;

/// What the journal's lines add up to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ledger {
    /// Name of the run.
    pub(crate) run: String,
    /// Its plan.
    pub(crate) plan: Plan,
    /// One per step of the plan.
    pub(crate) steps: Vec<StepLedger>,
    /// Every write that was meant, in order.
    pub(crate) intents: BTreeMap<EffectId, Intended>,
    /// Those without an outcome.
    pub(crate) open: BTreeSet<EffectId>,
    /// Every judged gate, in order.
    pub(crate) gates: Vec<Judged>,
    /// Workloads that did not get through.
    pub(crate) failed_workloads: BTreeSet<ObjectRef>,
    /// A person said pause.
    pub(crate) paused: bool,
    /// A person said abort, and that is not through yet.
    pub(crate) aborting: bool,
    /// A person said rollback.
    pub(crate) rolling_back: bool,
    /// How the run ended, until a command goes on with it.
    pub(crate) ended: Option<(RunResult, String)>,
    /// Number of the next line.
    pub(crate) sequence: u64,
    /// Time of the first and of the newest line.
    pub(crate) started_at: Time,
    pub(crate) last_at: Time,
}

/// What happened to one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StepLedger {
    pub(crate) started: Option<Time>,
    pub(crate) ended: Option<Time>,
    pub(crate) baseline: BTreeSet<String>,
    pub(crate) census: Option<String>,
    /// Actions that are through.
    pub(crate) done: BTreeSet<usize>,
    /// Gates that held since the actions ended, or since the bake began.
    pub(crate) passed: BTreeSet<usize>,
    pub(crate) bake_until: Option<Time>,
    /// Why it is being taken back.
    pub(crate) undoing: Option<String>,
    pub(crate) end: Option<StepEnd>,
    pub(crate) approved_before: bool,
    pub(crate) approved_after: bool,
    /// When a person last said go on: deadlines count anew from there.
    pub(crate) resumed: Option<Time>,
    /// Its intents, without those of attempts that were taken back.
    pub(crate) effects: Vec<EffectId>,
}

/// A write that was meant, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intended {
    pub(crate) at: Time,
    pub(crate) step: usize,
    pub(crate) action: usize,
    pub(crate) write: Write,
    pub(crate) undo: Undo,
    pub(crate) reverses: Option<EffectId>,
    pub(crate) outcome: Option<Outcome>,
}

/// A judged gate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) step: usize,
    pub(crate) gate: Gate,
    pub(crate) passed: bool,
    pub(crate) reason: String,
}

impl Intended {
    /// True unless it is known that it did not happen.
    pub(crate) fn may_have_landed(&self) -> bool {
        match &self.outcome {
            None | Some(Outcome::Done { .. }) => true,
            Some(Outcome::Observed { .. }) => false,
            Some(Outcome::Failed { failure }) => matches!(failure, Failure::Unavailable { .. }),
        }
    }

    /// True if it is known that it happened.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Done { .. }))
    }

    /// True if it makes pods anew.
    pub(crate) fn restarts(&self) -> bool {
        restarts_pods(&self.write.change)
    }
}

/// True for changes that replace pods.
pub(crate) fn restarts_pods(change: &Change) -> bool {
    match change {
        Change::TemplateAnnotation { .. } | Change::Evict | Change::RecreatePod => true,
        Change::Labels { .. }
        | Change::Replicas { .. }
        | Change::AutoscalerMin { .. }
        | Change::Partition { .. }
        | Change::Strategy { .. }
        | Change::Quota { .. }
        | Change::Delete
        | Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => false,
    }
}

impl Ledger {
    /// Index of a step.
    pub(crate) fn index(&self, id: &str) -> Option<usize> {
        self.plan.steps.iter().position(|step| step.id == id)
    }

    /// The plan's words for a step.
    pub(crate) fn plan_step(&self, step: usize) -> &Step {
        &self.plan.steps[step]
    }

    /// An action of the plan.
    pub(crate) fn action(&self, step: usize, action: usize) -> &Action {
        &self.plan.steps[step].actions[action]
    }

    /// The step at work: one being taken back, else the first that was begun and is not over.
    pub(crate) fn current(&self) -> Option<usize> {
        let open = |step: &StepLedger| step.started.is_some() && step.end.is_none();
        self.steps
            .iter()
            .position(|step| open(step) && step.undoing.is_some())
            .or_else(|| self.steps.iter().position(open))
    }

    /// True once the step of that name has ended, however it did.
    pub(crate) fn is_over(&self, step: &str) -> bool {
        self.index(step).is_some_and(|step| self.steps[step].end.is_some())
    }

    /// True once every action of the step is through.
    pub(crate) fn actions_done(&self, step: usize) -> bool {
        self.steps[step].done.len() == self.plan.steps[step].actions.len()
    }

    /// True once every gate of the step held in this round.
    pub(crate) fn gates_passed(&self, step: usize) -> bool {
        self.steps[step].passed.len() == self.plan.steps[step].gates.len()
    }

    /// True if the step cannot be taken back.
    pub(crate) fn is_forward_only(&self, step: usize) -> bool {
        matches!(self.plan.steps[step].undo, StepUndo::ForwardOnly { .. })
    }

    /// Writes of the step's present attempt on the way forward.
    pub(crate) fn forward(&self, step: usize) -> impl DoubleEndedIterator<Item = (EffectId, &Intended)> {
        self.attempt(step).filter(|(_, intent)| intent.reverses.is_none())
    }

    /// Writes of the step's present attempt on the way back.
    pub(crate) fn backward(&self, step: usize) -> impl DoubleEndedIterator<Item = (EffectId, &Intended)> {
        self.attempt(step).filter(|(_, intent)| intent.reverses.is_some())
    }

    fn attempt(&self, step: usize) -> impl DoubleEndedIterator<Item = (EffectId, &Intended)> {
        self.steps[step].effects.iter().map(|id| (*id, &self.intents[id]))
    }

    /// Number of the next effect, as far as the journal knows.
    pub(crate) fn next_effect(&self) -> EffectId {
        self.intents.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    /// When a selector (namespace labels, a tag) was last changed.
    pub(crate) fn last_selector_change(&self) -> Option<Time> {
        let selects = |change: &Change| {
            matches!(change, Change::Labels { .. } | Change::SetTag { .. } | Change::RemoveTag)
        };
        self.intents
            .values()
            .rev()
            .find(|intent| selects(&intent.write.change) && intent.may_have_landed())
            .map(|intent| intent.at)
    }

    /// Pods that a change restarts, for the limit on restarts.
    pub(crate) fn restart_cost(&self, step: usize, action: usize, change: &Change) -> usize {
        match &self.action(step, action).kind {
            ActionKind::Move(workload) if matches!(change, Change::TemplateAnnotation { .. }) => {
                usize::try_from(workload.replicas).unwrap_or(0)
            }
            ActionKind::Move(_)
            | ActionKind::ApplyCrds { .. }
            | ActionKind::InstallRevision { .. }
            | ActionKind::SelectRevision { .. }
            | ActionKind::ProveInjection { .. }
            | ActionKind::SetTag { .. }
            | ActionKind::RemoveTag { .. }
            | ActionKind::Scale { .. }
            | ActionKind::RemoveRevision { .. } => usize::from(restarts_pods(change)),
        }
    }

    /// Forward writes of an action that may be in effect, in order.
    pub(crate) fn landed(
        &self,
        step: usize,
        action: usize,
    ) -> impl DoubleEndedIterator<Item = (EffectId, &Intended)> {
        let mine =
            move |(_, intent): &(EffectId, &Intended)| intent.action == action && intent.may_have_landed();
        self.forward(step).filter(mine)
    }

    /// Steps to take back, in that order: the reverse of the plan's, but a tag before what is bound to it,
    /// because undoing a restart needs the selector first (law 6).
    pub(crate) fn rollback_order(&self) -> Vec<usize> {
        let steps = (0..self.plan.steps.len()).rev();
        let mut order: Vec<usize> =
            steps.flat_map(|step| self.plan.tag_of(step).into_iter().chain([step])).collect();
        let mut seen = BTreeSet::new();
        order.retain(|step| seen.insert(*step) && self.is_to_be_undone(*step));
        order
    }

    /// The step that has to be taken back before this one can be, while nothing later rests on it.
    pub(crate) fn tag_to_undo_first(&self, step: usize) -> Option<usize> {
        let tag = self.plan.tag_of(step)?;
        let is_last = !(step + 1..self.steps.len()).any(|later| self.is_to_be_undone(later));
        let due = self.is_to_be_undone(tag) && self.steps[tag].undoing.is_none();
        (due && is_last).then_some(tag)
    }

    fn is_to_be_undone(&self, step: usize) -> bool {
        let state = &self.steps[step];
        let undone = matches!(state.end, Some(StepEnd::Undone { .. }));
        state.started.is_some() && !undone && !self.is_forward_only(step)
    }
}
