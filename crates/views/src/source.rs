//! Where objects come from.

use meshlift_model::k8s::{Namespace, Objects, Pod, ReplicaSet, Resource};
use meshlift_model::names::ObjectRef;

/// Objects of one moment, as far as they were read: a store, a snapshot, or the lists that one question needs.
pub trait ObjectSource {
    /// The object, if it is there; `namespace` is empty for cluster-scoped kinds.
    fn get<R: Resource + 'static>(&self, namespace: &str, name: &str) -> Option<&R>;

    /// All objects of a kind.
    fn list_all<R: Resource + 'static>(&self) -> impl Iterator<Item = &R>;

    /// Objects of a kind that name `uid` as an owner.
    fn owned_by<R: Resource + 'static>(&self, uid: &str) -> impl Iterator<Item = &R>;
}

impl ObjectSource for Objects {
    fn get<R: Resource + 'static>(&self, namespace: &str, name: &str) -> Option<&R> {
        R::list(self).iter().find(|one| one.meta().namespace == namespace && one.meta().name == name)
    }

    fn list_all<R: Resource + 'static>(&self) -> impl Iterator<Item = &R> {
        R::list(self).iter()
    }

    fn owned_by<R: Resource + 'static>(&self, uid: &str) -> impl Iterator<Item = &R> {
        R::list(self)
            .iter()
            .filter(move |one| one.meta().owner_references.iter().any(|owner| owner.uid == uid))
    }
}

/// What makes pods like this one; the pod itself where nothing does.
#[must_use]
pub fn workload_of(pod: &Pod, source: &impl ObjectSource) -> ObjectRef {
    let Some(owner) = pod.metadata.controller() else { return pod.object_ref() };
    let set = source.get::<ReplicaSet>(&pod.metadata.namespace, &owner.name);
    let owner = set
        .filter(|_| owner.kind == ReplicaSet::KIND)
        .and_then(|set| set.metadata.controller())
        .unwrap_or(owner);
    ObjectRef::new(&owner.kind, &pod.metadata.namespace, &owner.name)
}

/// A namespace with the label that the API server gives it, also where it was not read.
#[must_use]
pub fn namespace_of(source: &impl ObjectSource, name: &str) -> Namespace {
    let mut namespace = source.get::<Namespace>("", name).cloned().unwrap_or_default();
    name.clone_into(&mut namespace.metadata.name);
    namespace.labelled_with_its_name()
}
