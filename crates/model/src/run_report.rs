//! What a rehearsal or a run came to: the JSON of `rehearse` and `status`.

use serde::{Deserialize, Serialize};

use crate::finding::TrafficVerdict;
use crate::journal::RunResult;
use crate::names::{IstioVersion, ObjectRef, RevisionName};
use crate::plan::{Layer, WaitingOn};
use crate::time::Time;

/// The whole report; same seed, same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "an unread report is not actionable"]
pub struct RunReport {
    /// Format; 1.
    pub format_version: u32,
    /// Result.
    pub result: RunResult,
    /// Why, in one sentence.
    pub reason: String,
    /// Steps in order.
    pub steps: Vec<StepReport>,
    /// Gates in order.
    pub gates: Vec<GateReport>,
    /// Whatever was worse than the plan announced.
    pub violations: Vec<Violation>,
    /// Sums.
    pub figures: Figures,
    /// One per workload that moved or was touched by traffic.
    pub workloads: Vec<WorkloadReport>,
    /// One per Service whose endpoints changed.
    #[serde(default)]
    pub services: Vec<ServiceReport>,
    /// Faults that were played on the way, and those that found no place to strike.
    #[serde(default)]
    pub faults: Vec<FaultReport>,
    /// What waits for a person.
    pub waiting: Vec<WaitingOn>,
    /// What was tried: corners, faults, crashes, rollback, one sentence each.
    #[serde(default)]
    pub tried: Vec<String>,
    /// What the figures rest on.
    pub assumptions: Vec<String>,
    /// What was not tried.
    pub not_tested: Vec<String>,
}

/// How a run stands: the JSON of `status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "an unread status is not actionable"]
pub struct RunStatus {
    /// Format; 1.
    pub format_version: u32,
    /// Name of the run.
    pub run: String,
    /// Digest of its plan.
    pub plan: String,
    /// Versions that it leaves.
    pub from: Vec<IstioVersion>,
    /// Version that it goes to.
    pub target: IstioVersion,
    /// Revision that it goes to.
    pub revision: RevisionName,
    /// Result; null while it is driven, or where nobody drives it to an end.
    pub result: Option<RunResult>,
    /// Why, in one sentence; empty while there is no result.
    pub reason: String,
    /// Who executes it.
    pub executor: Option<Executor>,
    /// Why a person holds every run, if one does.
    pub hold: Option<String>,
    /// Steps in order.
    pub steps: Vec<StepReport>,
    /// Gates in order.
    pub gates: Vec<GateReport>,
    /// Sums; of traffic nothing is known.
    pub figures: Figures,
    /// Temporary changes that were not put back.
    pub temporary: Vec<Temporary>,
    /// What waits for a person.
    pub waiting: Vec<WaitingOn>,
    /// What cannot be taken back.
    pub forward_only: Vec<String>,
    /// Commands that go on from here, best first.
    pub next: Vec<String>,
}

/// Whoever executes a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executor {
    /// Who and where.
    pub holder: String,
    /// Since when.
    pub since: Option<Time>,
    /// Last sign of life.
    pub renewed: Option<Time>,
    /// True while that counts.
    pub alive: bool,
}

/// Something that a run changed for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Temporary {
    /// Object.
    pub target: ObjectRef,
    /// What it is now and what it was, in words.
    pub what: String,
    /// Step that changed it.
    pub step: String,
    /// When.
    pub since: Time,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Id.
    pub id: String,
    /// Layer.
    pub layer: Layer,
    /// Title.
    pub action: String,
    /// Subjects, in words.
    pub subject: String,
    /// `pending`, `running`, `done`, `waiting`, `undone`, `held`.
    pub state: String,
    /// Begin.
    pub started: Option<Time>,
    /// Begin of its bake, once what it does is done.
    #[serde(default)]
    pub baked_from: Option<Time>,
    /// End.
    pub ended: Option<Time>,
    /// What it waits on.
    pub waiting_on: Option<WaitingOn>,
    /// How it is undone, in words.
    pub undo: String,
}

/// One judged gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// Step.
    pub step: String,
    /// Gate, in words.
    pub gate: String,
    /// It held.
    pub passed: bool,
    /// Why.
    pub reason: String,
}

/// Something worse than announced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// Law that it breaks, by number in ARCHITECTURE.md; `announced` for a loss that nobody accepted, `not modelled`
    /// for what the twin cannot show.
    pub law: String,
    /// When.
    pub at: Time,
    /// Object.
    pub subject: ObjectRef,
    /// What, in one sentence.
    pub detail: String,
}

/// A fault that a rehearsal played.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FaultReport {
    /// When it struck in the best corner (in the worst, where it struck only there); absent where it never did.
    pub at: Option<Time>,
    /// What, such as `slow-pod`.
    pub kind: String,
    /// Object that it struck, or was meant for.
    pub object: ObjectRef,
    /// What it did, in words.
    pub detail: String,
    /// It does not heal by itself: the run may end waiting for a person because of it.
    pub persists: bool,
    /// Seed that it was drawn from.
    pub seed: u64,
}

/// Sums over the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Seconds from start to end, bakes included.
    pub makespan_seconds: i64,
    /// Pods that moved to the new revision.
    pub pods_moved: usize,
    /// Most pods at any moment, over the number at the start.
    pub capacity_peak_extra_pods: i64,
    /// New requests lost in the best corner, accepted losses included.
    pub requests_lost: f64,
    /// The part of it that the intent accepted.
    pub requests_lost_accepted: f64,
    /// New requests lost in the worst corner.
    pub requests_lost_worst: f64,
    /// Requests in flight that a drain cut (best corner).
    pub requests_cut: f64,
    /// Open connections that a drain cut (best corner).
    pub connections_cut: f64,
    /// Seconds that undoing everything would take at the worst moment, predicted.
    pub undo_seconds_max: i64,
}

/// What one workload went through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadReport {
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// By simulation: best and worst corner.
    pub verdict: TrafficVerdict,
    /// Least ready pods while it moved.
    pub ready_min: i32,
    /// Desired pods.
    pub replicas: i32,
    /// Best corner.
    pub requests_lost: f64,
    /// Worst corner.
    pub requests_lost_worst: f64,
    /// Seconds with any loss, worst corner.
    pub exposed_seconds_worst: f64,
    /// Best corner.
    pub requests_cut: f64,
    /// Best corner.
    pub connections_cut: f64,
    /// Why requests were lost, in words.
    pub why: Vec<String>,
    /// Choices that accepted it.
    pub accepted_hazards: Vec<String>,
}

/// What the endpoints of one Service went through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Ready endpoints at the start.
    pub endpoints: usize,
    /// Fewest ready endpoints at any moment, best corner.
    pub endpoints_min: usize,
    /// Fewest ready endpoints at any moment, worst corner.
    pub endpoints_min_worst: usize,
}
