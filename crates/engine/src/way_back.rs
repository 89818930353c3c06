//! The way back as a list: what a rollback would do from here, read from the journal alone.

use meshlift_model::action::{ActionKind, Move, MoveHow};
use meshlift_model::effect::{Change, Write};
use meshlift_model::journal::Undo;
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::gates::settle_seconds;
use crate::run::Run;
use crate::undo::{self, Item, inverse};

/// One step, taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct StepBack {
    /// Id of the step.
    pub step: String,
    /// What the step did.
    pub title: String,
    /// What takes it back, in order.
    pub parts: Vec<PartBack>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum PartBack {
    /// Give back what was there before.
    Write(Write),
    /// Bring the pods of a workload back.
    Return(Box<Return>),
    /// Wait for so many seconds: istiods must have seen the selectors before pods are made anew.
    Settle(i64),
    /// No pod may be on the revision any more: its control plane goes next.
    Unused(RevisionName),
    /// It went, and what went was not stored.
    Lost(ObjectRef),
}

/// A workload whose pods leave a revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Return {
    /// Workload.
    pub workload: ObjectRef,
    /// Revision that its pods leave.
    pub revision: RevisionName,
    /// What makes new pods.
    pub how: MoveHow,
    /// Gives the template its former restart annotation: absent where it was not restarted.
    pub template: Option<Write>,
    /// Creates a bare pod as it was.
    pub stored: Option<Write>,
}

impl Run {
    /// What takes the run back from where its journal ends: steps in order, without those that are forward-only.
    #[must_use]
    pub fn way_back(&self) -> Vec<StepBack> {
        let mut unseen = false;
        let steps = self.ledger.rollback_order().into_iter().map(|step| {
            let plan_step = self.ledger.plan_step(step);
            let actions = undo::groups(&self.ledger, step).into_iter().flatten();
            let parts = actions.flat_map(|action| self.parts_back(step, action));
            StepBack {
                step: plan_step.id.clone(),
                title: plan_step.title.clone(),
                parts: parts.flat_map(|part| self.settled(part, &mut unseen)).collect(),
            }
        });
        steps.filter(|step| !step.parts.is_empty()).collect()
    }

    /// A part, after a pause where it makes pods and a selector was changed before it that nobody waited for.
    fn settled(&self, part: PartBack, unseen: &mut bool) -> Vec<PartBack> {
        if let PartBack::Write(Write { change: Change::Labels { .. } | Change::SetTag { .. }, .. }) = &part {
            *unseen = true;
        }
        let waits = matches!(part, PartBack::Return(_)) && std::mem::take(unseen);
        let pause = waits.then(|| PartBack::Settle(settle_seconds(&self.ledger.plan)));
        pause.into_iter().chain([part]).collect()
    }

    fn parts_back(&self, step: usize, action: usize) -> Vec<PartBack> {
        let stays = self.ledger.plan.forward_only_moves(step);
        let mut parts = Vec::new();
        for item in undo::items(&self.ledger, step, action) {
            match (item, &self.ledger.action(step, action).kind) {
                (Item::Write(_, intent), _) => match inverse::inverse_of(intent) {
                    Some(writes) => {
                        if matches!(intent.write.change, Change::InstallRevision { .. }) {
                            parts.push(PartBack::Unused(RevisionName::new(&intent.write.target.name)));
                        }
                        parts.extend(writes.into_iter().map(PartBack::Write));
                    }
                    None => parts.push(PartBack::Lost(intent.write.target.clone())),
                },
                (Item::Return(_), ActionKind::Move(one)) if !stays.contains(&&one.workload) => {
                    parts.push(PartBack::Return(Box::new(self.return_of(step, action, one))));
                }
                (Item::Return(_), _) => {}
            }
        }
        parts
    }

    fn return_of(&self, step: usize, action: usize, one: &Move) -> Return {
        let former = |wanted: fn(&Change) -> bool| {
            let writes = self.ledger.landed(step, action).filter_map(|(_, intent)| match &intent.undo {
                Undo::Inverse { writes } => Some(writes),
                Undo::RestoreStored | Undo::ForwardOnly { .. } | Undo::NotNeeded => None,
            });
            writes.flatten().find(|write| wanted(&write.change)).cloned()
        };
        Return {
            workload: one.workload.clone(),
            revision: one.revision.clone(),
            how: one.how,
            template: former(|change| matches!(change, Change::TemplateAnnotation { .. })),
            stored: former(|change| matches!(change, Change::Restore { .. })),
        }
    }
}
