//! What is done around a move so that it can succeed, and taken back when it is through.

use meshlift_model::action::{Action, Cure, Move};
use meshlift_model::effect::{Change, PodView, Write};
use meshlift_model::names::ObjectRef;

use crate::in_place::{in_place, quota_enforced, rebound};
use crate::look::{Look, unbound};
use crate::next::{Judged, Next, inverse};
use crate::preconditions;

/// Seconds until a raised quota counts at the latest: the quota controller copies it into the status that
/// admission reads. After that pods are retried by their controller anyway.
const QUOTA_SETTLE_SECONDS: i64 = 30;

/// A cure's change and what undoes it.
struct Pair {
    to: Write,
    from: Write,
}

fn pair(workload: &ObjectRef, cure: &Cure) -> Pair {
    let write = |target: &ObjectRef, to, from| Pair { to: unbound(target, to), from: unbound(target, from) };
    match cure {
        Cure::ScaleUp { to, autoscaler: Some((autoscaler, min)), .. } => write(
            autoscaler,
            Change::AutoscalerMin { replicas: *to },
            Change::AutoscalerMin { replicas: *min },
        ),
        Cure::ScaleUp { from, to, autoscaler: None } => {
            write(workload, Change::Replicas { replicas: *to }, Change::Replicas { replicas: *from })
        }
        Cure::RaiseQuota { quota, resource, from, to } => {
            let hard = |hard: &str| Change::Quota { resource: resource.clone(), hard: hard.to_owned() };
            write(quota, hard(to), hard(from))
        }
        Cure::SetStrategy { from, to } => {
            let strategy = |(max_unavailable, max_surge): &(String, String)| Change::Strategy {
                max_unavailable: max_unavailable.clone(),
                max_surge: max_surge.clone(),
            };
            write(workload, strategy(to), strategy(from))
        }
        Cure::SetPartition { from, to } => {
            write(workload, Change::Partition { partition: *to }, Change::Partition { partition: *from })
        }
    }
}

/// Passes once every cure is in place and has its effect; else writes or waits.
pub(crate) fn apply(look: &Look<'_>, index: usize, action: &Action, workload: &Move) -> Judged<()> {
    for cure in &workload.cures {
        let Pair { to, from } = pair(&workload.workload, cure);
        if !is_enough(look, workload, cure)? && !in_place(look, &to)? {
            preconditions::hold(look, index, action)?;
            if !in_place(look, &from)? {
                return Err(Next::hold(format!("{} changed since the plan was made", to.target)));
            }
            return Err(Next::write(rebound(look, &to)?, inverse(from)));
        }
        has_effect(look, index, workload, cure)?;
    }
    Ok(())
}

/// Passes once every cure is taken back, but for a partition: that change is to stay.
pub(crate) fn take_back(look: &Look<'_>, index: usize, workload: &Move) -> Judged<()> {
    for cure in workload.cures.iter().rev().filter(|cure| !matches!(cure, Cure::SetPartition { .. })) {
        let Pair { to, from } = pair(&workload.workload, cure);
        let ours = look.landed(index).any(|(_, intent)| intent.write.change == to.change);
        if ours && in_place(look, &to)? {
            return Err(Next::write(rebound(look, &from)?, inverse(to)));
        }
    }
    Ok(())
}

/// More replicas than asked for (an autoscaler was quicker) are as good.
fn is_enough(look: &Look<'_>, workload: &Move, cure: &Cure) -> Judged<bool> {
    match cure {
        Cure::ScaleUp { to, autoscaler: None, .. } => {
            Ok(look.present_workload(&workload.workload)?.replicas >= *to)
        }
        Cure::ScaleUp { autoscaler: Some(_), .. }
        | Cure::RaiseQuota { .. }
        | Cure::SetStrategy { .. }
        | Cure::SetPartition { .. } => Ok(false),
    }
}

fn has_effect(look: &Look<'_>, index: usize, workload: &Move, cure: &Cure) -> Judged<()> {
    match cure {
        Cure::ScaleUp { to, .. } => {
            let since = look.action_began(index);
            // The pod on top is the first of the new cohort.
            let cohort = look.cohort(look.present_workload(&workload.workload)?, &workload.revision);
            let is_new = |pod: &PodView| {
                pod.revision.as_ref() == Some(&workload.revision) && pod.created >= since.whole_second()
            };
            cohort.stop_if_never_ready(is_new, workload.pod_ready_seconds_max)?;
            enough_ready(look, workload, *to).map_err(|why| match why {
                Short::Pods(why) => look.wait(since, workload.seconds_max, why),
                Short::Next(next) => next,
            })
        }
        Cure::RaiseQuota { quota, resource, to, .. } => {
            let raised = look.landed(index).rfind(|(_, intent)| intent.write.target == *quota);
            let Some((_, intent)) = raised else { return Ok(()) };
            let settled = intent.at.plus_seconds(QUOTA_SETTLE_SECONDS);
            if look.now < settled && quota_enforced(look, quota, resource)?.as_ref() != Some(to) {
                return Err(look.wait_until(
                    look.now.plus_seconds(1).min(settled),
                    format!("{quota} does not enforce {resource}={to} yet"),
                ));
            }
            Ok(())
        }
        Cure::SetStrategy { .. } | Cure::SetPartition { .. } => Ok(()),
    }
}

/// Why there are not enough ready pods.
pub(crate) enum Short {
    /// In words.
    Pods(String),
    /// Something has to be read first.
    Next(Next),
}

/// Passes if so many pods of the workload are available.
pub(crate) fn enough_ready(look: &Look<'_>, workload: &Move, wanted: i32) -> Result<(), Short> {
    let view = look.present_workload(&workload.workload).map_err(Short::Next)?;
    let cohort = look.cohort(view, &workload.revision);
    let ready = cohort.living().filter(|pod| cohort.is_available(pod)).count();
    if i32::try_from(ready).is_ok_and(|ready| ready < wanted) {
        return Err(Short::Pods(format!("{}: {ready} of {wanted} pods are Ready", view.workload)));
    }
    Ok(())
}
