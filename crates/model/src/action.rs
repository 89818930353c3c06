//! What a step does: a closed list of actions, each with its preconditions.

use serde::{Deserialize, Serialize};

use crate::defaults::{INJECTION_LABEL, REV_LABEL};
use crate::k8s::ObjectMeta;
use crate::names::{ObjectRef, RevisionName, TagName};

/// One action. Actions of a phase may run side by side; a phase starts when the one before is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Phase within the step, from 0.
    pub phase: u32,
    /// What it does.
    #[serde(rename = "do")]
    pub kind: ActionKind,
    /// What must hold right before it; read again each time.
    pub preconditions: Vec<Precondition>,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ActionKind {
    /// Apply the CRDs of the target's manifest. Forward-only.
    ApplyCrds {
        /// Manifest, by digest.
        manifest_digest: String,
        /// CRDs, by name.
        names: Vec<String>,
    },
    /// Apply the revision's objects of the target's manifest beside the old ones.
    InstallRevision {
        /// Manifest, by digest.
        manifest_digest: String,
        /// Revision.
        revision: RevisionName,
        /// istiod replicas at least.
        replicas_min: i32,
        /// Objects that it creates.
        creates: Vec<ObjectRef>,
    },
    /// Point a namespace at another revision or tag, in one patch of its labels.
    SelectRevision {
        /// Namespace.
        namespace: String,
        /// Labels now.
        from: Selector,
        /// Labels afterwards.
        to: Selector,
    },
    /// Wait for caches, then prove by dry-run creation what pods would get.
    ProveInjection {
        /// Namespace.
        namespace: String,
        /// Revision that they must get.
        revision: RevisionName,
        /// Workloads whose templates are tried.
        workloads: Vec<ObjectRef>,
        /// Seconds to wait first.
        settle_seconds: i64,
        /// Creations in all.
        proofs: usize,
    },
    /// Bring all pods of a workload to the revision.
    Move(Move),
    /// Point a tag at another revision (webhook and Service in one go; for `default` the validator too).
    SetTag {
        /// Tag.
        tag: TagName,
        /// Revision that it has now.
        from: Option<RevisionName>,
        /// Revision that it gets.
        to: RevisionName,
    },
    /// Remove a tag that nothing follows.
    RemoveTag {
        /// Tag.
        tag: TagName,
        /// Revision that it has now.
        from: RevisionName,
    },
    /// Scale a Deployment.
    Scale {
        /// Deployment.
        workload: ObjectRef,
        /// Replicas now.
        from: i32,
        /// Replicas afterwards.
        to: i32,
    },
    /// Delete the objects of a revision, each stored in the run first.
    RemoveRevision {
        /// Revision.
        revision: RevisionName,
        /// Objects, in order of removal.
        objects: Vec<ObjectRef>,
    },
}

/// How a workload gets to the revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Deployment, StatefulSet, DaemonSet or bare Pod.
    pub workload: ObjectRef,
    /// Revision that its pods must carry afterwards.
    pub revision: RevisionName,
    /// What makes new pods.
    pub how: MoveHow,
    /// What is done around it, undone when it is through (but for [`Cure::SetPartition`]).
    pub cures: Vec<Cure>,
    /// Desired pods.
    pub replicas: i32,
    /// Ready pods that it keeps at least.
    pub ready_min: i32,
    /// Deadline of the whole move, in seconds.
    pub seconds_max: i64,
    /// Deadline of one pod to become Ready, in seconds.
    pub pod_ready_seconds_max: i64,
}

/// What makes new pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveHow {
    /// Restart by the template annotation; the controller rolls.
    Rollout,
    /// A rollout to the new revision runs already, or its template was restarted already: only await it
    /// (cures may set it going).
    AwaitRollout,
    /// Delete old pods one by one, under their PDB: a set whose update strategy is OnDelete.
    DeletePods,
    /// Delete the bare pod and create it anew from the stored object, without what injection added.
    RecreatePod,
}

/// What is done around a move so that it can succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cure", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cure {
    /// One replica more, Ready before the restart.
    ScaleUp {
        /// Replicas now.
        from: i32,
        /// Replicas for the step.
        to: i32,
        /// HorizontalPodAutoscaler whose minReplicas is raised instead, and its value now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        autoscaler: Option<(ObjectRef, i32)>,
    },
    /// A quota raised for the step.
    RaiseQuota {
        /// ResourceQuota.
        quota: ObjectRef,
        /// Resource, such as `pods`.
        resource: String,
        /// Limit now.
        from: String,
        /// Limit for the step.
        to: String,
    },
    /// Rolling-update limits changed for the step.
    SetStrategy {
        /// maxUnavailable and maxSurge now, as written.
        from: (String, String),
        /// maxUnavailable and maxSurge for the step.
        to: (String, String),
    },
    /// A StatefulSet's partition changed, to stay.
    SetPartition {
        /// Partition now.
        from: i32,
        /// Partition afterwards.
        to: i32,
    },
}

