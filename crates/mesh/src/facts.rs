//! The facts that a [`Mesh`] holds. Plain data; the modules beside this one derive it.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_model::action::Selector;
use meshlift_model::k8s::{IntOrString, PodTemplateSpec};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName, TagName};
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use serde::Serialize;

/// A mesh, understood.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// What it was derived from.
    pub snapshot: Arc<Snapshot>,
    /// Namespaces that hold an istiod, most istiods first.
    pub system_namespaces: Vec<String>,
    /// Revisions by name, complete or not.
    pub revisions: BTreeMap<RevisionName, Revision>,
    /// Tags by name, `default` among them.
    pub tags: BTreeMap<TagName, Tag>,
    /// Revision that owns what selects nothing: by tag `default`, else by the default validator.
    pub default_revision: Option<RevisionName>,
    /// Namespaces by name.
    pub namespaces: BTreeMap<String, NamespaceFacts>,
    /// Every controller of pods and every bare pod, by reference.
    pub workloads: BTreeMap<ObjectRef, Workload>,
    /// Every pod, by reference.
    pub pods: BTreeMap<ObjectRef, PodFacts>,
    /// Whatever selects a revision by a name.
    pub followers: Vec<Follower>,
    /// Gateways of all kinds.
    pub gateways: Vec<GatewayFacts>,
    /// Ambient parts.
    pub ambient: Ambient,
    /// How it was installed.
    pub install: InstallMethod,
    /// Proxies that are connected, by istiod pod; absent where that was not read.
    pub connected: BTreeMap<String, Option<usize>>,
}

/// A control plane revision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revision {
    /// Name, as istiod's `REVISION` says it.
    pub name: RevisionName,
    /// Version that its istiods answer, else their image; absent where neither tells, or they differ.
    pub version: Option<IstioVersion>,
    /// Namespace of its istiods.
    pub namespace: String,
    /// Its istiod Deployment.
    pub deployment: Option<ObjectRef>,
    /// Desired istiod pods.
    pub replicas: i32,
    /// Ready istiod pods.
    pub ready: i32,
    /// Its istiod pods, by name.
    pub istiods: Vec<String>,
    /// minReplicas and maxReplicas of its HorizontalPodAutoscaler.
    pub autoscaler: Option<(i32, i32)>,
    /// Its own injector webhook configuration.
    pub injector: Option<String>,
    /// Its Service.
    pub service: Option<ObjectRef>,
    /// Tags that point at it.
    pub tags: Vec<TagName>,
    /// Pods that carry it.
    pub pods: usize,
    /// Proxies that are connected to its istiods; absent where that was not read.
    pub connected: Option<usize>,
    /// When its root CA ends; absent where that was not read.
    pub root_ca_until: Option<Time>,
    /// Effective Helm values (`merged-values` of ConfigMap `values[-REV]`); absent where not recorded.
    pub values: Option<serde_json::Value>,
    /// What belongs to this revision alone, in order of removal (webhooks first, istiod last).
    pub objects: Vec<ObjectRef>,
    /// What a complete revision would have and this one lacks; empty for a complete one.
    pub missing: Vec<String>,
}

/// A revision tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Name.
    pub name: TagName,
    /// Revision that its webhook configuration names.
    pub revision: Option<RevisionName>,
    /// Revision that its Service names (from Istio 1.28 on a tag has one).
    pub service_revision: Option<RevisionName>,
    /// Its webhook configuration.
    pub webhook: Option<String>,
    /// Its Service.
    pub service: Option<ObjectRef>,
    /// True if it resolves to a revision that exists with ready istiods.
    pub served: bool,
}

/// What a name resolves to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "follows", rename_all = "kebab-case")]
pub enum Follows {
    /// A tag.
    Tag {
        /// Tag.
        tag: TagName,
    },
    /// A bare revision.
    Revision {
        /// Revision.
        revision: RevisionName,
    },
    /// A name that nothing serves.
    Unserved {
        /// Name.
        name: String,
    },
    /// Nothing: it selects no revision.
    Nothing,
}

/// Something that selects a revision by a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Follower {
    /// Namespace, workload (its pod template) or Gateway.
    pub subject: ObjectRef,
    /// What it follows.
    pub follows: Follows,
    /// Revision that this resolves to now.
    pub revision: Option<RevisionName>,
    /// Pods that it decides: injected ones, or those that a gateway owner made.
    pub pods: usize,
    /// A selector that is there but has no say, in words (`istio.io/rev=prod-stable is ignored: …`).
    pub ignored: Option<String>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamespaceFacts {
    /// Name.
    pub name: String,
    /// Injection labels.
    pub selector: Selector,
    /// What they follow.
    pub follows: Follows,
    /// True if both `istio-injection` and `istio.io/rev` are set.
    pub two_selectors: bool,
    /// `istio.io/dataplane-mode=ambient`.
    pub ambient: bool,
    /// Workloads in it.
    pub workloads: Vec<ObjectRef>,
    /// Pods in it that are not finished.
    pub pods: usize,
}

