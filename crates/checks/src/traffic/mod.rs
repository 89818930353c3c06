//! The traffic verdict of each workload's restart, by closed formulas over the eight corners of the model
//! (`docs/reference/traffic-model.md`). The twin simulates the same model and shares no code with this.

mod clients;
mod duration;
mod pod;
mod rule;

use std::collections::BTreeMap;

use meshlift_mesh::InOrder;
use meshlift_mesh::facts::{Mesh, Role, RolloutRules, Workload};
use meshlift_model::finding::TrafficVerdict;
use meshlift_model::names::ObjectRef;

use crate::assessment::Restart;
use clients::{Access, Services, accesses, services};
pub(crate) use pod::PROXY;
use pod::{PodShape, pod_shape};
use rule::{Limits, Outcome, judge};

/// Why something is lost in the best corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GapCause {
    /// Nothing is kept while the workload rolls: one replica without surge, or as many missing as there are.
    NoneKept,
    /// Strategy Recreate.
    Recreate,
    /// Ready before it listens.
    NoProbe,
    /// Killed before its clients know.
    NoGrace,
    /// Gone before its load balancer knows.
    LoadBalancer,
}

/// A verdict with what led to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// For everyone.
    pub(crate) restart: Restart,
    /// Causes in words, for gaps alone.
    pub(crate) causes: BTreeMap<GapCause, String>,
    /// True if a drain cuts requests or connections in some corner.
    pub(crate) cuts: bool,
}

/// Verdicts of all workloads with a sidecar or a gateway proxy that a restart can reach.
pub(crate) fn judge_all(mesh: &Mesh) -> InOrder<ObjectRef, Judged> {
    let services = services(mesh);
    let judged = |(reference, workload): (&ObjectRef, _)| {
        Some((reference.clone(), judge_workload(&services, workload)?))
    };
    mesh.workloads.iter().filter_map(judged).collect()
}

/// Verdict of one workload; `None` where it has no proxy, or no restart reaches it (Job, CronJob).
fn judge_workload(services: &Services<'_>, workload: &Workload) -> Option<Judged> {
    match workload.role {
        Role::App | Role::InjectedGateway | Role::ManagedGateway | Role::Waypoint => {}
        Role::Istiod | Role::Ztunnel | Role::Cni => return None,
    }
    let template = workload.as_injected.as_ref()?;
    let limits = Limits::of(workload)?;
    let shape = pod_shape(&template.spec)?;
    let accesses = accesses(services, workload, &shape);
    Some(verdict(workload, &limits, &shape, &accesses))
}

fn verdict(workload: &Workload, limits: &Limits, shape: &PodShape, accesses: &[Access]) -> Judged {
    let outcome = judge(limits, shape, accesses);
    let cure = (outcome.verdict == TrafficVerdict::Exposed)
        .then(|| cure_sleep_seconds(limits, shape, accesses))
        .flatten();
    let words = |cause: &GapCause| (*cause, cause_words(*cause, workload, limits, shape));
    let causes: BTreeMap<GapCause, String> = outcome.causes.iter().map(words).collect();
    let why = why(limits, accesses, &outcome, &causes, cure);
    Judged {
        restart: Restart {
            verdict: outcome.verdict,
            ready_min: limits.ready_min(),
            replicas: limits.replicas,
            exposure_millis: outcome.exposure_millis,
            cure_sleep_seconds: cure,
            why,
            seconds: duration::seconds(limits, shape),
        },
        causes,
        cuts: outcome.cuts,
    }
}

/// The recommended preStop sleep, if it would make the workload safe.
fn cure_sleep_seconds(limits: &Limits, shape: &PodShape, accesses: &[Access]) -> Option<i64> {
    let seconds = clients::longest_mesh_lag_seconds();
    let cured = shape.with_sleep_millis(seconds * 1000);
    let accesses: Vec<Access> =
        accesses.iter().map(|access| access.with_sleep_millis(seconds * 1000)).collect();
    (judge(limits, &cured, &accesses).verdict == TrafficVerdict::Safe).then_some(seconds)
}

fn why(
    limits: &Limits,
    accesses: &[Access],
    outcome: &Outcome,
    causes: &BTreeMap<GapCause, String>,
    cure: Option<i64>,
) -> String {
    if limits.replicas == 0 {
        return "it has no pods".to_owned();
    }
    if accesses.is_empty() {
        return "no Service sends requests to it".to_owned();
    }
    match outcome.verdict {
        TrafficVerdict::Safe => "its app serves on until all clients know that it goes".to_owned(),
        TrafficVerdict::Gap => causes.values().cloned().collect::<Vec<_>>().join("; "),
        TrafficVerdict::Exposed => exposed_words(outcome, cure),
    }
}

/// An exposure, which is a whole number: nearly every workload has one to be written, and fractions are written slowly.
pub(crate) fn whole_millis(exposure: f64) -> i64 {
    exposure as i64
}

fn exposed_words(outcome: &Outcome, cure: Option<i64>) -> String {
    let lost = match (outcome.exposure_millis > 0.0, outcome.cuts) {
        (true, cuts) => {
            let cuts = if cuts { ", and its drain cuts what is open" } else { "" };
            format!(
                "at most {} ms × share, depends on what the app does at SIGTERM{cuts}",
                whole_millis(outcome.exposure_millis)
            )
        }
        (false, _) => "no new request is lost, its drain cuts open connections".to_owned(),
    };
    match cure {
        Some(seconds) => format!("{lost}; a preStop sleep of {seconds} s makes it safe"),
        None => lost,
    }
}

fn cause_words(cause: GapCause, workload: &Workload, limits: &Limits, shape: &PodShape) -> String {
    match cause {
        GapCause::NoneKept => match &workload.rules {
            RolloutRules::Rolling { written, .. } => format!(
                "maxUnavailable {} and maxSurge {} of {} replicas keep no pod",
                written.0, written.1, limits.replicas
            ),
            RolloutRules::Bare => "a bare pod is deleted before it is there again".to_owned(),
            RolloutRules::Ordered { max_unavailable, .. } if *max_unavailable > 1 => {
                format!("maxUnavailable {max_unavailable} of {} replicas keeps no pod", limits.replicas)
            }
            RolloutRules::Recreate
            | RolloutRules::Ordered { .. }
            | RolloutRules::PerNode { .. }
            | RolloutRules::OnDelete
            | RolloutRules::NextRun
            | RolloutRules::Foreign { .. } => {
                format!("its {} pod is deleted before the new one is made", limits.replicas)
            }
        },
        GapCause::Recreate => "strategy Recreate deletes all pods before it makes new ones".to_owned(),
        GapCause::NoProbe => "no readiness probe: new pods get requests before they listen".to_owned(),
        GapCause::NoGrace => {
            format!("its pods are killed after {} s, before clients know", shape.grace_millis / 1000)
        }
        GapCause::LoadBalancer => {
            format!("{}, before a load balancer stops sending", shape.proxy.end_words(shape.grace_millis))
        }
    }
}

#[cfg(test)]
mod tests;
