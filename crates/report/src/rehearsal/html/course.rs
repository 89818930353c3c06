//! What is drawn: ready pods, the announced floor, time to undo, as steps over time.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Plan, Step, StepUndo};
use meshlift_model::run_report::StepReport;
use meshlift_model::series::{CornerSeries, WorkloadSeries};
use meshlift_model::time::Time;

/// A value from each time on.
pub(super) type Course = Vec<(Time, i64)>;

/// Ready pods of all workloads that the plan moves, of each as many as it wants at most: the pods that one of them
/// has on top while it rolls are no capacity of another.
pub(super) fn ready(corner: &CornerSeries) -> Course {
    let mut changes: BTreeMap<Time, i64> = BTreeMap::from([(corner.began, 0)]);
    for workload in &corner.workloads {
        let mut before = 0;
        for (at, count) in &workload.ready {
            let count = i64::from((*count).min(workload.replicas));
            *changes.entry((*at).max(corner.began)).or_default() += count - before;
            before = count;
        }
    }
    summed(0, changes)
}

/// Pods that these workloads want.
pub(super) fn desired(corner: &CornerSeries) -> i64 {
    corner.workloads.iter().map(|workload| i64::from(workload.replicas)).sum()
}

/// Ready pods that the plan announced to keep: what is desired, less what the steps at work may take.
pub(super) fn floor(corner: &CornerSeries, plan: &Plan) -> Course {
    let moved: BTreeSet<&ObjectRef> = corner.workloads.iter().map(|workload| &workload.workload).collect();
    let mut changes: BTreeMap<Time, i64> = BTreeMap::from([(corner.began, 0)]);
    for (step, from, to) in at_work(corner, plan) {
        let floors = step.floors.iter().filter(|floor| moved.contains(&floor.workload));
        let taken: i64 = floors.map(|floor| i64::from((floor.replicas - floor.ready_min).max(0))).sum();
        *changes.entry(from).or_default() -= taken;
        *changes.entry(to).or_default() += taken;
    }
    summed(desired(corner), changes)
}

/// The announced floor of one workload: the lowest of all steps that move it.
pub(super) fn floor_of(plan: &Plan, workload: &ObjectRef) -> Option<i32> {
    let floors = plan.steps.iter().flat_map(|step| &step.floors);
    floors.filter(|floor| floor.workload == *workload).map(|floor| floor.ready_min).min()
}

/// Seconds that taking back everything done so far would take, by the plan's prediction: a step counts from
/// its begin, and no more once it was taken back.
pub(super) fn undo(corner: &CornerSeries, plan: &Plan) -> Course {
    let mut changes: BTreeMap<Time, i64> = BTreeMap::from([(corner.began, 0)]);
    for (step, report) in steps(corner, plan) {
        let (StepUndo::Inverse { .. }, Some(started)) = (&step.undo, report.started) else { continue };
        *changes.entry(started).or_default() += step.undo_seconds;
        if let (true, Some(ended)) = (report.state == "undone", report.ended) {
            *changes.entry(ended).or_default() -= step.undo_seconds;
        }
    }
    summed(0, changes)
}

/// Steps at work, from when to when: bakes change nothing.
pub(super) fn at_work<'a>(
    corner: &'a CornerSeries,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a Step, Time, Time)> {
    steps(corner, plan).filter_map(|(step, report)| {
        let through = if report.state == "undone" { None } else { report.baked_from };
        Some((step, report.started?, through.or(report.ended).unwrap_or(corner.ended)))
    })
}

fn steps<'a>(corner: &'a CornerSeries, plan: &'a Plan) -> impl Iterator<Item = (&'a Step, &'a StepReport)> {
    let find = |report: &StepReport| plan.steps.iter().find(|step| step.id == report.id);
    corner.steps.iter().filter_map(move |report| Some((find(report)?, report)))
}

fn summed(start: i64, changes: BTreeMap<Time, i64>) -> Course {
    let mut value = start;
    let mut course = Course::new();
    for (at, change) in changes {
        if change != 0 || course.is_empty() {
            value += change;
            course.push((at, value));
        }
    }
    course
}

/// When the step that moves a workload was at work.
pub(super) fn work_on(corner: &CornerSeries, plan: &Plan, workload: &ObjectRef) -> Option<(Time, Time)> {
    let moves = |step: &Step| step.floors.iter().any(|floor| floor.workload == *workload);
    at_work(corner, plan).find(|(step, ..)| moves(step)).map(|(_, from, to)| (from, to))
}

/// When the readiness of a workload changed for the first and for the last time while it was worked on (at any
/// time, if it never did then).
pub(super) fn moved(workload: &WorkloadSeries, work: Option<(Time, Time)>) -> Option<(Time, Time)> {
    let changes = || workload.ready.iter().skip(1).map(|(at, _)| *at);
    let inside = |at: &Time| work.is_none_or(|(from, to)| from <= *at && *at <= to);
    let first = changes().find(inside).or_else(|| changes().next())?;
    let last = changes().rfind(inside).or_else(|| changes().next_back())?;
    Some((first, last))
}

/// Seconds that a workload spent with fewer ready pods than it wants.
pub(super) fn seconds_below(workload: &WorkloadSeries, ended: Time) -> i64 {
    let ends = workload.ready.iter().skip(1).map(|(at, _)| *at).chain([ended]);
    let below = workload.ready.iter().zip(ends).filter(|((_, count), _)| *count < workload.replicas);
    below.map(|((from, _), to)| to.millis_since(*from)).sum::<i64>() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(name: &str, ready: &[(i64, i32)]) -> WorkloadSeries {
        let at = |(millis, count): &(i64, i32)| (Time::from_millis(*millis), *count);
        WorkloadSeries {
            workload: ObjectRef::new("Deployment", "web", name),
            replicas: 2,
            ready: ready.iter().map(at).collect(),
        }
    }

    #[test]
    fn ready_pods_add_up_and_dips_are_timed() {
        let dips = workload("a", &[(0, 2), (5000, 1), (9000, 3)]);
        let corner = CornerSeries {
            ended: Time::from_millis(20_000),
            workloads: vec![dips.clone(), workload("b", &[(0, 2)])],
            ..CornerSeries::default()
        };
        let shown: Vec<(i64, i64)> = ready(&corner).iter().map(|(at, value)| (at.millis(), *value)).collect();
        assert_eq!(shown, [(0, 4), (5000, 3), (9000, 4)]);
        assert_eq!((desired(&corner), seconds_below(&dips, corner.ended)), (4, 4));
        let at = Time::from_millis;
        assert_eq!(moved(&dips, None), Some((at(5000), at(9000))));
        assert_eq!(moved(&dips, Some((at(8000), at(9500)))), Some((at(9000), at(9000))));
    }
}
