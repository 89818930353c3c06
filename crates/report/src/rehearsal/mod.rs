//! What a rehearsal came to: the verdict, what it rests on, and what it did not try.

mod grounds;
mod html;
mod markdown;
mod screen;

use meshlift_model::journal::RunResult;
use meshlift_model::plan::Plan;
use meshlift_model::run_report::{RunReport, StepReport, WorkloadReport};

use crate::text::{count, duration, figure};

pub use grounds::{assumptions, not_tested, tried};
pub use html::html;
pub use markdown::markdown;
pub use screen::screen;

/// A rehearsal and what was rehearsed.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// What it came to.
    pub report: &'a RunReport,
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
        RunResult::Waiting => format!("Waiting: {moved} moved to {}; {}", plan.revision, report.reason),
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

/// Workloads that lost or cut something in either corner, the most first.
pub(crate) fn losers(report: &RunReport) -> Vec<&WorkloadReport> {
    let mut losers: Vec<_> = report
        .workloads
        .iter()
        .filter(|w| w.requests_lost > 0.0 || w.requests_lost_worst > 0.0 || w.requests_cut > 0.0)
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
