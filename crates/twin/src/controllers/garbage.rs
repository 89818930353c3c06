//! Garbage collector (`pkg/controller/garbagecollector`): dependents follow their owners, in the background,
//! before them (foreground), or not at all (orphans).
//!
//! Only owners that were seen to go count as gone: an owner of a kind that is not recorded is not absent.

use std::collections::BTreeSet;

use meshlift_model::k8s::Object;
use meshlift_model::names::ObjectRef;

use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, DeleteOptions, FOREGROUND, ORPHAN, reference};

/// The actor.
#[derive(Clone, Default)]
pub(super) struct GarbageCollector {
    /// uids of owners that are gone.
    gone: BTreeSet<String>,
}

impl Actor for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        let meta = change.new.meta();
        let waits = |object: &Object| {
            object.meta().deletion_timestamp.is_some()
                && object.meta().finalizers.iter().any(|held| held == FOREGROUND || held == ORPHAN)
        };
        if !change.is_deletion() {
            if waits(&change.new) {
                wakes.now(reference(&change.new));
            }
            return;
        }
        let dependents = cluster.store.dependents(&meta.uid);
        if !dependents.is_empty() {
            self.gone.insert(meta.uid.clone());
            dependents.into_iter().for_each(|dependent| wakes.now(dependent));
        }
        for owner in &meta.owner_references {
            if let Some(owner) = cluster.store.by_uid(&owner.uid).filter(|owner| waits(owner)) {
                wakes.now(reference(owner));
            }
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(object) = cluster.store.object(key).cloned() else { return Ok(Requeue::Done) };
        let meta = object.meta();
        if meta.deletion_timestamp.is_some() {
            return release(&object, cluster).map(|()| Requeue::Done);
        }
        let (gone, kept): (Vec<_>, Vec<_>) =
            meta.owner_references.iter().cloned().partition(|owner| self.gone.contains(&owner.uid));
        if gone.is_empty() {
            return Ok(Requeue::Done);
        }
        if kept.is_empty() {
            cluster.delete(key, &DeleteOptions::of_uid(&meta.uid))?;
            return Ok(Requeue::Done);
        }
        let mut changed = Object::clone(&object);
        changed.meta_mut().owner_references = kept.into();
        cluster.store.update_object(changed)?;
        Ok(Requeue::Done)
    }
}

/// Takes care of the dependents of an object whose deletion waits for that; then lets it go.
fn release(object: &Object, cluster: &mut Cluster) -> Result<(), ApiError> {
    let meta = object.meta();
    let held = |finalizer: &str| meta.finalizers.iter().any(|held| held == finalizer);
    let dependents = cluster.store.dependents(&meta.uid);
    if held(ORPHAN) {
        for dependent in dependents {
            let Some(found) = cluster.store.object(&dependent) else { continue };
            let mut freed = Object::clone(found);
            freed.meta_mut().owner_references.retain(|owner| owner.uid != meta.uid);
            cluster.store.update_object(freed)?;
        }
        return drop_finalizer(object, ORPHAN, cluster);
    }
    if !held(FOREGROUND) {
        return Ok(());
    }
    let mut blocked = false;
    for dependent in dependents {
        let Some(found) = cluster.store.object(&dependent).cloned() else { continue };
        let blocks =
            |owner: &meshlift_model::k8s::OwnerReference| owner.uid == meta.uid && owner.block_owner_deletion;
        blocked |= found.meta().owner_references.iter().any(blocks);
        if found.meta().deletion_timestamp.is_none() {
            cluster.delete(&dependent, &DeleteOptions::of_uid(&found.meta().uid))?;
        }
    }
    let still_there = cluster.store.dependents(&meta.uid).iter().any(|dependent| {
        cluster.store.object(dependent).is_some_and(|found| {
            found
                .meta()
                .owner_references
                .iter()
                .any(|owner| owner.uid == meta.uid && owner.block_owner_deletion)
        })
    });
    if blocked && still_there { Ok(()) } else { drop_finalizer(object, FOREGROUND, cluster) }
}

fn drop_finalizer(object: &Object, finalizer: &str, cluster: &mut Cluster) -> Result<(), ApiError> {
    let mut freed = Object::clone(object);
    freed.meta_mut().finalizers.retain(|held| held != finalizer);
    cluster.store.update_object(freed).map(drop)
}
