//! Apply the CRDs of the target's manifest. Forward-only: old istiods read them too.

use meshlift_model::action::Action;
use meshlift_model::effect::Change;
use meshlift_model::journal::Undo;

use crate::look::{Look, unbound};
use crate::next::{Judged, Next};
use crate::preconditions;

pub(crate) fn judge(look: &Look<'_>, index: usize, action: &Action, manifest_digest: &str) -> Judged {
    if look.landed(index).any(|(_, intent)| intent.is_done()) {
        return Ok(Next::Done("the CRDs are applied".to_owned()));
    }
    preconditions::hold(look, index, action)?;
    let change = Change::ApplyCrds { manifest_digest: manifest_digest.to_owned() };
    let why = "CRDs are never downgraded: objects may be stored in their newest version".to_owned();
    Ok(Next::write(unbound(&action.kind.subject(), change), Undo::ForwardOnly { why }))
}