/// What a webhook would do to a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Injection {
    /// Revision that would inject it; absent for no sidecar.
    pub revision: Option<RevisionName>,
    /// Webhook configuration and webhook that match.
    pub webhook: Option<(String, String)>,
    /// What decided it.
    pub follows: Follows,
    /// One sentence: why it gets that, or why it gets nothing.
    pub why: String,
    /// More webhooks that match too: the pod would be injected twice.
    pub also: Vec<(String, String)>,
    /// Why this is not certain (matchConditions, an unread source); empty where it is.
    pub uncertain: Vec<String>,
    /// True if the webhook's Service has no ready endpoint: the pod would be refused.
    pub refused: bool,
    /// Native sidecar (true) or classic (false); absent without a sidecar or where nodes do not tell.
    pub native: Option<bool>,
}

/// What a pod's proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// `istio-proxy` as an init container with restartPolicy Always.
    Native,
    /// `istio-proxy` beside the app.
    Classic,
    /// The pod is an injected gateway.
    Gateway,
    /// Made by istiod's Gateway controller.
    ManagedGateway,
    /// A waypoint.
    Waypoint,
    /// ztunnel.
    Ztunnel,
}

/// What a pod says about its revision, from up to three sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Agreement {
    /// No proxy.
    None,
    /// Annotation, image and connection say the same.
    Agreed {
        /// Revision.
        revision: RevisionName,
    },
    /// They differ: `unknown`, never a reason to restart.
    Disagree {
        /// How.
        how: String,
    },
    /// A side could not be read.
    Unread {
        /// Revision by annotation.
        revision: RevisionName,
        /// What is missing.
        what: String,
    },
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodFacts {
    /// Reference.
    pub pod: ObjectRef,
    /// What restarts it; itself for a bare pod.
    pub workload: ObjectRef,
    /// Succeeded or Failed.
    pub finished: bool,
    /// Being deleted.
    pub terminating: bool,
    /// Ready.
    pub ready: bool,
    /// Proxy in it.
    pub proxy: Option<ProxyKind>,
    /// Revision by annotation `istio.io/rev`.
    pub revision: Option<RevisionName>,
    /// Revision by the JSON of `sidecar.istio.io/status`.
    pub status_revision: Option<RevisionName>,
    /// Proxy version by image.
    pub image_version: Option<IstioVersion>,
    /// Revision of the istiod that it is connected to.
    pub connected_to: Option<RevisionName>,
    /// Whether connection state could be read at all.
    pub connection_known: bool,
    /// Synced, where connected.
    pub synced: bool,
    /// Words of a rejection.
    pub nack: Option<String>,
    /// The three sides together.
    pub agreement: Agreement,
    /// What it would get if it were created again now.
    pub on_restart: Injection,
    /// Captured by ambient: annotation `ambient.istio.io/redirection`.
    pub redirection: Option<String>,
}

/// What a workload is to the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// An application.
    App,
    /// A gateway that injection makes.
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
    /// StatefulSet, RollingUpdate: one at a time from the highest ordinal down to the partition.
    Ordered {
        /// Partition.
        partition: i32,
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
    /// True if its own pod template carries `istio.io/rev` and that decides.
    pub pod_bound: bool,
    /// What new pods get.
    pub on_restart: Injection,
    /// Its pods that are not finished.
    pub pods: Vec<ObjectRef>,
    /// Pods by the revision that they carry.
    pub now: BTreeMap<Option<RevisionName>, usize>,
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

/// How a gateway comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayKind {
    /// A Deployment whose pods injection turns into a gateway.
    Injected,
    /// Rendered by an installer; its image is its version.
    Rendered,
    /// A Gateway API object; istiod makes its Deployment.
    Managed,
    /// A waypoint; istiod makes its Deployment.
    Waypoint,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayFacts {
    /// The Deployment, or the Gateway object for managed ones.
    pub gateway: ObjectRef,
    /// Kind.
    pub kind: GatewayKind,
    /// Its Deployment, if there is one.
    pub deployment: Option<ObjectRef>,
    /// What decides its revision.
    pub follows: Follows,
    /// Revision that owns or would inject it.
    pub owner: Option<RevisionName>,
    /// Revision that its pods run.
    pub running: BTreeMap<Option<RevisionName>, usize>,
    /// True if `spec.infrastructure.labels` freezes its pod template.
    pub frozen: bool,
    /// Desired pods.
    pub replicas: i32,
    /// Services before it, with their type.
    pub services: Vec<(ObjectRef, String)>,
    /// True if it takes traffic from outside: LoadBalancer, NodePort or hostPort.
    pub exposed_outside: bool,
    /// PodDisruptionBudgets over its pods.
    pub budgets: Vec<ObjectRef>,
    /// TLS secrets that its configuration names, as `NAMESPACE/NAME`, and whether each is there (absent: not readable).
    pub secrets: BTreeMap<String, Option<bool>>,
    /// Selector that is there but has no say, in words.
    pub ignored: Option<String>,
}

/// Ambient parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ambient {
    /// ztunnel DaemonSets.
    pub ztunnels: Vec<ObjectRef>,
    /// istio-cni DaemonSets.
    pub cni: Vec<ObjectRef>,
    /// Version of ztunnel by image.
    pub ztunnel_version: Option<IstioVersion>,
    /// Namespaces labelled ambient.
    pub namespaces: Vec<String>,
    /// Pods that should be captured.
    pub enrolled: Vec<ObjectRef>,
    /// Those of them without `ambient.istio.io/redirection`.
    pub not_captured: Vec<ObjectRef>,
}

/// How the mesh was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum InstallMethod {
    /// `istioctl install`.
    Istioctl {
        /// What says so.
        evidence: String,
    },
    /// Not known.
    Unknown {
        /// Why not.
        reason: String,
    },
}
