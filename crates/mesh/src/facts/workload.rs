//! Controllers of pods, and how they replace them.

use std::collections::BTreeMap;

use meshlift_model::k8s::{IntOrString, PodTemplateSpec, Resource, Shared, StatefulSet};
use meshlift_model::names::{ObjectRef, RevisionName};
use serde::Serialize;

use super::{Follows, Injection};

/// What a workload is to the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An application.
    App,
    /// A gateway that injection makes, or that an installer rendered (see [`super::GatewayKind`]).
    InjectedGateway,
    /// A gateway that istiod's Gateway controller makes.
    ManagedGateway,
    /// A waypoint.
    Waypoint,
    /// istiod.
    Istiod,
    /// ztunnel.
    Ztunnel,
    /// istio-cni.
    Cni,
}

/// How a workload's controller replaces pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rollout", rename_all = "kebab-case")]
pub enum RolloutRules {
    /// Deployment, RollingUpdate; limits as resolved counts for its replicas.
    Rolling {
        /// Pods that may be missing.
        max_unavailable: i32,
        /// Pods on top.
        max_surge: i32,
        /// As written, with API defaults.
        written: (IntOrString, IntOrString),
    },
    /// Deployment, Recreate.
    Recreate,
    /// StatefulSet, RollingUpdate: from the highest ordinal down to the partition.
    Ordered {
        /// Partition.
        partition: i32,
        /// Pods that may be missing; 1 where the set says nothing.
        max_unavailable: i32,
        /// As written.
        written: Option<IntOrString>,
    },
    /// DaemonSet, RollingUpdate; limits resolved for its nodes.
    PerNode {
        /// Pods that may be missing.
        max_unavailable: i32,
        /// Pods on top.
        max_surge: i32,
    },
    /// StatefulSet or DaemonSet, OnDelete.
    OnDelete,
    /// Job or CronJob: new pods come with the next run.
    NextRun,
    /// Bare pod: nothing re-creates it.
    Bare,
    /// A ReplicaSet or a pod of a controller that meshlift does not know.
    Foreign {
        /// Owner, in words.
        owner: String,
    },
}

impl RolloutRules {
    /// Rules of a StatefulSet that rolls. Its maxUnavailable rounds down, to 1 at least (`getStatefulSetMaxUnavailable`). API
    /// servers keep the field where they obey it (gate MaxUnavailableStatefulSet); one whose gate was turned off later rolls
    /// by less.
    #[must_use]
    pub fn ordered(partition: i32, written: Option<IntOrString>, replicas: i32) -> Self {
        let missing = written.as_ref().and_then(|written| written.scaled(replicas, false));
        Self::Ordered { partition, max_unavailable: missing.unwrap_or(1).max(1), written }
    }

    /// The same limits as counts for another number of replicas.
    #[must_use]
    pub fn for_replicas(&self, replicas: i32) -> Self {
        match self {
            Self::Rolling { max_unavailable, max_surge, written } => Self::Rolling {
                max_unavailable: written.0.scaled(replicas, false).unwrap_or(*max_unavailable),
                max_surge: written.1.scaled(replicas, true).unwrap_or(*max_surge),
                written: written.clone(),
            },
            Self::Ordered { partition, written, .. } => Self::ordered(*partition, written.clone(), replicas),
            other => other.clone(),
        }
    }
}

/// Whether a rollout runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RolloutState {
    /// All pods are of the newest template and available, as far as the strategy reaches.
    Settled,
    /// A rollout runs.
    Running,
    /// A rollout cannot go on.
    Stuck {
        /// Why, in the controller's words.
        why: String,
    },
    /// Its strategy leaves pods of an older template (OnDelete, partition).
    LeftBehind {
        /// Pods of an older template.
        pods: Vec<String>,
    },
}

/// A controller of pods, or a bare pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Workload {
    /// Reference; kind Deployment, StatefulSet, DaemonSet, Job, CronJob, ReplicaSet or Pod.
    pub workload: ObjectRef,
    /// uid.
    pub uid: String,
    /// What it is to the mesh.
    pub role: Role,
    /// Desired pods (DaemonSet: nodes).
    pub replicas: i32,
    /// What decides its injection.
    pub follows: Follows,
    /// True if its own pod template decides, by `istio.io/rev` or (in a namespace that selects nothing) by
    /// `sidecar.istio.io/inject=true`: no namespace label moves it.
    pub pod_bound: bool,
    /// Selector on its pod template that is there but has no say, in words.
    pub ignored: Option<String>,
    /// What new pods get.
    pub on_restart: Shared<Injection>,
    /// Its pods that are not finished.
    pub pods: Vec<ObjectRef>,
    /// Pods by the revision that they carry.
    #[serde(serialize_with = "super::by_revision")]
    pub now: Shared<BTreeMap<Option<RevisionName>, usize>>,
    /// Template as the API has it, without what injection adds.
    pub template: PodTemplateSpec,
    /// A pod of it as injection makes it (a running one where there is one, else predicted); absent
    /// where it gets no sidecar and has no pod.
    pub as_injected: Option<PodTemplateSpec>,
    /// How pods are replaced.
    pub rules: RolloutRules,
    /// Whether a rollout runs.
    pub state: RolloutState,
    /// minReadySeconds.
    pub min_ready_seconds: i32,
    /// Services that select its pods.
    pub services: Vec<ObjectRef>,
    /// PodDisruptionBudgets that select its pods.
    pub budgets: Vec<ObjectRef>,
    /// HorizontalPodAutoscaler that scales it.
    pub autoscaler: Option<ObjectRef>,
    /// ResourceQuotas of its namespace.
    pub quotas: Vec<ObjectRef>,
    /// GitOps or another controller that owns its spec, in words.
    pub managed_by: Option<String>,
    /// Captured by ambient when it starts.
    pub ambient: bool,
}

impl Workload {
    /// True for a sidecar or a gateway proxy, now or after a restart.
    #[must_use]
    pub fn is_proxied(&self) -> bool {
        match self.role {
            Role::App | Role::InjectedGateway | Role::ManagedGateway | Role::Waypoint => {
                self.on_restart.revision.is_some() || self.now.keys().any(Option::is_some)
            }
            Role::Istiod | Role::Ztunnel | Role::Cni => false,
        }
    }

    /// Pods that a rollout by its own rules takes away at once. Pods that are deleted by hand go through eviction, which keeps
    /// budgets.
    #[must_use]
    pub fn may_miss(&self) -> i32 {
        match self.rules {
            RolloutRules::Rolling { max_unavailable, .. }
            | RolloutRules::PerNode { max_unavailable, .. }
            | RolloutRules::Ordered { max_unavailable, .. } => max_unavailable.min(self.replicas),
            RolloutRules::Recreate => self.replicas,
            RolloutRules::OnDelete
            | RolloutRules::NextRun
            | RolloutRules::Bare
            | RolloutRules::Foreign { .. } => 0,
        }
    }

    /// True where new pods are made one after another, however many are missing: a StatefulSet's, unless its
    /// podManagementPolicy is Parallel, which is not looked at.
    #[must_use]
    pub fn is_made_in_turn(&self) -> bool {
        self.workload.kind == StatefulSet::KIND
    }
}
