//! A workload goes back to where it was: selector first (proven), then its template, then leftovers.
//!
//! The former value of the restart annotation lets a Deployment return to its old ReplicaSet and keep its
//! healthy old pods. The template says nothing of the revision: every pod is judged by what it carries,
//! and those born on the new revision are moved too.

use meshlift_model::action::{ActionKind, Move, MoveHow};
use meshlift_model::defaults::{DRY_RUN_PROOFS, POLL_SECONDS, RESTARTED_AT, ROLLOUT_SECONDS_MAX};
use meshlift_model::effect::{Change, EffectId, InjectionProof, PodView, WorkloadView};
use meshlift_model::journal::Undo;
use meshlift_model::names::ObjectRef;

use super::{back, undo_began};
use crate::actions::{eviction, settled};
use crate::cohort::Cohort;
use crate::gates::settle_seconds;
use crate::ledger::Intended;
use crate::look::{Look, unbound};
use crate::next::{Judged, Next};
use crate::preconditions::template_kept;

/// Seconds in which dry-run creations may still name the new revision.
const AGREE_SECONDS_MAX: i64 = 60;

/// Passes once no pod of the workload is on the new revision and all that should be there are Ready.
pub(crate) fn judge(look: &Look<'_>, index: usize, id: EffectId) -> Judged<()> {
    let action = look.ledger.action(look.step, index);
    let ActionKind::Move(workload) = &action.kind else { return Ok(()) };
    let since = undo_began(look, index);
    let seconds_max = workload.seconds_max.max(ROLLOUT_SECONDS_MAX);
    let restarted = look.landed(index).any(|(_, intent)| intent.restarts());
    let Some(view) = look.workload(&workload.workload)? else {
        return if restarted { Err(recreate(look, index, id, workload)?) } else { Ok(()) };
    };
    let revision = &workload.revision;
    let cohort = look.cohort(view, revision);
    if stays(look, workload) {
        return stay(look, index, id, workload, &cohort);
    }
    let template_is_back = template_is_back(look, index, view)?;
    let rolled = workload.how != MoveHow::Rollout || (template_is_back && cohort.is_rolled_out());
    let complete = cohort.living().count() >= cohort.desired();
    let moved_on = |pod: &&PodView| pod.revision.as_ref() == Some(revision);
    let left = cohort.living().filter(moved_on).count();
    if !restarted && left == 0 {
        return Ok(());
    }
    if rolled && complete && left == 0 && cohort.living().all(|pod| cohort.is_available(pod)) {
        return Ok(());
    }
    let begun = look
        .ledger
        .backward(look.step)
        .any(|(_, intent)| intent.action == index && intent.reverses == Some(id));
    if !begun {
        prove_old(look, workload, Template::Live)?;
    }
    if !template_is_back {
        template_kept(action, view)?;
        return Err(back(look.bound_to(former_template(look, index, view)?, view), id));
    }
    if let Some(pod) = stuck_pod(&cohort, workload) {
        return Err(back(delete(&workload.workload, pod), id));
    }
    let leaving = view.pods.iter().any(|pod| pod.terminating);
    let others_are_fine = cohort.living().filter(|pod| !moved_on(pod)).all(|pod| cohort.is_available(pod));
    if let Some(pod) = cohort.living().find(moved_on)
        && (restarted || keeps_floor(&cohort, workload, pod))
        && rolled
        && complete
        && !leaving
        && others_are_fine
    {
        return Err(replace(look, id, workload, view, pod));
    }
    let why = format!("{}: {left} pods are still on {revision}", view.workload);
    Err(look.wait(since, seconds_max, why))
}

/// True where the selector named the new revision before us: no old pod can be made again.
fn stays(look: &Look<'_>, workload: &Move) -> bool {
    !look.plan().selects_for(look.step, &workload.workload.namespace)
}

/// What has moved stays so, as the plan's header says. Old pods that are left are kept: by the template's former
/// value, while it rolls.
fn stay(look: &Look<'_>, index: usize, id: EffectId, workload: &Move, cohort: &Cohort<'_>) -> Judged<()> {
    let (view, since) = (cohort.view, undo_began(look, index));
    let rolls = workload.how == MoveHow::Rollout && !cohort.is_rolled_out();
    if rolls && !template_is_back(look, index, view)? {
        template_kept(look.ledger.action(look.step, index), view)?;
        return Err(back(look.bound_to(former_template(look, index, view)?, view), id));
    }
    if let Some(pod) = stuck_pod(cohort, workload).filter(|pod| rolls && pod.created < since) {
        return Err(back(delete(&workload.workload, pod), id));
    }
    let complete = cohort.living().count() >= cohort.desired();
    if !rolls && complete && cohort.living().all(|pod| cohort.is_available(pod)) {
        return Ok(());
    }
    let seconds_max = workload.seconds_max.max(ROLLOUT_SECONDS_MAX);
    Err(look.wait(since, seconds_max, format!("{}: its pods are not all Ready", view.workload)))
}

/// A pod that moved by itself goes only while the others are as many as the plan announced: nothing was done so
/// that its workload can do without it.
fn keeps_floor(cohort: &Cohort<'_>, workload: &Move, pod: &PodView) -> bool {
    let others = cohort.living().filter(|other| other.uid != pod.uid && cohort.is_available(other)).count();
    pod.ready_since.is_none() || i32::try_from(others).is_ok_and(|others| others >= workload.ready_min)
}

