//! Delete a bare pod and create it anew from the stored object, without what injection added.

use meshlift_model::action::{Action, Move};
use meshlift_model::effect::{Change, Write};
use meshlift_model::journal::Undo;

use super::rollout::wait;
use super::tag::restore;
use crate::ledger::Intended;
use crate::look::{Look, unbound};
use crate::next::{Judged, Next};
use crate::{others, preconditions};

pub(crate) fn judge(look: &Look<'_>, index: usize, action: &Action, workload: &Move) -> Judged {
    let last = look.landed(index).next_back().map(|(_, intent)| intent);
    let Some(view) = look.workload(&workload.workload)? else {
        return recreate_lost(look, index, workload, last);
    };
    let cohort = look.cohort(view, &workload.revision);
    if cohort.all_moved() && cohort.living().count() > 0 {
        return Ok(Next::Done(format!("{} moved", view.workload)));
    }
    let old = last.and_then(|intent| intent.write.uid.clone());
    let is_old = view.pods.iter().any(|pod| old.as_ref().is_none_or(|uid| *uid == pod.uid));
    let began = look.action_began(index);
    if !is_old || last.is_some_and(Intended::is_done) {
        others::stop_if_wrong(look, &cohort, |pod| old.as_ref() != Some(&pod.uid))?;
        cohort.stop_if_never_ready(|pod| old.as_ref() != Some(&pod.uid), workload.pod_ready_seconds_max)?;
        return Err(wait(look, &cohort, began, workload.seconds_max));
    }
    if view.pods.iter().all(|pod| pod.terminating) {
        return Err(wait(look, &cohort, began, workload.seconds_max));
    }
    preconditions::hold(look, index, action)?;
    let writes: Vec<Write> = look.stored(&workload.workload)?.iter().filter_map(restore).collect();
    if writes.is_empty() {
        return Err(Next::hold(format!("{} could not be stored before its deletion", view.workload)));
    }
    let write = unbound(&workload.workload, Change::RecreatePod);
    Ok(Next::write(look.bound_to(write, view), Undo::Inverse { writes }))
}

/// The pod is gone: created again from what the journal stored, if it was us who deleted it.
fn recreate_lost(look: &Look<'_>, index: usize, workload: &Move, last: Option<&Intended>) -> Judged {
    let pod = &workload.workload;
    let Some(intent) = last else { return Err(Next::hold(format!("{pod} is gone"))) };
    let created_by = intent.at.plus_seconds(workload.pod_ready_seconds_max);
    if intent.is_done() && look.now < created_by {
        return Err(look.wait(intent.at, workload.seconds_max, format!("{pod} is not there yet")));
    }
    if look.now >= look.action_began(index).plus_seconds(workload.seconds_max) {
        return Err(Next::hold(format!("{pod} was deleted and did not come back")));
    }
    match &intent.undo {
        Undo::Inverse { writes } if !writes.is_empty() => {
            Ok(Next::write(writes[0].clone(), intent.undo.clone()))
        }
        Undo::Inverse { .. } | Undo::RestoreStored | Undo::ForwardOnly { .. } | Undo::NotNeeded => {
            Err(Next::hold(format!("{pod} is gone and was not stored")))
        }
    }
}
