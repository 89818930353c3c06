//! What must hold right before a write, read again each time (law 4).

use meshlift_model::action::{Action, ActionKind, Cure, Precondition, Selector};
use meshlift_model::effect::{Change, Query, WorkloadView};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::plant::{Plant, is_planted};
use meshlift_model::time::Time;

use crate::look::Look;
use crate::next::{Judged, Next};
use crate::others;

/// Passes if all preconditions of the action hold; names the first that does not.
pub(crate) fn hold(look: &Look<'_>, index: usize, action: &Action) -> Judged<()> {
    for precondition in &action.preconditions {
        if !is_ours_to_break(look, index, action, precondition) {
            check(look, index, precondition)?;
        }
    }
    Ok(())
}

/// What the action itself changed before (a cure's replicas, half-removed objects) is no surprise.
fn is_ours_to_break(look: &Look<'_>, index: usize, action: &Action, precondition: &Precondition) -> bool {
    match precondition {
        Precondition::ReplicasAre { object, .. } => {
            let scaled =
                |change: &Change| matches!(change, Change::Replicas { .. } | Change::AutoscalerMin { .. });
            let ours = matches!(&action.kind, ActionKind::Move(workload)
                if workload.workload == *object && workload.cures.iter().any(is_scale_up));
            ours && look.landed(index).any(|(_, intent)| scaled(&intent.write.change))
        }
        // Creating and deleting goes object by object: the first ones are gone, or there, by our own hand.
        Precondition::Absent { .. } | Precondition::NoConsumers { .. } | Precondition::NoFollowers { .. } => {
            look.landed(index).next().is_some()
        }
        Precondition::Exists { object, .. } => {
            look.landed(index).any(|(_, intent)| intent.write.target == *object)
                && matches!(action.kind, ActionKind::RemoveRevision { .. })
        }
        Precondition::SelectorIs { .. }
        | Precondition::TagIs { .. }
        | Precondition::TemplateIs { .. }
        | Precondition::RevisionReady { .. } => false,
    }
}

fn is_scale_up(cure: &Cure) -> bool {
    matches!(cure, Cure::ScaleUp { .. })
}

fn check(look: &Look<'_>, index: usize, precondition: &Precondition) -> Judged<()> {
    match precondition {
        Precondition::Exists { object, uid } => {
            let meta = look.present(object)?.meta();
            let same = uid.as_ref().is_none_or(|uid| meta.uid == *uid);
            require(same, || format!("{object} is not the one that was planned for: its uid is {}", meta.uid))
        }
        Precondition::Absent { object } => {
            let there = look.object(object)?.is_some();
            require(!there, || format!("{object} is there, though the plan was made without it"))
        }
        Precondition::SelectorIs { namespace, selector } => {
            let meta = look.present(&ObjectRef::cluster("Namespace", namespace))?.meta();
            let now = Selector::of(meta);
            if now == *selector {
                return Ok(());
            }
            others::selector_kept(look, namespace)?;
            Err(Next::hold(format!("namespace {namespace} no longer has {selector}; somebody gave it {now}")))
        }
        Precondition::TagIs { tag, revision } => {
            let forms = look.tag(tag)?;
            let wanted = revision.as_ref();
            require(forms == (wanted, wanted), || {
                let text = |revision: Option<_>| revision.map_or("nothing".to_owned(), ToString::to_string);
                let (webhook, service) = (text(forms.0), text(forms.1));
                format!("tag {tag}: webhook points at {webhook}, Service at {service}")
            })
        }
        Precondition::ReplicasAre { object, replicas } => {
            let now = look.present_workload(object)?.replicas;
            // More pods than planned for keep every floor that was announced.
            let moves = matches!(look.ledger.action(look.step, index).kind, ActionKind::Move(_));
            let enough = now == *replicas || (moves && now > *replicas);
            require(enough, || format!("{object} has {now} replicas, planned for {replicas}"))
        }
        Precondition::TemplateIs { object, digest } => template_is(look.present_workload(object)?, digest),
        Precondition::RevisionReady { revision } => {
            let ready = look.revision(revision)?.is_some_and(|view| view.ready > 0);
            if ready {
                Ok(())
            } else {
                Err(look.wait_for_action(index, format!("no istiod of {revision} is ready")))
            }
        }
        Precondition::NoConsumers { revision } => no_consumers(look, look.action_began(index), revision),
        Precondition::NoFollowers { tag } => no_followers(look, look.action_began(index), tag),
    }
}

fn template_is(view: &WorkloadView, digest: &str) -> Judged<()> {
    require(view.template_digest == digest, || {
        format!("the template of {} changed since the plan was made", view.workload)
    })
}

/// While a workload rolls, its template must stay the one that was planned for.
pub(crate) fn template_kept(action: &Action, view: &WorkloadView) -> Judged<()> {
    for precondition in &action.preconditions {
        if let Precondition::TemplateIs { object, digest } = precondition
            && *object == view.workload
        {
            template_is(view, digest)?;
        }
    }
    Ok(())
}

/// Nothing needs the revision; pods on their way out are given time to leave.
pub(crate) fn no_consumers(look: &Look<'_>, since: Time, revision: &RevisionName) -> Judged<()> {
    let query = Query::Consumers { revision: revision.clone() };
    look.patiently(since, nobody(look, query, &format!("revision {revision}")))
}

/// Nothing follows the tag.
pub(crate) fn no_followers(look: &Look<'_>, since: Time, tag: &TagName) -> Judged<()> {
    let query = Query::Followers { tag: tag.clone() };
    look.patiently(since, nobody(look, query, &format!("tag {tag}")))
}

/// Nobody needs it, and every source could be read; else the step holds (laws 8 and 11).
pub(crate) fn nobody(look: &Look<'_>, query: Query, what: &str) -> Judged<()> {
    let (mut consumers, unknown) = look.consumers(query)?;
    let by_objects: Vec<String>;
    if is_planted(Plant::CleanupOnOneSource) {
        by_objects = consumers.iter().filter(|who| !who.ends_with("(connection)")).cloned().collect();
        consumers = &by_objects;
    }
    require(unknown.is_empty(), || {
        format!("who needs {what} is unknown: {} could not be read", unknown.join(", "))
    })?;
    require(consumers.is_empty(), || format!("{what} is still needed by {}", some_of(consumers)))
}

/// The first few of a list, and how many more.
pub(crate) fn some_of(names: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn require(holds: bool, why: impl FnOnce() -> String) -> Judged<()> {
    if holds { Ok(()) } else { Err(Next::hold(why())) }
}
