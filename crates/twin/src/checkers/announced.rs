//! What a plan announced, as the checkers need it.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::action::{ActionKind, Cure};
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::{CustomResourceDefinition, Namespace, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Plan;

/// What may be touched, what is kept, what may be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Objects that are written; the pods of a workload that stands here are covered with it.
    pub objects: BTreeSet<ObjectRef>,
    /// Revisions whose objects (by label) are made or removed.
    pub revisions: BTreeSet<String>,
    /// Tags whose objects (by label) are made, changed or removed.
    pub tags: BTreeSet<String>,
    /// Ready pods that a workload keeps at least.
    pub floors: BTreeMap<ObjectRef, i32>,
    /// Workloads of which a loss was accepted.
    pub accepted_loss: BTreeSet<ObjectRef>,
}

impl Announced {
    /// What a plan announces: its actions cover, its steps' floors hold, its floors and its intent accept.
    #[must_use]
    pub fn of_plan(plan: &Plan) -> Self {
        let mut announced = Self::default();
        for step in &plan.steps {
            for action in &step.actions {
                announced.cover(&action.kind);
            }
            for floor in &step.floors {
                let kept = announced.floors.entry(floor.workload.clone()).or_insert(floor.ready_min);
                *kept = floor.ready_min.min(*kept);
                if floor.accepted_loss.is_some() {
                    announced.accepted_loss.insert(floor.workload.clone());
                }
            }
        }
        let accepts = plan.intent.choices.iter().filter(|choice| choice.choose == ChoiceKind::AcceptLoss);
        announced.accepted_loss.extend(accepts.map(|choice| choice.subject.clone()));
        announced
    }

    fn cover(&mut self, action: &ActionKind) {
        match action {
            ActionKind::ApplyCrds { names, .. } => self
                .objects
                .extend(names.iter().map(|name| ObjectRef::cluster(CustomResourceDefinition::KIND, name))),
            ActionKind::InstallRevision { revision, creates, .. } => {
                self.revisions.insert(revision.as_str().to_owned());
                self.objects.extend(creates.iter().cloned());
            }
            ActionKind::RemoveRevision { revision, objects } => {
                self.revisions.insert(revision.as_str().to_owned());
                self.objects.extend(objects.iter().cloned());
            }
            ActionKind::SelectRevision { namespace, .. } => {
                self.objects.insert(ObjectRef::cluster(Namespace::KIND, namespace));
            }
            ActionKind::ProveInjection { .. } => {}
            ActionKind::Move(one) => {
                self.objects.insert(one.workload.clone());
                for cure in &one.cures {
                    self.cover_cure(cure);
                }
            }
            ActionKind::SetTag { tag, .. } | ActionKind::RemoveTag { tag, .. } => {
                self.tags.insert(tag.as_str().to_owned());
            }
            ActionKind::Scale { workload, .. } => {
                self.objects.insert(workload.clone());
            }
        }
    }

    fn cover_cure(&mut self, cure: &Cure) {
        match cure {
            Cure::ScaleUp { autoscaler, .. } => {
                self.objects.extend(autoscaler.iter().map(|(target, _)| target.clone()));
            }
            Cure::RaiseQuota { quota, .. } => {
                self.objects.insert(quota.clone());
            }
            // They change the workload itself.
            Cure::SetStrategy { .. } | Cure::SetPartition { .. } => {}
        }
    }
}
