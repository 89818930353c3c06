//! One file per action. Each is a judgement: what was read decides what comes next.
//!
//! Nothing of an action is remembered but its journal. Whoever judges it again, at any moment and in any
//! process, finds what is done done, and goes on from there.

mod crds;
mod delete_pods;
mod install;
mod prove;
mod recreate;
mod remove;
mod rollout;
mod scale;
mod select;
mod tag;

use meshlift_model::action::{ActionKind, MoveHow};

use crate::look::Look;
use crate::next::{Judged, Next};

/// Judges an action of the step at work.
pub(crate) fn judge(look: &Look<'_>, index: usize) -> Next {
    match dispatch(look, index) {
        Ok(next) | Err(next) => next,
    }
}

fn dispatch(look: &Look<'_>, index: usize) -> Judged {
    let action = look.ledger.action(look.step, index);
    match &action.kind {
        ActionKind::ApplyCrds { manifest_digest, .. } => crds::judge(look, index, action, manifest_digest),
        ActionKind::InstallRevision { manifest_digest, revision, replicas_min, creates } => install::judge(
            look,
            index,
            action,
            install::Install { manifest_digest, revision, replicas_min: *replicas_min, creates },
        ),
        ActionKind::SelectRevision { namespace, from, to } => {
            select::judge(look, index, action, namespace, from, to)
        }
        ActionKind::ProveInjection { namespace, revision, workloads, settle_seconds, proofs } => {
            prove::judge(
                look,
                prove::Proof {
                    namespace,
                    revision: Some(revision),
                    workloads,
                    settle_seconds: *settle_seconds,
                    count: *proofs,
                },
            )
        }
        ActionKind::Move(workload) => match workload.how {
            MoveHow::Rollout | MoveHow::AwaitRollout => rollout::judge(look, index, action, workload),
            MoveHow::DeletePods => delete_pods::judge(look, index, action, workload),
            MoveHow::RecreatePod => recreate::judge(look, index, action, workload),
        },
        ActionKind::SetTag { tag, from, to } => tag::set(look, index, action, tag, from.as_ref(), to),
        ActionKind::RemoveTag { tag, from } => tag::remove(look, index, action, tag, from),
        ActionKind::Scale { workload, from, to } => scale::judge(look, index, action, workload, *from, *to),
        ActionKind::RemoveRevision { revision, objects } => {
            remove::judge(look, index, action, revision, objects)
        }
    }
}

pub(crate) use delete_pods::eviction;
pub(crate) use install::not_ready;
pub(crate) use prove::{Proof, judge as prove, settled};
pub(crate) use scale::not_scaled;
pub(crate) use tag::restore;
