//! Point a tag at another revision, or remove it; both forms (webhook and Service) are verified.

use meshlift_model::action::Action;
use meshlift_model::effect::{Change, Write};
use meshlift_model::journal::Undo;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plant::{Plant, is_planted};

use crate::in_place::in_place;
use crate::look::{Look, unbound};
use crate::next::{Judged, Next, inverse};
use crate::preconditions::{self, no_followers};

pub(crate) fn set(
    look: &Look<'_>,
    index: usize,
    action: &Action,
    tag: &TagName,
    from: Option<&RevisionName>,
    to: &RevisionName,
) -> Judged {
    let target = ObjectRef::cluster("RevisionTag", tag.as_str());
    let write = unbound(&target, Change::SetTag { revision: to.clone() });
    if in_place(look, &write)? {
        return Ok(Next::Done(format!("tag {tag} points at {to}")));
    }
    if is_planted(Plant::TagMovedWithoutWebhook) {
        let is_gone = look.tag(tag)? == (None, None);
        let write = if is_gone { write } else { unbound(&target, Change::RemoveTag) };
        return Ok(Next::write(write, Undo::NotNeeded));
    }
    if look.landed(index).any(|(_, intent)| intent.is_done()) && look.tag(tag)? != (from, from) {
        return Err(look.wait_for_action(index, format!("webhook and Service of tag {tag} do not agree yet")));
    }
    preconditions::hold(look, index, action)?;
    let forms = look.tag(tag)?;
    let half_done = look.landed(index).next().is_some();
    if forms != (from, from) && !half_done {
        return Err(Next::hold(format!("tag {tag} changed since the plan was made")));
    }
    let back = match from {
        Some(revision) => Change::SetTag { revision: revision.clone() },
        None => Change::RemoveTag,
    };
    Ok(Next::write(write, inverse(unbound(&target, back))))
}

pub(crate) fn remove(
    look: &Look<'_>,
    index: usize,
    action: &Action,
    tag: &TagName,
    from: &RevisionName,
) -> Judged {
    let target = ObjectRef::cluster("RevisionTag", tag.as_str());
    let write = unbound(&target, Change::RemoveTag);
    if in_place(look, &write)? {
        return Ok(Next::Done(format!("tag {tag} is gone")));
    }
    preconditions::hold(look, index, action)?;
    no_followers(look, look.action_began(index), tag)?;
    let writes: Vec<Write> = look.stored(&target)?.iter().filter_map(restore).collect();
    let undo = if writes.is_empty() {
        inverse(unbound(&target, Change::SetTag { revision: from.clone() }))
    } else {
        Undo::Inverse { writes }
    };
    Ok(Next::write(write, undo))
}

/// The write that creates a stored object again; nothing if it does not say what it is.
pub(crate) fn restore(stored: &serde_json::Value) -> Option<Write> {
    let text = |pointer: &str| stored.pointer(pointer).and_then(serde_json::Value::as_str);
    let target = ObjectRef::new(
        text("/kind")?,
        text("/metadata/namespace").unwrap_or_default(),
        text("/metadata/name")?,
    );
    Some(unbound(&target, Change::Restore { stored: stored.clone() }))
}
