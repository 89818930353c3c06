//! Removal by proof: tags that the intent lists, then old revisions; each object is stored first.

use std::collections::BTreeSet;

use meshlift_mesh::{Follows, Tag};
use meshlift_model::action::{Action, ActionKind, Precondition};
use meshlift_model::plan::{Gate, Layer, Person, Stage, StepUndo};
use meshlift_model::plant::{Plant, is_planted};

use super::draft::{Draft, count};
use crate::times::{ISTIOD_SECONDS, WRITE_SECONDS};

pub(super) fn run(draft: &mut Draft<'_, '_>) -> String {
    let early = is_planted(Plant::OldRevisionRemovedEarly);
    let tags = if early { Vec::new() } else { removed_tags(draft) };
    let leaving = draft.leaving();
    if tags.is_empty() && leaving.is_empty() {
        return "nothing may be removed yet, or nothing is left to remove".to_owned();
    }
    let mut actions: Vec<Action> = tags.iter().filter_map(|tag| remove_tag(tag)).collect();
    let mut objects = 0;
    for (index, revision) in leaving.iter().enumerate() {
        objects += revision.objects.len();
        let (name, phase) = (&revision.name, u32::try_from(index + 1).unwrap_or(u32::MAX));
        actions.push(Action {
            phase,
            kind: ActionKind::RemoveRevision { revision: name.clone(), objects: revision.objects.clone() },
            preconditions: vec![
                Precondition::NoConsumers { revision: name.clone() },
                Precondition::RevisionReady { revision: draft.situation.revision.clone() },
            ],
        });
    }
    let mut what: Vec<String> =
        leaving.iter().map(|revision| format!("revision {}", revision.name)).collect();
    what.extend(tags.iter().map(|tag| format!("tag {}", tag.name)));
    let mut step =
        draft.step("cleanup", Stage::Cleanup, Layer::ControlPlane, format!("remove {}", what.join(", ")));
    step.reason = "shown by API objects and by istiods' connections, asked again right before".to_owned();
    step.person = Some(Person {
        why: format!("approve the removal of {} ({})", what.join(" and "), count(objects, "object")),
        commands: Vec::new(),
        approval: true,
    });
    let consumers = leaving.iter().map(|revision| Gate::NoConsumers { revision: revision.name.clone() });
    step.gates = consumers.chain([Gate::NoNewFindings]).collect();
    step.undo =
        StepUndo::Inverse { how: "each object was stored in the run and is created again".to_owned() };
    step.undo_seconds = ISTIOD_SECONDS;
    step.expected_seconds = WRITE_SECONDS * i64::try_from(objects + actions.len()).unwrap_or(i64::MAX);
    if early {
        actions.iter_mut().for_each(|action| action.preconditions.clear());
        step.gates.clear();
    }
    step.actions = actions;
    draft.need_all(&mut step);
    draft.push(step);
    "nothing needs them any more".to_owned()
}

/// Tags that the intent removes, that this plan leaves without a follower, and whose revision leaves or stays for good.
fn removed_tags<'p>(draft: &Draft<'p, '_>) -> Vec<&'p Tag> {
    let survey = draft.survey;
    let wanted = &draft.situation.intent.remove_tags;
    let kept = |tag: &Tag| tag.revision.as_ref().is_some_and(|revision| survey.keeps.contains_key(revision));
    let relabels = survey.tags.iter().flat_map(|tag| &tag.returns).chain(&survey.relabels);
    let gone: BTreeSet<&str> = relabels.map(|one| one.namespace.as_str()).collect();
    let followed = |tag: &Tag| {
        let follows = Follows::Tag { tag: tag.name.clone() };
        let mut namespaces = draft.situation.mesh.namespaces.values();
        namespaces.any(|facts| facts.follows == follows && !gone.contains(facts.name.as_str()))
    };
    let tags = draft.situation.mesh.tags.values().filter(|tag| wanted.contains(&tag.name));
    tags.filter(|tag| !kept(tag) && !followed(tag)).collect()
}

fn remove_tag(tag: &Tag) -> Option<Action> {
    let from = tag.revision.clone()?;
    Some(Action {
        phase: 0,
        kind: ActionKind::RemoveTag { tag: tag.name.clone(), from: from.clone() },
        preconditions: vec![
            Precondition::TagIs { tag: tag.name.clone(), revision: Some(from) },
            Precondition::NoFollowers { tag: tag.name.clone() },
        ],
    })
}
