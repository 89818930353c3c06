//! Pods, pod templates and containers.

use ecow::EcoString;

use super::{
    Affinity, Condition, DnsPolicy, IntOrString, ObjectMeta, ObjectSource, PodConditions, PodDnsConfig,
    PodSecurityContext, SecurityContext, Shared, StringMap, Taint, TopologySpreadConstraint, Volume,
};
use crate::defaults::FOREVER_SECONDS;
use crate::time::Time;
use crate::word::Word;

api! {
    /// `v1.Pod`.
    pub struct Pod {
        /// Metadata.
        pub metadata: ObjectMeta,
        /// Desired state.
        pub spec: PodSpec,
        /// Observed state.
        pub status: PodStatus,
    }

    /// `v1.PodTemplateSpec`.
    pub struct PodTemplateSpec {
        /// Labels and annotations of the pods to come.
        pub metadata: TemplateMeta,
        /// Their spec.
        pub spec: PodSpec,
    }

    /// What a template gives to pods of `metav1.ObjectMeta`: the API server and controllers do the rest.
    pub struct TemplateMeta {
        /// Labels.
        pub labels: Shared<StringMap>,
        /// Annotations.
        pub annotations: Shared<StringMap>,
        /// Finalizers.
        pub finalizers: Shared<Vec<String>>,
    }

    /// `v1.PodSpec`.
    pub struct PodSpec {
        /// App containers (and a classic `istio-proxy`).
        pub containers: Shared<Vec<Container>>,
        /// Init containers; one with `restartPolicy: Always` is a native sidecar.
        pub init_containers: Shared<Vec<Container>>,
        /// Node that the pod is bound to.
        pub node_name: EcoString,
        /// Labels that a node must have.
        pub node_selector: Shared<StringMap>,
        /// Pod uses the node's network: istiod skips injection.
        pub host_network: bool,
        /// It sees the node's processes.
        #[serde(rename = "hostPID")]
        pub host_pid: bool,
        /// It shares memory with the node's processes.
        #[serde(rename = "hostIPC")]
        pub host_ipc: bool,
        /// False: it has users of its own, none of which is the node's root.
        pub host_users: Option<bool>,
        /// Seconds between SIGTERM and SIGKILL; API default 30.
        pub termination_grace_period_seconds: Option<i64>,
        /// `Always`, `OnFailure` or `Never`.
        pub restart_policy: Word,
        /// Service account, the workload's identity.
        pub service_account_name: EcoString,
        /// Volumes, as far as they bind a pod to a place, need another object or show it its node.
        pub volumes: Shared<Vec<Volume>>,
        /// Taints that it may run under.
        pub tolerations: Shared<Vec<Toleration>>,
        /// Secrets with which its images are pulled.
        pub image_pull_secrets: Shared<Vec<LocalObjectReference>>,
        /// Where it may run, beside labels of the node.
        pub affinity: Option<Shared<Affinity>>,
        /// How its like are spread.
        pub topology_spread_constraints: Shared<Vec<TopologySpreadConstraint>>,
        /// Who its containers are, where they do not say so themselves.
        pub security_context: Shared<PodSecurityContext>,
        /// Which DNS servers it asks, beside those of `dns_config`.
        pub dns_policy: DnsPolicy,
        /// DNS servers of its own.
        pub dns_config: Option<Box<PodDnsConfig>>,
        /// What all of its containers may use together (Kubernetes 1.34).
        pub resources: Option<Box<Resources>>,
    }

    /// `v1.LocalObjectReference`.
    pub struct LocalObjectReference {
        /// Name in the pod's namespace.
        pub name: String,
    }

    /// `v1.Toleration`.
    pub struct Toleration {
        /// Taint key; empty with `Exists` tolerates all.
        pub key: String,
        /// `Equal` (default) or `Exists`.
        pub operator: String,
        /// Taint value.
        pub value: String,
        /// Taint effect; empty tolerates all effects.
        pub effect: String,
    }

    /// `v1.Container`.
    pub struct Container {
        /// Name within the pod.
        pub name: String,
        /// Image reference.
        pub image: String,
        /// Environment: literal values, and where others come from.
        pub env: Vec<EnvVar>,
        /// Objects of which every key becomes a variable.
        pub env_from: Vec<EnvFromSource>,
        /// Declared ports.
        pub ports: Vec<ContainerPort>,
        /// Requests and limits.
        pub resources: Resources,
        /// When the container counts as ready.
        pub readiness_probe: Option<Box<Probe>>,
        /// When the container counts as started.
        pub startup_probe: Option<Box<Probe>>,
        /// When the container is restarted.
        pub liveness_probe: Option<Box<Probe>>,
        /// Hooks.
        pub lifecycle: Option<Box<Lifecycle>>,
        /// `Always` on an init container makes it a native sidecar.
        pub restart_policy: String,
        /// Who it is, before what its pod says.
        pub security_context: Shared<SecurityContext>,
    }

    /// `v1.EnvVar`.
    pub struct EnvVar {
        /// Variable name.
        pub name: String,
        /// Literal value.
        pub value: String,
        /// Where else it comes from.
        pub value_from: EnvVarSource,
    }

    /// `v1.EnvVarSource`, as far as it needs another object.
    pub struct EnvVarSource {
        /// Key of a ConfigMap.
        pub config_map_key_ref: Option<Box<ObjectSource>>,
        /// Key of a Secret.
        pub secret_key_ref: Option<Box<ObjectSource>>,
    }

    /// `v1.EnvFromSource`.
    pub struct EnvFromSource {
        /// All of a ConfigMap.
        pub config_map_ref: Option<ObjectSource>,
        /// All of a Secret.
        pub secret_ref: Option<ObjectSource>,
    }

    /// `v1.ContainerPort`.
    pub struct ContainerPort {
        /// Port name, referred to by Services.
        pub name: String,
        /// Port number.
        pub container_port: i32,
        /// Port of the node, if bound.
        pub host_port: i32,
        /// `TCP`, `UDP` or `SCTP`.
        pub protocol: String,
    }

    /// `v1.ResourceRequirements`: quantities as written.
    pub struct Resources {
        /// What the scheduler and quotas count.
        pub requests: Shared<StringMap>,
        /// What the kernel enforces.
        pub limits: Shared<StringMap>,
    }

    /// `v1.Probe`.
    pub struct Probe {
        /// HTTP probe.
        pub http_get: Option<HttpGetAction>,
        /// TCP probe.
        pub tcp_socket: Option<TcpSocketAction>,
        /// Command probe.
        pub exec: Option<ExecAction>,
        /// gRPC probe.
        pub grpc: Option<GrpcAction>,
        /// Seconds before the first probe.
        pub initial_delay_seconds: i32,
        /// Seconds between probes; API default 10.
        pub period_seconds: i32,
        /// Seconds until a probe counts as failed; API default 1.
        pub timeout_seconds: i32,
        /// Successes until ready; API default 1.
        pub success_threshold: i32,
        /// Failures until not ready; API default 3.
        pub failure_threshold: i32,
    }

    /// `v1.HTTPGetAction`.
    pub struct HttpGetAction {
        /// Request path.
        pub path: String,
        /// Port number or name.
        pub port: IntOrString,
        /// `HTTP` or `HTTPS`.
        pub scheme: String,
    }

    /// `v1.TCPSocketAction`.
    pub struct TcpSocketAction {
        /// Port number or name.
        pub port: IntOrString,
    }

    /// `v1.ExecAction`.
    pub struct ExecAction {
        /// Command and arguments.
        pub command: Vec<String>,
    }

    /// `v1.GRPCAction`.
    pub struct GrpcAction {
        /// Port number.
        pub port: i32,
    }

    /// `v1.SleepAction`.
    pub struct SleepAction {
        /// Seconds to sleep.
        pub seconds: i64,
    }

    /// `v1.Lifecycle`.
    pub struct Lifecycle {
        /// Runs before SIGTERM.
        pub pre_stop: Option<LifecycleHandler>,
        /// Runs beside the container's start.
        pub post_start: Option<LifecycleHandler>,
    }

    /// `v1.LifecycleHandler`.
    pub struct LifecycleHandler {
        /// Command hook.
        pub exec: Option<ExecAction>,
        /// HTTP hook.
        pub http_get: Option<HttpGetAction>,
        /// Sleep hook.
        pub sleep: Option<SleepAction>,
    }

    /// `v1.PodStatus`.
    pub struct PodStatus {
        /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
        pub phase: Word,
        /// Conditions, `Ready` among them.
        pub conditions: PodConditions,
        /// Address of the pod.
        #[serde(rename = "podIP")]
        pub pod_ip: EcoString,
        /// Address of its node.
        #[serde(rename = "hostIP")]
        pub host_ip: EcoString,
        /// When the kubelet took it up.
        pub start_time: Option<Time>,
        /// State of the app containers.
        pub container_statuses: Shared<Vec<ContainerStatus>>,
        /// State of the init containers.
        pub init_container_statuses: Shared<Vec<ContainerStatus>>,
        /// Reason of a failed or evicted pod.
        pub reason: Word,
    }

    /// `v1.ContainerStatus`.
    pub struct ContainerStatus {
        /// Container name.
        pub name: String,
        /// Image that runs.
        pub image: String,
        /// What its tag meant when it was pulled: repository and digest.
        #[serde(rename = "imageID")]
        pub image_id: EcoString,
        /// Passed its readiness probe.
        pub ready: bool,
        /// Passed its startup probe.
        pub started: Option<bool>,
        /// Restarts so far.
        pub restart_count: i32,
    }
}

