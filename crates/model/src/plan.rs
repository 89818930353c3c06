//! A plan: complete, immutable, reviewable, identified by its digest.

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionKind};
use crate::intent::Intent;
use crate::names::{IstioVersion, ObjectRef, RevisionName};
use crate::time::Time;

/// The whole upgrade. Execution makes no choices; what is not covered is not touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "a plan that nobody reads or runs upgrades nothing"]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Format of the file; 1.
    pub format_version: u32,
    /// SHA-256 over everything else in canonical JSON, hex.
    pub digest: String,
    /// Steps that cannot be undone, said before anyone approves.
    pub forward_only: Vec<String>,
    /// Versions that run now.
    pub from: Vec<IstioVersion>,
    /// Version to move to.
    pub target: IstioVersion,
    /// Revisions that run now and are to be left.
    pub old_revisions: Vec<RevisionName>,
    /// Revision to move to.
    pub revision: RevisionName,
    /// What people should know of traffic: `not observed` without a metrics source.
    pub traffic: String,
    /// What waits for a person's choice.
    pub waiting: Vec<WaitingOn>,
    /// What stays where it is, and why.
    pub untouched: Vec<Untouched>,
    /// The intent, whole.
    pub intent: Intent,
    /// SHA-256 of the intent, hex.
    pub intent_digest: String,
    /// SHA-256 of the snapshot that it was made from, hex.
    pub snapshot_digest: String,
    /// Time of that snapshot.
    pub snapshot_time: Option<Time>,
    /// SHA-256 of the target's manifest, hex; absent where none was given.
    pub manifest_digest: Option<String>,
    /// Steps in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// True if the plan itself makes new pods of the namespace get the new revision, up to this step: by a label,
    /// or by the tag that this step follows. Where the selector named that revision before, nothing in the plan
    /// can be taken back that would make an old pod.
    #[must_use]
    pub fn selects_for(&self, step: usize, namespace: &str) -> bool {
        let selects = |action: &Action| matches!(&action.kind, ActionKind::SelectRevision { namespace: of, .. } if of == namespace);
        let actions = self.steps.iter().take(step + 1).flat_map(|step| &step.actions);
        actions.into_iter().any(selects) || self.tag_of(step).is_some()
    }

    /// The step whose tag selects for this one: right before it, but for others that are bound to the same tag.
    #[must_use]
    pub fn tag_of(&self, step: usize) -> Option<usize> {
        let stage = |step: usize| self.steps.get(step).map(|step| step.stage);
        let is_bound = |step: &usize| matches!(stage(*step), Some(Stage::TagBound | Stage::Gateway));
        let before = (0..step).rev().find(|earlier| !is_bound(earlier))?;
        (is_bound(&step) && stage(before) == Some(Stage::Tag)).then_some(before)
    }

    /// Workloads that a step moves and that do not come back: see [`Plan::selects_for`].
    #[must_use]
    pub fn forward_only_moves(&self, step: usize) -> Vec<&ObjectRef> {
        let actions = self.steps.get(step).map(|step| step.actions.as_slice()).unwrap_or_default();
        let moved = actions.iter().filter_map(|action| match &action.kind {
            ActionKind::Move(one) => Some(&one.workload),
            ActionKind::ApplyCrds { .. }
            | ActionKind::InstallRevision { .. }
            | ActionKind::SelectRevision { .. }
            | ActionKind::ProveInjection { .. }
            | ActionKind::SetTag { .. }
            | ActionKind::RemoveTag { .. }
            | ActionKind::Scale { .. }
            | ActionKind::RemoveRevision { .. } => None,
        });
        moved.filter(|workload| !self.selects_for(step, &workload.namespace)).collect()
    }
}

/// One step: small, gated, with a known way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Stable readable id, such as `wave-2` or `tag-default`.
    pub id: String,
    /// Stage in the planner's order.
    pub stage: Stage,
    /// Layer of the mesh that it touches.
    pub layer: Layer,
    /// What people call it.
    pub title: String,
    /// Why it is there and why now.
    pub reason: String,
    /// Steps that must be done first.
    pub needs: Vec<String>,
    /// A person's word that it needs before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// What it does, phase by phase.
    pub actions: Vec<Action>,
    /// What must hold afterwards.
    pub gates: Vec<Gate>,
    /// Seconds to watch before the next step.
    pub bake_seconds: i64,
    /// Wait for an approval after the bake, because traffic is not observed.
    pub approve_after: bool,
    /// How it is undone.
    pub undo: StepUndo,
    /// Seconds that undoing it takes, predicted.
    pub undo_seconds: i64,
    /// Seconds that it takes without its bake, predicted.
    pub expected_seconds: i64,
    /// Pods that it moves.
    pub pods: usize,
    /// Pods on top of the desired ones at most, over all workloads that roll at once: capacity that must be free.
    #[serde(default)]
    pub surge_pods: usize,
    /// Ready pods that each of its workloads keeps.
    pub floors: Vec<Floor>,
    /// Pods that may get the new proxy by themselves, because their namespace moves and they wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_move: Vec<ObjectRef>,
    /// Findings (by key) that will be new after it, announced so that they do not hold the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub announces: Vec<String>,
}

