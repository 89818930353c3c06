//! How things are at a point of the log: objects, owners, connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_model::k8s::{Object, Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::istiod::LinkEvent;
use crate::store::{Change, reference};

/// Kinds whose objects stand between a workload and its pods.
const BETWEEN: [&str; 2] = ["ReplicaSet", "Job"];

/// The objects and connections of one moment.
#[derive(Debug)]
pub(super) struct Shadow {
    objects: BTreeMap<ObjectRef, Arc<Object>>,
    /// Who controls each object that stands between; kept when it is gone, since pods outlive it.
    owners: BTreeMap<ObjectRef, ObjectRef>,
    /// Connected proxies, and the revision of their istiod.
    pub(super) links: BTreeMap<ObjectRef, RevisionName>,
    /// The last change was part of the load.
    pub(super) is_loading: bool,
}

impl Shadow {
    pub(super) fn new(links: BTreeMap<ObjectRef, RevisionName>) -> Self {
        Self { objects: BTreeMap::new(), owners: BTreeMap::new(), links, is_loading: true }
    }

    pub(super) fn take(&mut self, change: &Change, is_loaded: bool) {
        self.is_loading = is_loaded;
        let key = reference(&change.new);
        if BETWEEN.contains(&key.kind.as_str())
            && let Some(owner) = change.new.meta().controller()
        {
            let owner = ObjectRef::new(&owner.kind, &key.namespace, &owner.name);
            self.owners.insert(key.clone(), owner);
        }
        if change.is_deletion() {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, Arc::clone(&change.new));
        }
    }

    pub(super) fn link(&mut self, event: &LinkEvent) {
        if event.connected {
            self.links.insert(event.pod.clone(), event.revision.clone());
        } else {
            self.links.remove(&event.pod);
        }
    }

    pub(super) fn object(&self, target: &ObjectRef) -> Option<&Object> {
        self.objects.get(target).map(AsRef::as_ref)
    }

    /// All objects of kind `R`.
    pub(super) fn list<R: Resource + 'static>(&self) -> impl Iterator<Item = &R> {
        let from = ObjectRef::cluster(R::KIND, "");
        self.objects
            .range(from..)
            .take_while(|(key, _)| key.kind == R::KIND)
            .filter_map(|(_, object)| R::from_object(object))
    }

    /// What makes pods like this one; the pod itself where nothing does.
    pub(super) fn workload(&self, pod: &Pod) -> ObjectRef {
        let Some(owner) = pod.metadata.controller() else { return pod.object_ref() };
        let owner = ObjectRef::new(&owner.kind, &pod.metadata.namespace, &owner.name);
        self.owners.get(&owner).cloned().unwrap_or(owner)
    }
}
