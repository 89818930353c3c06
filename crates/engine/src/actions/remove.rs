//! Remove a revision by proof: nobody needs it, and each object is in the journal before it goes.

use meshlift_model::action::Action;
use meshlift_model::effect::{Change, Write};
use meshlift_model::journal::Undo;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::plant::{Plant, is_planted};

use super::tag::restore;
use crate::look::{Look, unbound};
use crate::next::{Judged, Next};
use crate::preconditions::{self, no_consumers};

pub(crate) fn judge(
    look: &Look<'_>,
    index: usize,
    action: &Action,
    revision: &RevisionName,
    objects: &[ObjectRef],
) -> Judged {
    for object in objects {
        let Some(meta) = look.meta(object)? else { continue };
        if meta.deletion_timestamp.is_some() {
            return Err(look.wait_for_action(index, format!("{object} is on its way out")));
        }
        // Once the first object is gone the revision serves nobody any more; the proof stands before that.
        if look.landed(index).next().is_none() && !is_planted(Plant::OldRevisionRemovedEarly) {
            no_consumers(look, look.action_began(index), revision)?;
        }
        preconditions::hold(look, index, action)?;
        let writes: Vec<Write> = look.stored(object)?.iter().filter_map(restore).collect();
        let undo = if writes.is_empty() { Undo::RestoreStored } else { Undo::Inverse { writes } };
        let mut write = unbound(object, Change::Delete);
        write.uid = Some(meta.uid.clone()).filter(|uid| !uid.is_empty());
        return Ok(Next::write(write, undo));
    }
    Ok(Next::Done(format!("{} objects of {revision} are gone", objects.len())))
}
