//! Objects that go, and what they own.

use std::collections::BTreeSet;

use meshlift_model::k8s::{KINDS, KindWork, Objects, Resource, with_kind};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

/// Removes objects, then whatever they own, as the garbage collector would.
pub(super) fn remove(snapshot: &mut Snapshot, objects: &[ObjectRef]) {
    let gone: BTreeSet<&ObjectRef> = objects.iter().collect();
    remove_where(snapshot, &|reference, _| gone.contains(reference));
}

/// Removes the objects that satisfy a condition, then whatever they own.
pub(super) fn remove_where(
    snapshot: &mut Snapshot,
    condition: &dyn Fn(&ObjectRef, &meshlift_model::k8s::ObjectMeta) -> bool,
) {
    let mut uids = sweep(&mut snapshot.objects, condition);
    while !uids.is_empty() {
        let owned = |_: &ObjectRef, metadata: &meshlift_model::k8s::ObjectMeta| {
            let owners = &metadata.owner_references;
            !owners.is_empty() && owners.iter().all(|owner| uids.contains(&owner.uid))
        };
        uids = sweep(&mut snapshot.objects, &owned);
    }
    let pods: BTreeSet<&str> = snapshot.objects.pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    snapshot.istiods.retain(|pod, _| pods.contains(pod.as_str()));
}

/// Removes from every list; the uids of what went.
fn sweep(
    objects: &mut Objects,
    condition: &dyn Fn(&ObjectRef, &meshlift_model::k8s::ObjectMeta) -> bool,
) -> BTreeSet<String> {
    let mut uids = BTreeSet::new();
    for kind in KINDS {
        uids.extend(with_kind(kind.resource, Sweep { objects, condition }).unwrap_or_default());
    }
    uids
}

struct Sweep<'s> {
    objects: &'s mut Objects,
    condition: &'s dyn Fn(&ObjectRef, &meshlift_model::k8s::ObjectMeta) -> bool,
}

impl KindWork for Sweep<'_> {
    type Output = Vec<String>;

    fn run<R: Resource>(self) -> Self::Output {
        let mut uids = Vec::new();
        R::list_mut(self.objects).retain(|object| {
            let goes = (self.condition)(&object.object_ref(), object.meta());
            if goes && !object.meta().uid.is_empty() {
                uids.push(object.meta().uid.clone());
            }
            !goes
        });
        uids
    }
}
