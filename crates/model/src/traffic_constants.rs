//! Numbers of the traffic model, shared by the rule (checks) and the simulation (twin), which share no
//! logic. What they mean together stands in `docs/reference/traffic-model.md`. Each has a source or the
//! word *assumption*. Times are in milliseconds unless the name says otherwise.
//!
//! Where a number comes as `FAST` and `SLOW`, the corner of the model picks one of the two.

/// EndpointSlice controller, from the change of a pod to the slice: assumption (its work queue batches
/// for up to a second under load, `kubernetes/pkg/controller/endpointslice`).
pub const ENDPOINT_SLICE_FAST_MILLIS: i64 = 50;
/// See [`ENDPOINT_SLICE_FAST_MILLIS`]: assumption.
pub const ENDPOINT_SLICE_SLOW_MILLIS: i64 = 1000;
/// istiod pushes after so much quiet (`PILOT_DEBOUNCE_AFTER`, istio `pilot/pkg/features`).
pub const DEBOUNCE_QUIET_MILLIS: i64 = 100;
/// istiod pushes at the latest after so long, however many events come (`PILOT_DEBOUNCE_MAX`).
pub const DEBOUNCE_MAX_MILLIS: i64 = 10_000;
/// Debounce that the rule allows for in its bound: other rollouts keep events coming for a while.
/// Assumption; the simulation has an actor instead and does not use it.
pub const DEBOUNCE_BUSY_MILLIS: i64 = 1500;
/// istiod's push, from the end of the debounce to the proxy's use of it: assumption.
pub const PUSH_FAST_MILLIS: i64 = 20;
/// See [`PUSH_FAST_MILLIS`]: assumption.
pub const PUSH_SLOW_MILLIS: i64 = 2000;
/// kube-proxy, from the slice to its rules on the node: assumption (`minSyncPeriod` is 1 s).
pub const KUBE_PROXY_FAST_MILLIS: i64 = 100;
/// See [`KUBE_PROXY_FAST_MILLIS`]: assumption.
pub const KUBE_PROXY_SLOW_MILLIS: i64 = 2000;
/// A load balancer stops sending to a pod that goes: two failed health checks 5 s apart. Assumption.
pub const LOAD_BALANCER_FAST_MILLIS: i64 = 10_000;
/// The same where nobody told better: LB_DEREGISTRATION_SECONDS, the default of common clouds.
pub const LOAD_BALANCER_SLOW_MILLIS: i64 = 300_000;
/// Clients of headless Services resolve anew after so long (default TTL of CoreDNS for Kubernetes names).
pub const DNS_TTL_MILLIS: i64 = 30_000;

/// A proxy is ready so long after its container started: assumption.
pub const PROXY_READY_FAST_MILLIS: i64 = 1000;
/// Usual upper end, for predictions of duration: assumption.
pub const PROXY_READY_USUAL_MILLIS: i64 = 4000;
/// See [`PROXY_READY_FAST_MILLIS`], the slow corner: assumption.
pub const PROXY_READY_SLOW_MILLIS: i64 = 10_000;
/// An app listens so long after its container started: assumption.
pub const APP_LISTENS_FAST_MILLIS: i64 = 2000;
/// Usual upper end, for predictions of duration: assumption.
pub const APP_LISTENS_USUAL_MILLIS: i64 = 10_000;
/// See [`APP_LISTENS_FAST_MILLIS`], the slow corner: assumption.
pub const APP_LISTENS_SLOW_MILLIS: i64 = 30_000;
/// Period of a probe that names none (Kubernetes API default).
pub const PROBE_PERIOD_SECONDS: i64 = 10;

/// Grace of a pod that names none (Kubernetes API default).
pub const GRACE_SECONDS: i64 = 30;
/// A classic proxy or a gateway exits so long after SIGTERM (`terminationDrainDuration`, ProxyConfig).
pub const TERMINATION_DRAIN_MILLIS: i64 = 5000;
/// With EXIT_ON_ZERO_ACTIVE_CONNECTIONS it stays at least so long (`MINIMUM_DRAIN_DURATION`).
pub const MINIMUM_DRAIN_MILLIS: i64 = 5000;
/// A proxy that got its own SIGTERM closes its listeners after so long (`drainDuration`, ProxyConfig; Envoy
/// `--drain-time-s`), whether it lives on or not. A native one is drained with `skip_exit`: it keeps them.
pub const DRAIN_MILLIS: i64 = 45_000;
/// ztunnel cuts what is left so long before its own grace ends (ztunnel `src/config.rs`).
pub const ZTUNNEL_DRAIN_MARGIN_MILLIS: i64 = 5000;

/// Retries of a meshed HTTP or gRPC request, each on another host (Istio's default policy).
pub const RETRIES: u32 = 2;
/// Duration of most requests: assumption.
pub const SHORT_REQUEST_MILLIS: i64 = 50;
/// Duration of the rest, long enough to show the 5 s cut: assumption.
pub const LONG_REQUEST_MILLIS: i64 = 8000;
/// Share of long requests: assumption.
pub const LONG_REQUEST_SHARE: f64 = 0.01;
