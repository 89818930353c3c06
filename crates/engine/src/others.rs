//! Other hands: what they took back of what the run wrote, and whose they may be. A run does not fight for a
//! field: whoever writes it has to stop first.

use meshlift_model::effect::PodView;
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::WaitingOn;

use crate::cohort::Cohort;
use crate::in_place::in_place;
use crate::ledger::Intended;
use crate::look::Look;
use crate::next::{Judged, Next, Trouble};

/// Code of what waits for them.
const CODE: &str = "ML9532";

/// A pod with another revision than was proven says nothing of the new cohort where somebody pointed its
/// namespace elsewhere since.
pub(crate) fn stop_if_wrong(
    look: &Look<'_>,
    cohort: &Cohort<'_>,
    is_new: impl Fn(&PodView) -> bool,
) -> Judged<()> {
    let Err(wrong) = cohort.stop_if_wrong(is_new) else { return Ok(()) };
    selector_kept(look, &cohort.view.workload.namespace)?;
    Err(wrong)
}

/// Passes while the namespace has the selector that the step gave it, if it gave it one.
pub(crate) fn selector_kept(look: &Look<'_>, namespace: &str) -> Judged<()> {
    let subject = ObjectRef::cluster("Namespace", namespace);
    let is_ours = |intent: &&Intended| intent.write.target == subject && intent.is_done();
    let ours = look.ledger.forward(look.step).map(|(_, intent)| intent).rfind(is_ours);
    let Some(intent) = ours else { return Ok(()) };
    if in_place(look, &intent.write)? {
        return Ok(());
    }
    let what = format!("somebody pointed {subject} elsewhere while its workloads moved");
    Err(Next::Fail(waits(&subject, &what, applier(look, &subject)?)))
}

/// Waits for whoever took a workload's restart back.
pub(crate) fn took_the_restart_back(look: &Look<'_>, workload: &ObjectRef) -> Judged<Trouble> {
    Ok(waits(workload, &format!("somebody took the restart of {workload} back"), applier(look, workload)?))
}

/// Waits for whoever takes a change back each time that it is made.
pub(crate) fn takes_back(look: &Look<'_>, target: &ObjectRef, times: u32) -> Trouble {
    // What was not read is not asked for: the reason stands without a name too.
    let applier = applier(look, target).unwrap_or_default();
    waits(target, &format!("{target} was written {times} times and does not stay so"), applier)
}

/// Who applies the object, as far as its marks tell.
fn applier(look: &Look<'_>, object: &ObjectRef) -> Judged<Option<String>> {
    Ok(look.meta(object)?.and_then(|meta| meta.gitops()))
}

fn waits(subject: &ObjectRef, what: &str, applier: Option<String>) -> Trouble {
    let reason = match applier {
        Some(applier) => {
            format!("{what}; {applier} applies it: pause that, or let it leave this field alone, then resume")
        }
        None => what.to_owned(),
    };
    Trouble::awaits(WaitingOn { code: Some(CODE.to_owned()), ..WaitingOn::new(subject.clone(), reason) })
}
