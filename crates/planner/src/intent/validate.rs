//! An intent held against the mesh: what it names must be there.

use std::collections::BTreeSet;

use meshlift_mesh::Follows;

use super::IntentError;
use crate::choices::Choices;
use crate::nearest::nearest;
use crate::note::Note;
use crate::situation::Situation;

/// Checks what the intent names; what is only odd is noted.
///
/// # Errors
/// Where it names a namespace that is not there, orders one twice, or removes a tag that is followed.
pub(crate) fn validate(situation: &Situation<'_>, choices: &Choices<'_>) -> Result<Vec<Note>, IntentError> {
    let order = &situation.intent.order;
    let lists = [("order.canary", &order.canary), ("order.first", &order.first), ("order.last", &order.last)];
    let mut seen = BTreeSet::new();
    for (path, namespaces) in lists {
        for namespace in namespaces {
            known(situation, path, namespace)?;
            if !seen.insert(namespace) {
                return Err(IntentError::OrderedTwice {
                    path: path.to_owned(),
                    namespace: namespace.clone(),
                });
            }
        }
    }
    for namespace in situation.intent.moves.keys() {
        known(situation, "moves", namespace)?;
    }
    for namespace in &situation.intent.slo_critical.namespaces {
        known(situation, "slo_critical.namespaces", namespace)?;
    }
    removed_tags(situation, choices)
}

fn known(situation: &Situation<'_>, path: &str, namespace: &str) -> Result<(), IntentError> {
    let namespaces = &situation.mesh.namespaces;
    if namespaces.contains_key(namespace) {
        return Ok(());
    }
    let nearest = nearest(namespace, namespaces.keys().map(String::as_str)).map(str::to_owned);
    Err(IntentError::UnknownNamespace { path: path.to_owned(), namespace: namespace.to_owned(), nearest })
}

/// A tag goes only if each of its followers goes elsewhere first.
fn removed_tags(situation: &Situation<'_>, choices: &Choices<'_>) -> Result<Vec<Note>, IntentError> {
    let mut notes = Vec::new();
    for tag in &situation.intent.remove_tags {
        if tag.as_str() == "default" {
            return Err(IntentError::DefaultTag);
        }
        if !situation.mesh.tags.contains_key(tag) {
            notes.push(Note::remark(
                "ML8302",
                format!("remove_tags: there is no tag {tag}; nothing to remove"),
            ));
            continue;
        }
        let follows =
            |follows: &Follows| matches!(follows, Follows::Tag { tag: followed } if followed == tag);
        let relabelled = |subject: &str| choices.relabels.contains_key(subject);
        let left = situation.mesh.followers.iter().find(|follower| {
            let goes = follower.subject.kind == "Namespace" && relabelled(&follower.subject.name);
            follows(&follower.follows) && !goes
        });
        if let Some(follower) = left {
            let follower = Box::new(follower.subject.clone());
            return Err(IntentError::TagFollowed { tag: tag.clone(), follower });
        }
    }
    Ok(notes)
}
