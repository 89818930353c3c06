//! What a rehearsal came to: the verdict, what it rests on, and what it did not try.

mod grounds;
mod html;
mod markdown;
mod screen;

use meshlift_checks::assessment::Assessment;
use meshlift_mesh::Mesh;
use meshlift_model::journal::RunResult;
use meshlift_model::plan::{Plan, WaitingOn};
use meshlift_model::run_report::{RunReport, StepReport, WorkloadReport};
use meshlift_model::series::Series;

use crate::text::{count, duration, figure};

pub use grounds::{assumptions, not_tested, tried};
pub use html::html;
pub use markdown::markdown;
pub use screen::screen;
pub(crate) use screen::{gate_lines, step_table};

/// Kind of what waits where a step does, as the engine calls it.
const STEP: &str = "Step";

/// A rehearsal and what was rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// What it came to.
    pub report: &'a RunReport,
    /// How it went over time.
    pub series: &'a Series,
    /// The mesh that it began with.
    pub mesh: &'a Mesh,
    /// What the checks say of that mesh.
    pub assessment: &'a Assessment,
    /// The plan that was carried out.
    pub plan: &'a Plan,
    /// Seed of both corners.
    pub seed: u64,
}

/// The verdict in one or two sentences. It says what was tried, never what cannot happen.
#[must_use]
pub fn verdict(rehearsal: &Rehearsal<'_>) -> String {
    let Rehearsal { report, plan, .. } = rehearsal;
    let figures = &report.figures;
    let moved = count(figures.pods_moved, "pod");
    let head = match report.result {
        RunResult::Done if report.steps.is_empty() => {
            "Nothing to do: the mesh is where the plan wants it".to_owned()
        }
        RunResult::Done => {
            format!(
                "Moved on the twin: {moved} to {} in {}",
                plan.revision,
                duration(figures.makespan_seconds)
            )
        }
        RunResult::Waiting => {
            // The rest of a reason is what to do; it stands with what waits.
            let reason = report.reason.split(". ").next().unwrap_or_default();
            format!("Waiting: {moved} moved to {}; {reason}", plan.revision)
        }
        RunResult::RolledBack => format!("Rolled back: {}", report.reason),
        RunResult::Failed => format!("Failed after {moved} moved: {}", report.reason),
    };
    let head = head.trim_end_matches('.');
    if report.workloads.is_empty() && report.violations.is_empty() {
        return format!("{head}. No traffic was simulated.");
    }
    let beyond = (figures.requests_lost - figures.requests_lost_accepted).max(0.0);
    let accepted = if figures.requests_lost_accepted > 0.0 {
        format!(" beyond {} that the intent accepts", requests(figures.requests_lost_accepted))
    } else {
        String::new()
    };
    let violations = match report.violations.len() {
        0 => "nothing was worse than announced".to_owned(),
        n => format!("{} worse than announced", count(n, "event")),
    };
    format!(
        "{head}. Best corner: {} lost{accepted}; worst corner: {} in all; {violations}.",
        requests(beyond),
        figure(figures.requests_lost_worst)
    )
}

fn requests(number: f64) -> String {
    format!("{} request{}", figure(number), if figure(number) == "1" { "" } else { "s" })
}

/// What waits for a person. Steps that were rolled back as asked do not.
pub(crate) fn waiting(report: &RunReport) -> Vec<WaitingOn> {
    let asked = report.result == RunResult::RolledBack;
    report.waiting.iter().filter(|on| !(asked && on.subject.kind == STEP)).cloned().collect()
}

/// Workloads that lost or cut something in either corner, the most first.
pub(crate) fn losers(report: &RunReport) -> Vec<&WorkloadReport> {
    let mut losers: Vec<_> = report
        .workloads
        .iter()
        .filter(|w| {
            let most = w.requests_lost.max(w.requests_lost_worst).max(w.requests_cut).max(w.connections_cut);
            most > 0.0
        })
        .collect();
    losers.sort_by(|a, b| {
        b.requests_lost
            .total_cmp(&a.requests_lost)
            .then(b.requests_lost_worst.total_cmp(&a.requests_lost_worst))
    });
    losers
}

/// Seconds that a step took, once it ended.
pub(crate) fn seconds(step: &StepReport) -> Option<i64> {
    Some(step.ended?.millis_since(step.started?) / 1000)
}

/// Name of a workload as people say it.
pub(crate) fn name(workload: &WorkloadReport) -> String {
    format!("{}/{}", workload.namespace, workload.name)
}
