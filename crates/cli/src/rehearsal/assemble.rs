//! From both corners' ends to one report.

use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::plan::StepUndo;
use meshlift_model::run_report::{Figures, RunReport};
use meshlift_report::rehearsal::{assumptions, not_tested};

use super::{Ended, Rehearsal};

/// The report: steps and gates of the best corner; the result of the one that came less far.
pub(super) fn report(rehearsal: &Rehearsal<'_>, best: &Ended, worst: &Ended) -> RunReport {
    let decisive = if worst.result > best.result { worst } else { best };
    let reason = decisive.run.ended().map(|(_, reason)| reason.to_owned()).unwrap_or_default();
    RunReport {
        format_version: FORMAT_VERSION,
        result: decisive.result,
        reason,
        steps: decisive.run.steps(),
        gates: decisive.run.gates(),
        violations: Vec::new(),
        figures: figures(rehearsal, best, worst),
        workloads: Vec::new(),
        waiting: decisive.run.waiting_on(),
        assumptions: assumptions(),
        not_tested: not_tested(),
    }
}

fn figures(rehearsal: &Rehearsal<'_>, best: &Ended, worst: &Ended) -> Figures {
    Figures {
        makespan_seconds: best.ended.millis_since(best.began) / 1000,
        pods_moved: pods_on(rehearsal, best).saturating_sub(pods_before(rehearsal)),
        capacity_peak_extra_pods: best.peak_extra_pods.max(worst.peak_extra_pods),
        undo_seconds_max: undo_seconds(rehearsal),
        ..Figures::default()
    }
}

/// Pods that carry the plan's revision at the end.
fn pods_on(rehearsal: &Rehearsal<'_>, ended: &Ended) -> usize {
    let revision = &rehearsal.plan.revision;
    ended.mesh.pods.values().filter(|pod| !pod.finished && pod.revision.as_ref() == Some(revision)).count()
}

fn pods_before(rehearsal: &Rehearsal<'_>) -> usize {
    let revision = &rehearsal.plan.revision;
    rehearsal
        .mesh
        .pods
        .values()
        .filter(|pod| !pod.finished && pod.revision.as_ref() == Some(revision))
        .count()
}

/// Undoing everything takes longest when everything is done: one step after the other.
fn undo_seconds(rehearsal: &Rehearsal<'_>) -> i64 {
    let seconds = rehearsal.plan.steps.iter().map(|step| match step.undo {
        StepUndo::Inverse { .. } => step.undo_seconds,
        StepUndo::ForwardOnly { .. } | StepUndo::NotNeeded => 0,
    });
    seconds.sum()
}
