//! Restart a workload by its template annotation, or await a rollout that runs, until all pods moved.

use meshlift_model::action::{Action, Move, MoveHow};
use meshlift_model::defaults::{POLL_SECONDS, RESTARTED_AT};
use meshlift_model::effect::{Change, PodView, WorkloadView};
use meshlift_model::time::Time;

use crate::cohort::Cohort;
use crate::cures;
use crate::look::{Look, unbound};
use crate::next::{Judged, Next, Wait, inverse};
use crate::{others, preconditions};

pub(crate) fn judge(look: &Look<'_>, index: usize, action: &Action, workload: &Move) -> Judged {
    let view = look.present_workload(&workload.workload)?;
    let cohort = look.cohort(view, &workload.revision);
    if cohort.is_rolled_out() && cohort.all_moved() {
        cures::take_back(look, index, workload)?;
        return Ok(Next::Done(format!("{} of {} pods moved", cohort.moved(), cohort.desired())));
    }
    let Some(since) = rolling_since(look, index, workload, view)? else {
        cures::apply(look, index, action, workload)?;
        preconditions::hold(look, index, action)?;
        return Ok(restart(look, view));
    };
    if workload.how == MoveHow::AwaitRollout {
        cures::apply(look, index, action, workload)?;
    }
    preconditions::template_kept(action, view)?;
    let is_new = |pod: &PodView| cohort.is_observed() && pod.updated && pod.created >= since.whole_second();
    others::stop_if_wrong(look, &cohort, is_new)?;
    cohort.stop_if_never_ready(is_new, workload.pod_ready_seconds_max)?;
    Err(wait(look, &cohort, look.action_began(index), workload.seconds_max))
}

/// Since when new pods are made; nothing if our restart is not in effect yet.
fn rolling_since(
    look: &Look<'_>,
    index: usize,
    workload: &Move,
    view: &WorkloadView,
) -> Judged<Option<Time>> {
    if workload.how == MoveHow::AwaitRollout {
        return Ok(Some(look.state().started.unwrap_or(look.began)));
    }
    let mut restarts = look.landed(index).rev().filter(|(_, intent)| intent.restarts());
    let Some((_, intent)) = restarts.next() else { return Ok(None) };
    let Change::TemplateAnnotation { value, .. } = &intent.write.change else { return Ok(None) };
    if view.restarted_at == *value {
        return Ok(Some(intent.at));
    }
    let is_before_resumed = look.state().resumed.is_some_and(|resumed| intent.at < resumed);
    if !intent.is_done() {
        return Ok(None);
    }
    match &view.restarted_at {
        // Somebody restarted it once more after us: its pods are new all the same.
        Some(later) if Some(later) > value.as_ref() => Ok(Some(intent.at)),
        // A person who says go on has seen to whoever took it back: once more.
        Some(_) | None if is_before_resumed => Ok(None),
        Some(_) | None => Err(Next::Fail(others::took_the_restart_back(look, &view.workload)?)),
    }
}

fn restart(look: &Look<'_>, view: &WorkloadView) -> Next {
    let annotation = |value| Change::TemplateAnnotation { key: RESTARTED_AT.to_owned(), value };
    let now = look.now.whole_second().to_string();
    let write = unbound(&view.workload, annotation(Some(now)));
    let back = unbound(&view.workload, annotation(view.restarted_at.clone()));
    Next::write(look.bound_to(write, view), inverse(back))
}

/// Polls on, with progress; at the deadline the step holds.
pub(crate) fn wait(look: &Look<'_>, cohort: &Cohort<'_>, since: Time, seconds_max: i64) -> Next {
    let why = cohort.missing();
    if look.now >= since.plus_seconds(seconds_max) {
        return Next::hold(format!("after {seconds_max} s still: {why}"));
    }
    let progress = Some((cohort.moved(), cohort.desired()));
    Next::Wait(Wait { until: look.now.plus_seconds(POLL_SECONDS), why, progress })
}
