//! Scale a Deployment, then wait until it is so.

use meshlift_model::action::Action;
use meshlift_model::effect::{Change, WorkloadView};
use meshlift_model::names::ObjectRef;

use crate::in_place::{in_place, rebound};
use crate::look::{Look, unbound};
use crate::next::{Judged, Next, inverse};
use crate::preconditions;

pub(crate) fn judge(
    look: &Look<'_>,
    index: usize,
    action: &Action,
    workload: &ObjectRef,
    from: i32,
    to: i32,
) -> Judged {
    let write = |replicas| unbound(workload, Change::Replicas { replicas });
    if !in_place(look, &write(to))? {
        preconditions::hold(look, index, action)?;
        if !in_place(look, &write(from))? {
            return Err(Next::hold(format!("{workload} changed its replicas since the plan was made")));
        }
        return Ok(Next::write(rebound(look, &write(to))?, inverse(write(from))));
    }
    match not_scaled(look.present_workload(workload)?, to) {
        None => Ok(Next::Done(format!("{workload} has {to} pods"))),
        Some(why) => Err(look.wait_for_action(index, why)),
    }
}

/// Why a workload does not have so many pods, all Ready.
pub(crate) fn not_scaled(view: &WorkloadView, replicas: i32) -> Option<String> {
    let living = view.pods.iter().filter(|pod| !pod.terminating);
    let ready = living.clone().filter(|pod| pod.ready_since.is_some()).count();
    let wanted = usize::try_from(replicas).unwrap_or(0);
    let (there, workload) = (living.count(), &view.workload);
    (ready < wanted || there > wanted)
        .then(|| format!("{workload} has {there} pods, {ready} Ready; {wanted} are wanted"))
}
