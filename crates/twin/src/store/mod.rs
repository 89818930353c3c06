//! The simulated API server's storage: objects, versions, and the ordered log of changes.
//!
//! Writes follow kube-apiserver: a global resourceVersion that grows with each write, optimistic
//! concurrency, a generation that counts changes of the desired state alone, status writes apart from spec
//! writes, graceful deletion of pods, finalizers. A write that changes nothing leaves no trace.

mod deletion;
mod status;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshlift_model::k8s::{Object, Objects, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

pub use deletion::{DeleteOptions, Propagation};
pub(crate) use deletion::{FOREGROUND, ORPHAN};

use crate::seed::Seed;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was created, or loaded.
    Added,
    /// It was written.
    Modified,
    /// It is gone.
    Deleted,
}

/// One entry of the log: what a watch would deliver, with time and author.
#[derive(Clone, Debug)]
pub struct Change {
    /// The store's version after this write.
    pub revision: u64,
    /// When.
    pub at: Time,
    /// Who wrote: an actor's name, or whatever the caller set.
    pub by: &'static str,
    /// What happened.
    pub kind: ChangeKind,
    /// The object before; absent for `Added`.
    pub old: Option<Arc<Object>>,
    /// The object after; for `Deleted` as it was last.
    pub new: Arc<Object>,
}

impl Change {
    /// The object after, if it is of kind `R`.
    #[must_use]
    pub fn of<R: Resource>(&self) -> Option<&R> {
        R::from_object(&self.new)
    }

    /// The object before, if it is of kind `R`.
    #[must_use]
    pub fn before<R: Resource>(&self) -> Option<&R> {
        self.old.as_deref().and_then(R::from_object)
    }

    /// True for `Deleted`.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.kind == ChangeKind::Deleted
    }
}

/// Reference to an object by its own kind, namespace and name.
#[must_use]
pub fn reference(object: &Object) -> ObjectRef {
    let meta = object.meta();
    ObjectRef::new(object.info().kind, &meta.namespace, &meta.name)
}

type ByName = BTreeMap<String, Arc<Object>>;

/// All objects of one simulated cluster.
///
/// Reads are typed by [`Resource`]; lists come in order of namespace and name.
#[derive(Clone, Debug)]
pub struct Store {
    objects: BTreeMap<&'static str, BTreeMap<String, ByName>>,
    /// uid of an owner → its dependents.
    dependents: BTreeMap<String, BTreeSet<ObjectRef>>,
    by_uid: BTreeMap<String, ObjectRef>,
    log: Vec<Change>,
    /// Entries of the log that were dropped from its front.
    dropped: usize,
    revision: u64,
    now: Time,
    by: &'static str,
    seed: Seed,
    /// Counts objects per reference and prefix, so that uids and generated names do not depend on what else
    /// was created.
    created: BTreeMap<String, u64>,
}

impl Store {
    /// An empty store at a point in time.
    #[must_use]
    pub fn new(now: Time, seed: Seed) -> Self {
        Self {
            objects: BTreeMap::new(),
            dependents: BTreeMap::new(),
            by_uid: BTreeMap::new(),
            log: Vec::new(),
            dropped: 0,
            revision: 0,
            now,
            by: "",
            seed,
            created: BTreeMap::new(),
        }
    }

    /// The virtual time of the next write.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Moves the clock; never backwards.
    pub(crate) fn set_now(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Says who writes from here on; it stands in each [`Change`].
    pub fn set_author(&mut self, by: &'static str) {
        self.by = by;
    }

    /// Version of the last write.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The object, if it is there.
    #[must_use]
    pub fn object(&self, reference: &ObjectRef) -> Option<&Arc<Object>> {
        self.objects
            .get(reference.kind.as_str())?
            .get(reference.namespace.as_str())?
            .get(reference.name.as_str())
    }

    /// The object of kind `R`, if it is there; `namespace` is empty for cluster-scoped kinds.
    #[must_use]
    pub fn get<R: Resource>(&self, namespace: &str, name: &str) -> Option<&R> {
        R::from_object(self.objects.get(R::KIND)?.get(namespace)?.get(name)?)
    }

    /// All objects of kind `R` in a namespace.
    pub fn list<'a, R: Resource + 'static>(
        &'a self,
        namespace: &str,
    ) -> impl Iterator<Item = &'a R> + use<'a, R> {
        self.objects
            .get(R::KIND)
            .and_then(|namespaces| namespaces.get(namespace))
            .into_iter()
            .flat_map(|names| names.values().filter_map(|object| R::from_object(object)))
    }

    /// All objects of kind `R`.
    pub fn list_all<R: Resource + 'static>(&self) -> impl Iterator<Item = &R> {
        self.objects
            .get(R::KIND)
            .into_iter()
            .flat_map(|namespaces| namespaces.values())
            .flat_map(|names| names.values().filter_map(|object| R::from_object(object)))
    }

    /// All objects of all kinds, kind by kind.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values().flat_map(|namespaces| namespaces.values().flat_map(BTreeMap::values))
    }

    /// Objects of kind `R` that name `uid` as an owner.
    pub fn owned_by<'a, R: Resource + 'static>(
        &'a self,
        uid: &str,
    ) -> impl Iterator<Item = &'a R> + use<'a, R> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .filter(|reference| reference.kind == R::KIND)
            .filter_map(|reference| self.object(reference).and_then(|object| R::from_object(object)))
    }

    /// References to all objects that name `uid` as an owner.
    #[must_use]
    pub fn dependents(&self, uid: &str) -> Vec<ObjectRef> {
        self.dependents.get(uid).into_iter().flatten().cloned().collect()
    }

    /// The object with this uid, if it is there.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<&Arc<Object>> {
        self.by_uid.get(uid).and_then(|reference| self.object(reference))
    }

    /// All changes since the beginning that were not dropped by [`Store::compact`], oldest first.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.log
    }

    /// How many changes there were, dropped ones included: the place where the next one will stand.
    #[must_use]
    pub fn position(&self) -> usize {
        self.dropped + self.log.len()
    }

    /// The changes from that place on (see [`Store::position`]), as far as they are still there.
    #[must_use]
    pub fn changes_from(&self, position: usize) -> &[Change] {
        let start = position.saturating_sub(self.dropped).min(self.log.len());
        &self.log[start..]
    }

    /// Forgets the changes before that place; a watch from there on misses nothing.
    pub fn compact(&mut self, position: usize) {
        let count = position.saturating_sub(self.dropped).min(self.log.len());
        self.log.drain(..count);
        self.dropped += count;
    }

    /// Copies of all objects, sorted: the object part of a snapshot.
    #[must_use]
    pub fn to_objects(&self) -> Objects {
        let mut objects = Objects::default();
        for object in self.iter() {
            objects.push(Object::clone(object));
        }
        objects.sort();
        objects
    }

    /// A number that grows with each call for the same key.
    fn count(&mut self, key: &str) -> u64 {
        let count = self.created.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }
}
