//! What a plan announced, as the checkers need it.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::action::{ActionKind, Cure};
use meshlift_model::defaults::{CANARY_PODS_MAX, CONCURRENT_WORKLOADS_MAX, WAVE_PODS_MAX};
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::{CustomResourceDefinition, Namespace, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::plan::{Plan, Step};

/// What may be touched, what is kept, what may be lost, and what each step promised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announced {
    /// Revision that pods move to; absent where nothing is announced.
    pub revision: Option<RevisionName>,
    /// All that is written.
    pub cover: Cover,
    /// The same, step by step.
    pub covers: BTreeMap<String, Cover>,
    /// Steps as the plan has them: order, preconditions, gates, bakes, floors.
    pub steps: Vec<Step>,
    /// Ready pods that a workload keeps at least, over all steps.
    pub floors: BTreeMap<ObjectRef, i32>,
    /// Workloads of which a loss was accepted.
    pub accepted_loss: BTreeSet<ObjectRef>,
    /// Namespaces that the intent holds.
    pub held: BTreeSet<String>,
    /// How much may go on at once.
    pub limits: AnnouncedLimits,
    /// The header's lines on what is not taken back: `STEP: …`, workloads by name among them.
    pub forward_only: Vec<String>,
}

/// Objects that are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// By themselves; the pods of a workload that stands here are covered with it.
    pub objects: BTreeSet<ObjectRef>,
    /// Revisions whose objects (by label) are made or removed.
    pub revisions: BTreeSet<String>,
    /// Tags whose objects (by label) are made, changed or removed.
    pub tags: BTreeSet<String>,
}

/// Limits that the intent sets, else their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncedLimits {
    /// Pods of the canary wave; absent where the intent itself names its namespaces.
    pub canary_pods_max: Option<usize>,
    /// Pods of a wave of several namespaces.
    pub wave_pods_max: usize,
    /// Workloads that move at once.
    pub concurrent_workloads_max: usize,
}

impl Default for AnnouncedLimits {
    fn default() -> Self {
        Self {
            canary_pods_max: Some(CANARY_PODS_MAX),
            wave_pods_max: WAVE_PODS_MAX,
            concurrent_workloads_max: CONCURRENT_WORKLOADS_MAX,
        }
    }
}

impl Announced {
    /// What a plan announces: its actions cover, its steps' floors hold, its floors and its intent accept.
    #[must_use]
    pub fn of_plan(plan: &Plan) -> Self {
        let (intent, limits) = (&plan.intent, &plan.intent.limits);
        let canary_pods_max = limits.canary_pods_max.unwrap_or(CANARY_PODS_MAX);
        let mut announced = Self {
            revision: Some(plan.revision.clone()),
            limits: AnnouncedLimits {
                canary_pods_max: intent.order.canary.is_empty().then_some(canary_pods_max),
                wave_pods_max: limits.wave_pods_max.unwrap_or(WAVE_PODS_MAX),
                concurrent_workloads_max: limits
                    .concurrent_workloads_max
                    .unwrap_or(CONCURRENT_WORKLOADS_MAX)
                    .max(1),
            },
            forward_only: plan.forward_only.clone(),
            ..Self::default()
        };
        for step in &plan.steps {
            announced.add_step(step.clone());
        }
        for choice in &intent.choices {
            let subject = &choice.subject;
            if choice.choose == ChoiceKind::AcceptLoss {
                announced.accepted_loss.insert(subject.clone());
            } else if choice.choose == ChoiceKind::HoldNamespace {
                let of_itself = subject.kind == Namespace::KIND;
                announced.held.insert(if of_itself {
                    subject.name.to_string()
                } else {
                    subject.namespace.to_string()
                });
            }
        }
        announced
    }

    /// Announces one more step.
    pub fn add_step(&mut self, step: Step) {
        let mut cover = Cover::default();
        step.actions.iter().for_each(|action| cover.add(&action.kind));
        self.cover.objects.extend(cover.objects.iter().cloned());
        self.cover.revisions.extend(cover.revisions.iter().cloned());
        self.cover.tags.extend(cover.tags.iter().cloned());
        for floor in &step.floors {
            let kept = self.floors.entry(floor.workload.clone()).or_insert(floor.ready_min);
            *kept = floor.ready_min.min(*kept);
            if floor.accepted_loss.is_some() {
                self.accepted_loss.insert(floor.workload.clone());
            }
        }
        self.covers.insert(step.id.clone(), cover);
        self.steps.push(step);
    }

    /// The announced step of that id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}

impl Announced {
    /// True if the header says that this workload's pods stay where the step moved them.
    pub(super) fn stays(&self, step: &str, workload: &ObjectRef) -> bool {
        let lines = self.forward_only.iter().filter_map(|line| line.strip_prefix(step)?.strip_prefix(": "));
        let name = workload.to_string();
        lines.flat_map(|line| line.split([' ', ',', ':'])).any(|word| word == name)
    }
}

impl Cover {
    fn add(&mut self, action: &ActionKind) {
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
                one.cures.iter().for_each(|cure| self.add_cure(cure));
            }
            ActionKind::SetTag { tag, .. } | ActionKind::RemoveTag { tag, .. } => {
                self.tags.insert(tag.as_str().to_owned());
            }
            ActionKind::Scale { workload, .. } => {
                self.objects.insert(workload.clone());
            }
        }
    }

    fn add_cure(&mut self, cure: &Cure) {
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
