//! Apply the revision's objects beside the old ones, then wait until its istiods are ready.

use meshlift_model::action::Action;
use meshlift_model::effect::{Change, RevisionView, Write};
use meshlift_model::journal::Undo;
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};

use crate::look::{Look, unbound};
use crate::next::{Judged, Next};
use crate::preconditions;

/// The action's fields.
pub(crate) struct Install<'a> {
    pub(crate) manifest_digest: &'a str,
    pub(crate) revision: &'a RevisionName,
    pub(crate) replicas_min: i32,
    pub(crate) creates: &'a [ObjectRef],
}

pub(crate) fn judge(look: &Look<'_>, index: usize, action: &Action, install: Install<'_>) -> Judged {
    let applied = look.landed(index).any(|(_, intent)| intent.is_done());
    if !applied {
        preconditions::hold(look, index, action)?;
        let change = Change::InstallRevision {
            manifest_digest: install.manifest_digest.to_owned(),
            replicas_min: install.replicas_min,
        };
        let remove = |object: &ObjectRef| unbound(object, Change::Delete);
        let writes: Vec<Write> = install.creates.iter().rev().map(remove).collect();
        return Ok(Next::write(unbound(&action.kind.subject(), change), Undo::Inverse { writes }));
    }
    let view = look.revision(install.revision)?;
    match not_ready(view, install.replicas_min, &look.plan().target) {
        None => Ok(Next::Done(format!("istiods of {} are ready", install.revision))),
        Some(why) => Err(look.wait_for_action(index, format!("revision {}: {why}", install.revision))),
    }
}

/// Why a revision cannot serve yet.
pub(crate) fn not_ready(
    view: Option<&RevisionView>,
    ready_min: i32,
    version: &IstioVersion,
) -> Option<String> {
    let Some(view) = view else { return Some("it is not there".to_owned()) };
    if view.ready < ready_min {
        return Some(format!("{} of {ready_min} istiods are ready", view.ready));
    }
    match &view.version {
        Some(found) if found == version => None,
        Some(found) => Some(format!("its istiods say that they are {found}")),
        None => Some("its istiods do not tell their version".to_owned()),
    }
}