impl From<&ObjectMeta> for TemplateMeta {
    fn from(meta: &ObjectMeta) -> Self {
        let ObjectMeta { labels, annotations, .. } = meta.clone();
        Self { labels, annotations, ..Self::default() }
    }
}

impl From<TemplateMeta> for ObjectMeta {
    fn from(TemplateMeta { labels, annotations, finalizers }: TemplateMeta) -> Self {
        Self { labels, annotations, finalizers, ..Self::default() }
    }
}

impl Pod {
    /// The condition of that type.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// True if the `Ready` condition is `True`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|condition| condition.status == "True")
    }

    /// True for pods that ended and will not run again (`Succeeded`, `Failed`).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }
}

impl PodSpec {
    /// Grace period in seconds with the API server's default; [`FOREVER_SECONDS`] at most.
    #[must_use]
    pub fn grace_seconds(&self) -> i64 {
        self.termination_grace_period_seconds.unwrap_or(30).min(FOREVER_SECONDS)
    }

    /// True if no container asks for anything, and nothing does for all: its quality of service is `BestEffort`.
    #[must_use]
    pub fn is_best_effort(&self) -> bool {
        !self.asks_for_all() && !self.all_containers().any(|one| one.resources.asks())
    }

    /// True if it says for all containers together what they may use: quotas do not ask each of them then
    /// (`IsPodLevelResourcesSet`).
    #[must_use]
    pub fn asks_for_all(&self) -> bool {
        self.resources.as_deref().is_some_and(Resources::asks)
    }

    /// All containers, init containers first.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }
}

impl Resources {
    /// True if they say anything.
    #[must_use]
    pub fn asks(&self) -> bool {
        !self.requests.is_empty() || !self.limits.is_empty()
    }
}

impl Toleration {
    /// True if it tolerates the taint (`v1.Toleration.ToleratesTaint` of k8s.io/api).
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let effect = self.effect.is_empty() || self.effect == taint.effect;
        let key = self.key.is_empty() || self.key == taint.key;
        let value = match self.operator.as_str() {
            "" | "Equal" => self.value == taint.value,
            "Exists" => true,
            _ => false,
        };
        effect && key && value
    }
}

impl Container {
    /// Literal value of an environment variable.
    #[must_use]
    pub fn env_value(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|env| env.name == name).map(|env| env.value.as_str())
    }
}
