//! What the checks say together, and each workload's traffic verdict by rule.

use std::collections::BTreeMap;

use meshlift_model::finding::{Finding, TrafficVerdict};
use meshlift_model::names::ObjectRef;

/// All findings, and the verdict of every workload with a sidecar or a gateway proxy.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "findings that nobody reads prevent nothing"]
pub struct Assessment {
    /// Findings, worst first, in stable order.
    pub findings: Vec<Finding>,
    /// Traffic verdict of a restart, by workload.
    pub workloads: BTreeMap<ObjectRef, Restart>,
    /// Checks that were not run, by code: that they found nothing says nothing.
    pub not_run: BTreeMap<&'static str, NotRun>,
}

/// Why a check was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// It is about the target, and there is none.
    NoTarget,
    /// It is about a change between other versions.
    OtherVersions,
}

/// What a restart of one workload does to its clients, by rule (docs: the traffic model).
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// Verdict.
    pub verdict: TrafficVerdict,
    /// Ready pods that its own rollout rules keep.
    pub ready_min: i32,
    /// Desired pods.
    pub replicas: i32,
    /// Bound on lost share × milliseconds over the whole restart, worst corner; 0 for safe.
    pub exposure_millis: f64,
    /// preStop sleep in seconds that would make it safe; absent where none would.
    pub cure_sleep_seconds: Option<i64>,
    /// Why, in one sentence.
    pub why: String,
    /// Seconds that the restart takes, predicted from replicas, limits, readiness and minReadySeconds.
    pub seconds: i64,
}
