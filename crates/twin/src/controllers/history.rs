//! Template hashes and ControllerRevisions (`pkg/controller/history`).

use meshlift_model::k8s::{ControllerRevision, ObjectMeta, PodTemplateSpec, Resource};
use serde_json::{Value, json};

use super::pods;
use crate::error::ApiError;
use crate::seed::{Seed, text_hash};
use crate::store::{DeleteOptions, Store};

/// Label that names the revision of a pod, and the hash of a ControllerRevision of a DaemonSet.
pub(crate) const REVISION_HASH: &str = "controller-revision-hash";
/// Label with the hash of a ControllerRevision of a StatefulSet.
const HISTORY_HASH: &str = "controller.kubernetes.io/hash";

/// A hash of a template, in the letters that Kubernetes uses for it (`controller.ComputeHash`). Equal
/// templates hash alike; the value is the twin's own, not upstream's, because templates are recorded trimmed.
pub(crate) fn template_hash(template: &PodTemplateSpec, collision_count: Option<i32>) -> String {
    /// Length of most hashes that upstream yields.
    const LETTERS: u64 = 10;
    let text = serde_json::to_string(template).unwrap_or_default();
    let collisions = u64::from(collision_count.unwrap_or(0).unsigned_abs());
    Seed::new(text_hash(&text)).nth(collisions).letters(LETTERS)
}

/// The template that a revision holds, as far as it is read; `None` where there is none in it.
pub(crate) fn template_of(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let template = revision.data.get("spec")?.get("template")?;
    serde_json::from_value(template.clone()).ok()
}

/// The revisions of an owner, oldest number first.
pub(crate) fn revisions_of(uid: &str, store: &Store) -> Vec<ControllerRevision> {
    let mut revisions: Vec<ControllerRevision> = store.owned_by::<ControllerRevision>(uid).cloned().collect();
    revisions.sort_by(|a, b| {
        let key = |revision: &ControllerRevision| (revision.revision, revision.metadata.creation_timestamp);
        key(a).cmp(&key(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
    });
    revisions
}

/// The revision that holds this template, made or numbered anew where need be: the one that is wanted now
/// (`getStatefulSetRevisions`, `constructHistory`).
///
/// # Errors
/// What the store refuses.
pub(crate) fn current<R: Resource>(
    owner: &R,
    template: &PodTemplateSpec,
    collision_count: Option<i32>,
    revisions: &[ControllerRevision],
    store: &mut Store,
) -> Result<ControllerRevision, ApiError> {
    let next = revisions.last().map_or(1, |latest| latest.revision + 1);
    let equal = revisions.iter().rev().find(|revision| template_of(revision).as_ref() == Some(template));
    match equal {
        Some(revision) if revision.revision + 1 == next => Ok(revision.clone()),
        Some(revision) => store.update(ControllerRevision { revision: next, ..revision.clone() }),
        None => store.create(new_revision(owner, template, collision_count, next)),
    }
}

/// A revision that holds this template, not stored yet.
pub(crate) fn new_revision<R: Resource>(
    owner: &R,
    template: &PodTemplateSpec,
    collision_count: Option<i32>,
    number: i64,
) -> ControllerRevision {
    let hash = template_hash(template, collision_count);
    let meta = owner.meta();
    let mut labels = template.metadata.labels.clone();
    let label = if R::KIND == "DaemonSet" { REVISION_HASH } else { HISTORY_HASH };
    labels.insert(label.to_owned(), hash.clone());
    ControllerRevision {
        metadata: ObjectMeta {
            name: format!("{}-{hash}", meta.name),
            namespace: meta.namespace.clone(),
            labels,
            annotations: meta.annotations.clone(),
            owner_references: vec![pods::controller_of(owner)].into(),
            ..ObjectMeta::default()
        },
        revision: number,
        data: patch_of(template),
    }
}

/// The patch that restores a template.
fn patch_of(template: &PodTemplateSpec) -> Value {
    let mut value = serde_json::to_value(template).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("$patch".to_owned(), "replace".into());
    }
    json!({"spec": {"template": value}})
}

/// Deletes the oldest revisions that nothing uses, beyond the limit (`truncateHistory`, `cleanupHistory`).
///
/// # Errors
/// What the store refuses.
pub(crate) fn truncate(
    revisions: &[ControllerRevision],
    limit: Option<i32>,
    live: impl Fn(&ControllerRevision) -> bool,
    store: &mut Store,
) -> Result<(), ApiError> {
    /// The API server's default.
    const LIMIT: i32 = 10;
    let dead: Vec<&ControllerRevision> = revisions.iter().filter(|revision| !live(revision)).collect();
    let Ok(limit) = usize::try_from(limit.unwrap_or(LIMIT)) else { return Ok(()) };
    for revision in dead.iter().take(dead.len().saturating_sub(limit)) {
        store.delete(&revision.object_ref(), &DeleteOptions::default())?;
    }
    Ok(())
}