/// What dry-run creations are made from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Template {
    Live,
    /// A bare pod that is not there: nothing can be tried, and nothing serves that could be lost.
    Gone,
}

/// New pods must not get the new revision any more, else returning would not return.
fn prove_old(look: &Look<'_>, workload: &Move, template: Template) -> Judged<()> {
    settled(look, settle_seconds(look.plan()))?;
    let subject = &workload.workload;
    let proofs = look.dry_run(&subject.namespace, std::slice::from_ref(subject), DRY_RUN_PROOFS)?;
    // No word of a revision and a refusal: the injector that would have to take the pods back does not answer.
    let unanswered = |proof: &&InjectionProof| proof.revision.is_none() && proof.refused.is_some();
    let refused = proofs.iter().find(unanswered).filter(|_| template == Template::Live);
    let new = proofs.iter().filter(|proof| proof.revision.as_ref() == Some(&workload.revision)).count();
    if new == 0 && refused.is_none() && proofs.len() == DRY_RUN_PROOFS {
        return Ok(());
    }
    let why = match refused.and_then(|proof| proof.refused.as_deref()) {
        Some(words) => format!("new pods of {subject} would be refused: {words}"),
        None => format!("new pods of {subject} would get {} again", workload.revision),
    };
    if look.now >= look.began.plus_seconds(AGREE_SECONDS_MAX) {
        return Err(Next::hold(why));
    }
    Err(look.wait_until(look.now.plus_seconds(POLL_SECONDS), why))
}

fn restarts<'a>(look: &Look<'a>, index: usize) -> impl Iterator<Item = &'a Intended> {
    look.landed(index)
        .map(|(_, intent)| intent)
        .filter(|intent| matches!(intent.write.change, Change::TemplateAnnotation { .. }))
}

/// The template's restart annotation before we touched it.
fn former_value(intent: &Intended) -> Option<&String> {
    let Undo::Inverse { writes } = &intent.undo else { return None };
    writes.iter().find_map(|write| {
        let Change::TemplateAnnotation { value, .. } = &write.change else { return None };
        value.as_ref()
    })
}

fn template_is_back(look: &Look<'_>, index: usize, view: &WorkloadView) -> Judged<bool> {
    let Some(first) = restarts(look, index).next() else { return Ok(true) };
    if view.restarted_at.as_ref() == former_value(first) {
        return Ok(true);
    }
    let ours = restarts(look, index).any(|intent| {
        matches!(&intent.write.change, Change::TemplateAnnotation { value, .. } if *value == view.restarted_at)
    });
    if ours { Ok(false) } else { Err(Next::hold(format!("somebody restarted {} after us", view.workload))) }
}

fn former_template(
    look: &Look<'_>,
    index: usize,
    view: &WorkloadView,
) -> Judged<meshlift_model::effect::Write> {
    let first = restarts(look, index).next();
    let value = first.and_then(former_value).cloned();
    let change = Change::TemplateAnnotation { key: RESTARTED_AT.to_owned(), value };
    Ok(unbound(&view.workload, change))
}

/// A StatefulSet does not roll back past a pod that never became Ready: that one pod is deleted.
fn stuck_pod<'a>(cohort: &Cohort<'a>, workload: &Move) -> Option<&'a PodView> {
    let is_set = workload.workload.kind == "StatefulSet" && cohort.is_observed();
    let stuck = |pod: &&PodView| pod.revision.as_ref() == Some(cohort.revision) && pod.ready_since.is_none();
    is_set.then(|| cohort.living().find(stuck)).flatten()
}

fn delete(workload: &ObjectRef, pod: &PodView) -> meshlift_model::effect::Write {
    let mut write = unbound(&ObjectRef::new("Pod", &workload.namespace, &pod.name), Change::Delete);
    write.uid = Some(pod.uid.clone());
    write
}

/// One pod on the new revision makes place for one on the old: evicted while it serves, deleted while not.
fn replace(look: &Look<'_>, id: EffectId, workload: &Move, view: &WorkloadView, pod: &PodView) -> Next {
    if workload.how == MoveHow::RecreatePod {
        return back(look.bound_to(unbound(&workload.workload, Change::RecreatePod), view), id);
    }
    if pod.ready_since.is_none() {
        return back(delete(&workload.workload, pod), id);
    }
    back(eviction(&workload.workload, pod), id)
}

/// A bare pod that is gone is created from what the journal stored of it.
fn recreate(look: &Look<'_>, index: usize, id: EffectId, workload: &Move) -> Judged<Next> {
    let since = undo_began(look, index);
    let created = look.ledger.backward(look.step).any(|(_, intent)| {
        intent.reverses == Some(id) && intent.is_done() && intent.write.target == workload.workload
    });
    if created {
        let why = format!("{} is not there yet", workload.workload);
        return Ok(look.wait(since, ROLLOUT_SECONDS_MAX, why));
    }
    let stored = look.landed(index).find_map(|(_, intent)| match &intent.undo {
        Undo::Inverse { writes } => {
            writes.iter().find(|write| matches!(write.change, Change::Restore { .. })).cloned()
        }
        Undo::RestoreStored | Undo::ForwardOnly { .. } | Undo::NotNeeded => None,
    });
    let gone = || Next::hold(format!("{} is gone", workload.workload));
    if !stays(look, workload) {
        prove_old(look, workload, Template::Gone)?;
    }
    Ok(back(stored.ok_or_else(gone)?, id))
}
