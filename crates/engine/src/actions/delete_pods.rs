//! Delete old pods one by one, under their PDB: a set whose update strategy is OnDelete.

use meshlift_model::action::{Action, Move};
use meshlift_model::effect::{Change, Failure, Outcome, PodView, Write};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use super::rollout::wait;
use crate::cohort::Cohort;
use crate::cures;
use crate::look::{Look, unbound};
use crate::next::{Judged, Next, inverse};
use crate::{others, preconditions};

pub(crate) fn judge(look: &Look<'_>, index: usize, action: &Action, workload: &Move) -> Judged {
    let view = look.present_workload(&workload.workload)?;
    let cohort = look.cohort(view, &workload.revision);
    if cohort.all_moved() {
        cures::take_back(look, index, workload)?;
        return Ok(Next::Done(format!("{} of {} pods moved", cohort.moved(), cohort.desired())));
    }
    let first = look.landed(index).find(|(_, intent)| intent.restarts()).map(|(_, intent)| intent.at);
    let is_new = |pod: &PodView| first.is_some_and(|first: Time| pod.created >= first.whole_second());
    others::stop_if_wrong(look, &cohort, is_new)?;
    cohort.stop_if_never_ready(is_new, workload.pod_ready_seconds_max)?;
    cures::apply(look, index, action, workload)?;

    let since = look.action_began(index);
    // The one before must be through, on the new revision and connected, before the next one goes.
    let replaced = cohort.living().filter(|pod| is_new(pod)).all(|pod| cohort.lack(pod).is_none());
    let complete = cohort.living().count() >= cohort.desired();
    let available = cohort.living().filter(|pod| cohort.is_available(pod)).count();
    let leaving = view.pods.iter().any(|pod| pod.terminating);
    if !replaced || !complete || leaving || available < cohort.desired() {
        return Err(wait(look, &cohort, since, workload.seconds_max));
    }
    // An eviction that a budget refuses has a limit and an end of its own.
    let late = look.now >= since.plus_seconds(workload.seconds_max) && !is_blocked_by_budget(look, index);
    let Some(pod) = next_old_pod(&cohort).filter(|_| !late) else {
        return Err(wait(look, &cohort, since, workload.seconds_max));
    };
    if i32::try_from(available).is_ok_and(|available| available - 1 < workload.ready_min) {
        let (min, name) = (workload.ready_min, &view.workload);
        return Err(Next::hold(format!(
            "{name} would go below the {min} ready pods that the plan announced"
        )));
    }
    preconditions::hold(look, index, action)?;
    let write = eviction(&view.workload, pod);
    // Evicting what came in its place takes it back, once the selector is what it was.
    let again = unbound(&write.target, Change::Evict);
    Ok(Next::write(write, inverse(again)))
}

fn is_blocked_by_budget(look: &Look<'_>, index: usize) -> bool {
    let newest = look.ledger.forward(look.step).rfind(|(_, intent)| intent.action == index);
    let outcome = newest.and_then(|(_, intent)| intent.outcome.as_ref());
    matches!(outcome, Some(Outcome::Failed { failure: Failure::Budget { .. } }))
}

/// Highest ordinal first, as StatefulSets roll; by name where there is no ordinal.
fn next_old_pod<'a>(cohort: &Cohort<'a>) -> Option<&'a PodView> {
    let ordinal =
        |pod: &PodView| pod.name.rsplit_once('-').and_then(|(_, number)| number.parse::<u32>().ok());
    cohort
        .living()
        .filter(|pod| pod.revision.as_ref() != Some(cohort.revision))
        .max_by(|a, b| (ordinal(a), &a.name).cmp(&(ordinal(b), &b.name)))
}

/// An eviction of exactly this pod.
pub(crate) fn eviction(workload: &ObjectRef, pod: &PodView) -> Write {
    let mut write = unbound(&ObjectRef::new("Pod", &workload.namespace, &pod.name), Change::Evict);
    write.uid = Some(pod.uid.clone());
    write
}
