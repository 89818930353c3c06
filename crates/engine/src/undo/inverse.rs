//! One write, taken back by the inverse that its intent carries.

use meshlift_model::action::ActionKind;
use meshlift_model::defaults::ROLLOUT_SECONDS_MAX;
use meshlift_model::effect::{Change, EffectId, Outcome, Write};
use meshlift_model::journal::Undo;
use meshlift_model::names::RevisionName;

use super::{back, undo_began};
use crate::actions::{not_scaled, restore};
use crate::cures::{Short, enough_ready};
use crate::in_place::{in_place, rebound};
use crate::ledger::Intended;
use crate::look::Look;
use crate::next::{Judged, Next};
use crate::preconditions::no_consumers;

/// Passes once the write is taken back and that has its effect.
pub(crate) fn judge(look: &Look<'_>, index: usize, id: EffectId, intent: &Intended) -> Judged<()> {
    for write in inverse_writes(intent)? {
        if !in_place(look, &write)? {
            return Err(take_back(look, index, id, intent, &write)?);
        }
        has_effect(look, index, &write)?;
    }
    Ok(())
}

fn inverse_writes(intent: &Intended) -> Judged<Vec<Write>> {
    inverse_of(intent)
        .ok_or_else(|| Next::hold(format!("{} was not stored before it went", intent.write.target)))
}

/// Writes that take a write back; absent where what went was not stored.
pub(crate) fn inverse_of(intent: &Intended) -> Option<Vec<Write>> {
    match &intent.undo {
        Undo::Inverse { writes } => Some(writes.clone()),
        Undo::NotNeeded | Undo::ForwardOnly { .. } => Some(Vec::new()),
        Undo::RestoreStored => match &intent.outcome {
            Some(Outcome::Done { stored }) if !stored.is_empty() => {
                Some(stored.iter().filter_map(restore).collect())
            }
            Some(Outcome::Done { .. } | Outcome::Observed { .. } | Outcome::Failed { .. }) | None => None,
        },
    }
}

fn take_back(look: &Look<'_>, index: usize, id: EffectId, intent: &Intended, write: &Write) -> Judged<Next> {
    let written = look.ledger.backward(look.step).any(|(_, earlier)| {
        earlier.is_done() && earlier.write.change == write.change && earlier.write.target == write.target
    });
    if written {
        let why = format!("{} is not as it was before yet", write.target);
        return Ok(look.wait(undo_began(look, index), ROLLOUT_SECONDS_MAX, why));
    }
    if is_one_value(&intent.write.change) && !in_place(look, &intent.write)? {
        return Err(Next::hold(format!("somebody changed {} after us", write.target)));
    }
    if matches!(intent.write.change, Change::InstallRevision { .. })
        && !look.ledger.backward(look.step).any(|(_, earlier)| earlier.reverses == Some(id))
    {
        let revision = RevisionName::new(&intent.write.target.name);
        no_consumers(look, undo_began(look, index), &revision)?;
    }
    Ok(back(rebound(look, write)?, id))
}

/// Changes of one value: it is either ours, or what it was, or somebody else's.
fn is_one_value(change: &Change) -> bool {
    match change {
        Change::Labels { .. }
        | Change::Replicas { .. }
        | Change::AutoscalerMin { .. }
        | Change::Partition { .. }
        | Change::Strategy { .. }
        | Change::Quota { .. } => true,
        Change::TemplateAnnotation { .. }
        | Change::Evict
        | Change::Delete
        | Change::RecreatePod
        | Change::Restore { .. }
        | Change::ApplyCrds { .. }
        | Change::InstallRevision { .. }
        | Change::SetTag { .. }
        | Change::RemoveTag => false,
    }
}

/// Replicas that come back are awaited: the workload, or the istiod, is needed at full strength.
fn has_effect(look: &Look<'_>, index: usize, write: &Write) -> Judged<()> {
    let (Change::Replicas { replicas } | Change::AutoscalerMin { replicas }) = &write.change else {
        return Ok(());
    };
    let since = undo_began(look, index);
    match &look.ledger.action(look.step, index).kind {
        ActionKind::Move(workload) => enough_ready(look, workload, *replicas).map_err(|short| match short {
            Short::Pods(why) => look.wait(since, workload.seconds_max, why),
            Short::Next(next) => next,
        }),
        ActionKind::Scale { workload, .. } => match not_scaled(look.present_workload(workload)?, *replicas) {
            Some(why) => Err(look.wait(since, ROLLOUT_SECONDS_MAX, why)),
            None => Ok(()),
        },
        ActionKind::ApplyCrds { .. }
        | ActionKind::InstallRevision { .. }
        | ActionKind::SelectRevision { .. }
        | ActionKind::ProveInjection { .. }
        | ActionKind::SetTag { .. }
        | ActionKind::RemoveTag { .. }
        | ActionKind::RemoveRevision { .. } => Ok(()),
    }
}