/// Stages in the order of the runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Checks, choices, approvals.
    Preflight,
    /// CRDs of the new version.
    Crds,
    /// The new revision beside the old one.
    ControlPlane,
    /// What this version of meshlift cannot do yet; always waits.
    NotBuilt,
    /// First wave.
    Canary,
    /// Further waves.
    Wave,
    /// One gateway.
    Gateway,
    /// One revision tag.
    Tag,
    /// Workloads bound to a tag by their own template.
    TagBound,
    /// Labels of namespaces that only need another name.
    Relabel,
    /// Observation window.
    Observe,
    /// Old istiod at 0 replicas.
    Dark,
    /// Removal of the old revision and of tags.
    Cleanup,
}

/// Layers of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The run itself.
    Run,
    /// CustomResourceDefinitions.
    Crds,
    /// istiod and what belongs to it.
    ControlPlane,
    /// Revision tags and the default validator.
    Tags,
    /// Sidecar workloads.
    Sidecars,
    /// Gateways.
    Gateways,
    /// ztunnel, istio-cni, waypoints.
    Ambient,
}

/// A person must do or confirm something before the step goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What is asked.
    pub why: String,
    /// Exact commands to run.
    pub commands: Vec<String>,
    /// True where an approval suffices (a rehearsal grants those, visibly); false where a person must act.
    pub approval: bool,
}

/// What must hold after a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Gate {
    /// istiods of the revision are ready, of that version, with the same root CA as the old revision's.
    RevisionHealthy {
        /// Revision.
        revision: RevisionName,
        /// Ready istiod pods at least.
        ready_min: i32,
    },
    /// No pod was made, moved or re-injected by the step.
    NothingMoved,
    /// Every pod of these workloads is Ready through minReadySeconds, carries the revision in annotation
    /// and image, and is connected to that revision's istiod and synced.
    PodsOnRevision {
        /// Revision.
        revision: RevisionName,
        /// Workloads.
        workloads: Vec<ObjectRef>,
    },
    /// Checks run again find nothing that was not there before or announced.
    NoNewFindings,
    /// New pods of the namespace get this revision (dry-run creations).
    Injects {
        /// Namespace.
        namespace: String,
        /// Revision; absent means no sidecar.
        revision: Option<RevisionName>,
    },
    /// Nothing needs the revision: API objects and istiods' connections agree.
    NoConsumers {
        /// Revision.
        revision: RevisionName,
    },
    /// Nothing follows the tag.
    NoFollowers {
        /// Tag.
        tag: String,
    },
}

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StepUndo {
    /// By the inverse of what was done, from the journal.
    Inverse {
        /// In words.
        how: String,
    },
    /// Not at all.
    ForwardOnly {
        /// Why not.
        why: String,
    },
    /// It changes nothing.
    NotNeeded,
}

/// Ready pods that a workload keeps while it moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// Workload.
    pub workload: ObjectRef,
    /// Ready pods at least.
    pub ready_min: i32,
    /// Desired pods.
    pub replicas: i32,
    /// Loss that the intent accepted for it, in words; absent where none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_loss: Option<String>,
}

/// Not acting, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingOn {
    /// What waits.
    pub subject: ObjectRef,
    /// Why, in one sentence.
    pub reason: String,
    /// Code of the finding behind it, if any.
    pub code: Option<String>,
    /// Choices that would decide it.
    pub offers: Vec<String>,
    /// What is held with it.
    pub holds: Vec<ObjectRef>,
}

impl WaitingOn {
    /// Waits for something that nobody has to choose.
    pub fn new(subject: ObjectRef, reason: impl Into<String>) -> Self {
        Self { subject, reason: reason.into(), code: None, offers: Vec::new(), holds: Vec::new() }
    }
}

/// What stays as it is, and why that is right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Untouched {
    /// What stays.
    pub subject: ObjectRef,
    /// Why.
    pub reason: String,
}
