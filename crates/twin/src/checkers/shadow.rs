//! How things are at a point of the log: objects, owners, connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_model::effect::EffectId;
use meshlift_model::k8s::{Object, Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;

use super::course::Course;
use crate::admission::injector::is_istiod;
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
    /// When each proxy that connected meanwhile has, or will have, its first configuration.
    synced_at: BTreeMap<ObjectRef, Time>,
    /// The last change was part of the load.
    pub(super) is_loading: bool,
    /// Time of what passed last.
    pub(super) at: Time,
    /// Place of the last change in the log.
    pub(super) index: usize,
    /// The effect that made the last change, if one did.
    pub(super) cause: Option<EffectId>,
    /// What the journal says so far.
    pub(super) course: Course,
}

impl Shadow {
    pub(super) fn new(links: BTreeMap<ObjectRef, RevisionName>) -> Self {
        Self {
            objects: BTreeMap::new(),
            owners: BTreeMap::new(),
            links,
            synced_at: BTreeMap::new(),
            is_loading: true,
            at: Time::default(),
            index: 0,
            cause: None,
            course: Course::default(),
        }
    }

    pub(super) fn take(&mut self, change: &Change, index: usize, is_loaded: bool) {
        (self.is_loading, self.index, self.at) = (is_loaded, index, change.at);
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
            self.synced_at.insert(event.pod.clone(), event.synced_at);
        } else {
            self.links.remove(&event.pod);
            self.synced_at.remove(&event.pod);
        }
    }

    /// True if the proxy is connected to the revision and has its configuration.
    pub(super) fn is_synced(&self, pod: &ObjectRef, revision: &RevisionName) -> bool {
        let synced = self.synced_at.get(pod).is_none_or(|synced_at| *synced_at <= self.at);
        self.links.get(pod) == Some(revision) && synced
    }

    /// Pods that run or will: finished ones and istiods aside.
    pub(super) fn living(&self) -> impl Iterator<Item = &Pod> {
        let lives =
            |pod: &&Pod| !pod.is_finished() && pod.metadata.deletion_timestamp.is_none() && !is_istiod(pod);
        self.list::<Pod>().filter(lives)
    }

    /// Living pods of a workload; a bare pod is its own workload.
    pub(super) fn pods_of<'a>(&'a self, workload: &'a ObjectRef) -> impl Iterator<Item = &'a Pod> {
        let mine =
            move |pod: &&Pod| pod.metadata.namespace == workload.namespace && self.workload(pod) == *workload;
        self.living().filter(mine)
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
