//! Point a namespace at another revision or tag: one patch, so that no pod ever has two injectors or none.

use meshlift_model::action::{Action, Selector};
use meshlift_model::effect::Change;
use meshlift_model::names::ObjectRef;

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
    preconditions::hold(look, index, action)?;
    if !in_place(look, &write(from))? {
        return Err(Next::hold(format!("namespace {namespace} no longer has {from}")));
    }
    Ok(Next::write(rebound(look, &write(to))?, inverse(write(from))))
}
