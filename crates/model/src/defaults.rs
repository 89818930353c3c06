//! Every default as a named constant with its reason. The intent's `limits` may set most of them by the
//! same name in lower case.

/// Pods of the canary wave at most: learn cheaply.
pub const CANARY_PODS_MAX: usize = 10;
/// Share of all pods per wave, in percent; the last wave takes the rest. Trust grows step by step.
pub const WAVE_SHARES_PERCENT: [usize; 5] = [1, 5, 10, 25, 25];
/// Pods of one wave at most, unless one namespace alone has more: time to undo bounds the wave.
pub const WAVE_PODS_MAX: usize = 200;
/// Seconds that undoing one wave may take.
pub const WAVE_UNDO_SECONDS_MAX: i64 = 900;
/// Workloads that roll at once: a failure stays attributable.
pub const CONCURRENT_WORKLOADS_MAX: usize = 10;
/// Workloads of one namespace that roll at once.
pub const CONCURRENT_WORKLOADS_PER_NAMESPACE_MAX: usize = 2;
/// More pods than a cluster can hold (Kubernetes supports 150,000). The API server takes any number: what is above counts
/// as so many, and sums of pods stay numbers.
pub const PODS_MAX: i32 = 1_000_000;
/// The longest time that is told apart, in seconds, ten years: specs may say anything, and sums of times stay numbers.
pub const FOREVER_SECONDS: i64 = 10 * 365 * 86_400;
/// Restarted pods a minute at most; leaves istiod room for reconnect storms.
pub const RESTARTS_PER_MINUTE_MAX: usize = 60;
/// Seconds between a selector's change and its proof: caches of several API servers and istiods.
pub const SELECTOR_SETTLE_SECONDS: i64 = 10;
/// Dry-run creations that must all name the new revision.
pub const DRY_RUN_PROOFS: usize = 10;
/// Least deadline of a rollout, in seconds; twice the prediction where that is longer.
pub const ROLLOUT_SECONDS_MAX: i64 = 600;
/// Least deadline of one pod to become Ready, in seconds; three times what old pods took where longer.
pub const POD_READY_SECONDS_MAX: i64 = 120;
/// Bake after the canary wave, in seconds: leaks and reconnects show late.
pub const BAKE_SECONDS_CANARY: i64 = 3600;
/// Bake after a wave, in seconds.
pub const BAKE_SECONDS_WAVE: i64 = 900;
/// Bake after an SLO-critical wave, in seconds.
pub const BAKE_SECONDS_SLO_CRITICAL: i64 = 3600;
/// Bake after a gateway step, in seconds.
pub const BAKE_SECONDS_GATEWAY: i64 = 1800;
/// Bake after the new control plane, in seconds (pictures: ten minutes).
pub const BAKE_SECONDS_CONTROL_PLANE: i64 = 600;
/// Observation window before cleanup, in seconds: a daily peak lies in it.
pub const OBSERVATION_SECONDS: i64 = 86_400;
/// Seconds that the old istiod stays scaled to 0 before removal: reversible cleanup.
pub const OLD_ISTIOD_DARK_SECONDS: i64 = 3600;
/// Restarts of a new pod's containers that a wave bears: a pod may stumble once while it starts.
pub const APP_RESTARTS_MAX: i32 = 1;
/// Failed workloads that stop a wave.
pub const FAILED_WORKLOADS_WAVE_MAX: usize = 1;
/// Failed workloads that halt the run.
pub const FAILED_WORKLOADS_RUN_MAX: usize = 3;
/// Seconds to wait for a PodDisruptionBudget before saying so.
pub const PDB_WAIT_SECONDS_MAX: i64 = 600;
/// Replicas of a new istiod at least: rollback and node loss.
pub const ISTIOD_REPLICAS_MIN: i32 = 2;
/// Days that the root CA must have left.
pub const CA_DAYS_LEFT_MIN: i64 = 30;
/// Age of a plan after which checks run again, in seconds.
pub const PLAN_AGE_SECONDS_MAX: i64 = 3600;
/// Seconds between two looks at a running rollout: small against minReadySeconds, kind to the API server.
pub const POLL_SECONDS: i64 = 5;
/// Attempts of one effect that failed for a passing reason, and of one that lost a race.
pub const EFFECT_ATTEMPTS_MAX: u32 = 5;
/// Longest revision name: the names derived from it (`istio-sidecar-injector-REV`, labels of at most 63
/// characters such as `istio.io/rev`, Service `istiod-REV`) must stay valid.
pub const REVISION_NAME_CHARS_MAX: usize = 56;
/// Annotation that kubectl uses to restart a workload.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Annotation of a workload that a run restarted: the run's name. Its pod template stays as its owner wrote it.
pub const RUN_ANNOTATION: &str = "meshlift.dev/run";
/// Annotation of the namespace in which runs are kept that stops them all; its value says why.
pub const HOLD: &str = "meshlift.dev/hold";
/// ConfigMap in which istiod gives each namespace the mesh's root (istio `pkg/config/constants`), and its key.
pub const ROOT_CERT: (&str, &str) = ("istio-ca-root-cert", "root-cert.pem");
/// ConfigMap of Cilium's agents, and its key that says whether they keep other CNI plugins away.
pub const CILIUM: (&str, &str) = ("cilium-config", "cni-exclusive");
/// Label that selects a revision or a tag.
pub const REV_LABEL: &str = "istio.io/rev";
/// Label that selects the default revision's injection.
pub const INJECTION_LABEL: &str = "istio-injection";
/// Label, or annotation where there is no label, by which a pod asks for a sidecar or against it.
pub const INJECT_LABEL: &str = "sidecar.istio.io/inject";
/// Label by which an installer tells its components apart.
pub const COMPONENT_LABEL: &str = "operator.istio.io/component";
/// Label, and its value, that `istioctl install` sets on everything it applies.
pub const ISTIOCTL_LABEL: (&str, &str) = ("operator.istio.io/managed", "Reconcile");
/// Annotation that Helm sets on everything it applies: its release. (`app.kubernetes.io/managed-by: Helm` tells nothing:
/// istioctl renders the same charts.)
pub const HELM_RELEASE: &str = "meta.helm.sh/release-name";
/// Label of Secrets with the kubeconfig of another cluster of the mesh.
pub const REMOTE_LABEL: &str = "istio/multiCluster";
/// Label that says which network something belongs to: of a Gateway, that it takes connections of other networks.
pub const NETWORK_LABEL: &str = "topology.istio.io/network";
/// Label of pods that istiod makes for a Gateway of the Gateway API: its name.
pub const GATEWAY_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// Label of a revision tag's objects.
pub const TAG_LABEL: &str = "istio.io/tag";
/// Annotation of an injected pod that tells what was injected.
pub const STATUS_ANNOTATION: &str = "sidecar.istio.io/status";
/// Label of namespaces that matter most, where the intent names none: a common convention.
pub const SLO_CRITICAL_LABEL: &str = "tier=slo-critical";
/// Requests per second that the traffic model assumes for a Service without a recorded rate.
pub const REQUESTS_PER_SECOND: f64 = 10.0;
/// Format of everything that meshlift writes down.
pub const FORMAT_VERSION: u32 = 1;