/// A namespace's injection labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    /// `istio-injection`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub injection: Option<String>,
    /// `istio.io/rev`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
}

impl Selector {
    /// The labels that an object has.
    #[must_use]
    pub fn of(meta: &ObjectMeta) -> Self {
        let label = |key: &str| meta.label(key).map(str::to_owned);
        Self { injection: label(INJECTION_LABEL), rev: label(REV_LABEL) }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.injection, &self.rev) {
            (None, None) => f.write_str("no selector"),
            (Some(injection), None) => write!(f, "istio-injection={injection}"),
            (None, Some(rev)) => write!(f, "istio.io/rev={rev}"),
            (Some(injection), Some(rev)) => write!(f, "istio-injection={injection} and istio.io/rev={rev}"),
        }
    }
}

/// What must hold right before an action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "needs", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Precondition {
    /// The object is there with this uid.
    Exists {
        /// Object.
        object: ObjectRef,
        /// uid, where the plan knew it.
        uid: Option<String>,
    },
    /// The object is not there.
    Absent {
        /// Object.
        object: ObjectRef,
    },
    /// A namespace's injection labels are these.
    SelectorIs {
        /// Namespace.
        namespace: String,
        /// Labels.
        selector: Selector,
    },
    /// The tag points at this revision.
    TagIs {
        /// Tag.
        tag: TagName,
        /// Revision; absent means that the tag is not there.
        revision: Option<RevisionName>,
    },
    /// Desired replicas are these.
    ReplicasAre {
        /// Workload.
        object: ObjectRef,
        /// Replicas.
        replicas: i32,
    },
    /// The workload's template is the one that was planned for: [`crate::digest::template_digest`],
    /// which leaves restart annotations out.
    TemplateIs {
        /// Workload.
        object: ObjectRef,
        /// Digest.
        digest: String,
    },
    /// The revision's istiods are ready.
    RevisionReady {
        /// Revision.
        revision: RevisionName,
    },
    /// Nothing needs the revision: API objects and istiods' connections agree. What [`crate::plan::Gate`]
    /// proved before may have changed since: removal asks again.
    NoConsumers {
        /// Revision.
        revision: RevisionName,
    },
    /// Nothing follows the tag.
    NoFollowers {
        /// Tag.
        tag: TagName,
    },
}

impl ActionKind {
    /// What it acts on.
    #[must_use]
    pub fn subject(&self) -> ObjectRef {
        match self {
            Self::ApplyCrds { .. } => ObjectRef::cluster("CustomResourceDefinition", "istio.io"),
            Self::InstallRevision { revision, .. } | Self::RemoveRevision { revision, .. } => {
                ObjectRef::cluster("Revision", revision.as_str())
            }
            Self::SelectRevision { namespace, .. } | Self::ProveInjection { namespace, .. } => {
                ObjectRef::cluster("Namespace", namespace)
            }
            Self::Move(Move { workload, .. }) | Self::Scale { workload, .. } => workload.clone(),
            Self::SetTag { tag, .. } | Self::RemoveTag { tag, .. } => {
                ObjectRef::cluster("RevisionTag", tag.as_str())
            }
        }
    }

    /// True if it decides which revision new pods get.
    #[must_use]
    pub fn is_selector(&self) -> bool {
        match self {
            Self::SelectRevision { .. } | Self::SetTag { .. } | Self::RemoveTag { .. } => true,
            Self::ApplyCrds { .. }
            | Self::InstallRevision { .. }
            | Self::ProveInjection { .. }
            | Self::Move(_)
            | Self::Scale { .. }
            | Self::RemoveRevision { .. } => false,
        }
    }

    /// The verb, as written in the plan.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::ApplyCrds { .. } => "apply-crds",
            Self::InstallRevision { .. } => "install-revision",
            Self::SelectRevision { .. } => "select-revision",
            Self::ProveInjection { .. } => "prove-injection",
            Self::Move(_) => "move",
            Self::SetTag { .. } => "set-tag",
            Self::RemoveTag { .. } => "remove-tag",
            Self::Scale { .. } => "scale",
            Self::RemoveRevision { .. } => "remove-revision",
        }
    }
}
