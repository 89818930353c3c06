//! Point a namespace at another revision or tag: one patch, so that no pod ever has two injectors or none.

use meshlift_model::action::{Action, Selector};
use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL};
use meshlift_model::effect::Change;
use meshlift_model::names::ObjectRef;
use meshlift_model::plant::{Plant, is_planted};

use crate::in_place::{in_place, rebound, selector_labels};
use crate::look::{Look, unbound};
use crate::next::{Judged, Next, inverse};
use crate::preconditions;

pub(crate) fn judge(
    look: &Look<'_>,
    index: usize,
    action: &Action,
    namespace: &str,
    from: &Selector,
    to: &Selector,
) -> Judged {
    let target = ObjectRef::cluster("Namespace", namespace);
    let write = |selector| unbound(&target, Change::Labels { labels: selector_labels(selector) });
    if in_place(look, &write(to))? {
        return Ok(Next::Done(format!("namespace {namespace} has {to}")));
    }
    if is_planted(Plant::TwoLabels)
        && let Some(label) = half(look, &target, from, to)?
    {
        return Ok(Next::write(rebound(look, &unbound(&target, label))?, inverse(write(from))));
    }
    preconditions::hold(look, index, action)?;
    if !in_place(look, &write(from))? {
        return Err(Next::hold(format!("namespace {namespace} no longer has {from}")));
    }
    Ok(Next::write(rebound(look, &write(to))?, inverse(write(from))))
}

/// The planted mistake: the next of two patches, of which the first leaves a namespace with both labels.
fn half(look: &Look<'_>, target: &ObjectRef, from: &Selector, to: &Selector) -> Judged<Option<Change>> {
    if from.injection.is_none() || to.injection.is_some() {
        return Ok(None);
    }
    let is_first = look.present(target)?.meta().label(REV_LABEL) != to.rev.as_deref();
    let (key, value) = if is_first { (REV_LABEL, to.rev.clone()) } else { (INJECTION_LABEL, None) };
    Ok(Some(Change::Labels { labels: [(key.to_owned(), value)].into() }))
}
