//! Creates and updates.

use std::sync::Arc;

use meshlift_model::k8s::{Object, ObjectMeta, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::selector::LabelSelector;

use super::{Change, ChangeKind, Store, reference, status};
use crate::error::ApiError;

/// Letters that the API server appends to `generateName`.
const GENERATED_LETTERS: u64 = 5;

impl Store {
    /// Puts a recorded object into the store as it is: uid, versions, timestamps and status are kept.
    pub fn load(&mut self, object: Object) {
        let version = object.meta().resource_version.parse().unwrap_or(0);
        self.revision = self.revision.max(version);
        self.put(Arc::new(object), ChangeKind::Added, None);
    }

    /// Creates an object: name (from `generateName` if need be), uid, resourceVersion, generation and
    /// creation time are given by the store; a status is not taken over.
    ///
    /// # Errors
    /// `AlreadyExists`; `Invalid` without a name.
    pub fn create<R: Resource + Clone>(&mut self, object: R) -> Result<R, ApiError> {
        let stored = self.create_object(object.into_object())?;
        typed(&stored)
    }

    /// As [`Store::create`], for an object of any kind.
    ///
    /// # Errors
    /// `AlreadyExists`; `Invalid` without a name.
    pub fn create_object(&mut self, mut object: Object) -> Result<Arc<Object>, ApiError> {
        self.name(&mut object);
        let target = reference(&object);
        if target.name.is_empty() {
            return Err(ApiError::Invalid { object: target, reason: "metadata.name is required".into() });
        }
        if self.object(&target).is_some() {
            return Err(ApiError::AlreadyExists(target));
        }
        let count = self.count(&target.to_string());
        let uid = self.seed.child("uid").child(&target.to_string()).nth(count).uid();
        self.revision += 1;
        let (version, now) = (self.revision.to_string(), self.now.whole_second());
        status::reset(&mut object);
        select_own_pods(&mut object, &uid);
        let meta = object.meta_mut();
        meta.uid = uid;
        meta.resource_version = version.into();
        meta.generation = 1;
        meta.creation_timestamp = Some(now);
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        Ok(self.put(Arc::new(object), ChangeKind::Added, None))
    }

    /// Gives an object the name that `create` would give it, if it has none yet.
    pub fn name(&mut self, object: &mut Object) {
        let meta = object.meta();
        if !meta.name.is_empty() || meta.generate_name.is_empty() {
            return;
        }
        let (kind, prefix) = (object.info().kind, meta.generate_name.clone());
        let key = format!("{kind}/{}/{prefix}", meta.namespace);
        let mut name;
        loop {
            let count = self.count(&key);
            name = format!("{prefix}{}", self.seed.child(&key).nth(count).letters(GENERATED_LETTERS));
            let taken = ObjectRef::new(kind, &object.meta().namespace, &name);
            if self.object(&taken).is_none() {
                break;
            }
        }
        object.meta_mut().name = name;
    }

    /// Writes the desired state and metadata; status is left as it is stored. A resourceVersion or uid in the
    /// object is a precondition; empty ones are not checked.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn update<R: Resource + Clone>(&mut self, object: R) -> Result<R, ApiError> {
        let stored = self.update_object(object.into_object())?;
        typed(&stored)
    }

    /// As [`Store::update`], for an object of any kind.
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn update_object(&mut self, mut object: Object) -> Result<Arc<Object>, ApiError> {
        let old = self.checked(&object)?;
        status::copy(&old, &mut object);
        keep_system_fields(old.meta(), object.meta_mut());
        object.meta_mut().resource_version.clone_from(&old.meta().resource_version);
        if *old == object {
            return Ok(old);
        }
        if status::spec_differs(&old, &object) {
            object.meta_mut().generation += 1;
        }
        Ok(self.store_version(old, object))
    }

    /// Writes the status alone. As in kube-apiserver, a Deployment's annotations go with it: that is how its
    /// controller keeps `deployment.kubernetes.io/revision`
    /// (`pkg/registry/apps/deployment/strategy.go`, `deploymentStatusStrategy`).
    ///
    /// # Errors
    /// `NotFound`, `Conflict`.
    pub fn update_status<R: Resource + Clone>(&mut self, object: R) -> Result<R, ApiError> {
        let new = object.into_object();
        let old = self.checked(&new)?;
        let mut object = Object::clone(&old);
        status::copy(&new, &mut object);
        if matches!(object, Object::Deployment(_)) {
            object.meta_mut().annotations.clone_from(&new.meta().annotations);
        }
        if *old == object {
            return typed(&old);
        }
        let stored = self.store_version(old, object);
        typed(&stored)
    }

    /// Reads, changes and writes the desired state, whatever the version.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn patch<R: Resource + Clone>(
        &mut self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut R),
    ) -> Result<R, ApiError> {
        let mut object = self.require::<R>(namespace, name)?.clone();
        change(&mut object);
        self.update(object)
    }

    /// Reads, changes and writes the status, whatever the version.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn patch_status<R: Resource + Clone>(
        &mut self,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut R),
    ) -> Result<R, ApiError> {
        let mut object = self.require::<R>(namespace, name)?.clone();
        change(&mut object);
        self.update_status(object)
    }

    /// Binds a pod to a node, with the conditions that `pod` carries; its generation stays
    /// (`pkg/registry/core/pod/storage`, `BindingREST`).
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where the pod changed or is bound already.
    pub(crate) fn bind(&mut self, pod: &Pod, node: &str) -> Result<(), ApiError> {
        let old = self.checked(&Object::Pod(pod.clone()))?;
        let mut bound = Object::clone(&old);
        if let Object::Pod(bound) = &mut bound {
            if !bound.spec.node_name.is_empty() {
                let reason = format!(
                    "pod {} is already assigned to node {:?}",
                    bound.metadata.name, bound.spec.node_name
                );
                return Err(ApiError::Conflict { object: reference(&old), reason });
            }
            bound.spec.node_name = node.into();
            bound.status.conditions.clone_from(&pod.status.conditions);
        }
        self.store_version(old, bound);
        Ok(())
    }

    /// The object of kind `R`.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn require<R: Resource>(&self, namespace: &str, name: &str) -> Result<&R, ApiError> {
        self.get::<R>(namespace, name)
            .ok_or_else(|| ApiError::NotFound(ObjectRef::new(R::KIND, namespace, name)))
    }

    /// The stored object, if the preconditions in `object` hold.
    fn checked(&self, object: &Object) -> Result<Arc<Object>, ApiError> {
        let target = reference(object);
        let Some(old) = self.object(&target).cloned() else { return Err(ApiError::NotFound(target)) };
        let (given, stored) = (object.meta(), old.meta());
        if !given.uid.is_empty() && given.uid != stored.uid {
            let reason = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                given.uid, stored.uid
            );
            return Err(ApiError::Conflict { object: target, reason });
        }
        if !given.resource_version.is_empty() && given.resource_version != stored.resource_version {
            let reason =
                "the object has been modified; please apply your changes to the latest version and try again";
            return Err(ApiError::Conflict { object: target, reason: reason.into() });
        }
        Ok(old)
    }

    /// Stores a changed object under a new version; removes it where that lets a pending deletion finish.
    pub(super) fn store_version(&mut self, old: Arc<Object>, mut object: Object) -> Arc<Object> {
        self.revision += 1;
        object.meta_mut().resource_version = self.revision.to_string().into();
        let finished = object.meta().deletion_timestamp.is_some()
            && object.meta().finalizers.is_empty()
            && !old.meta().finalizers.is_empty()
            && object.meta().deletion_grace_period_seconds.is_none_or(|grace| grace == 0);
        let stored = self.put(Arc::new(object), ChangeKind::Modified, Some(old));
        if finished {
            self.remove(&reference(&stored));
        }
        stored
    }

    /// Puts the object into maps and log.
    pub(super) fn put(
        &mut self,
        object: Arc<Object>,
        kind: ChangeKind,
        old: Option<Arc<Object>>,
    ) -> Arc<Object> {
        let target = reference(&object);
        if let Some(old) = &old {
            self.unindex(old, &target);
        }
        for owner in &object.meta().owner_references {
            self.dependents.entry(owner.uid.clone()).or_default().insert(target.clone());
        }
        self.by_uid.insert(object.meta().uid.clone(), target.clone());
        self.objects
            .entry(object.info().kind)
            .or_default()
            .entry(target.namespace.to_string())
            .or_default()
            .insert(target.name.to_string(), Arc::clone(&object));
        self.record(kind, old, Arc::clone(&object));
        object
    }

    pub(super) fn unindex(&mut self, object: &Object, target: &ObjectRef) {
        for owner in &object.meta().owner_references {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(target);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        self.by_uid.remove(&object.meta().uid);
    }

    pub(super) fn record(&mut self, kind: ChangeKind, old: Option<Arc<Object>>, new: Arc<Object>) {
        let (revision, at, by) = (self.revision, self.now, self.by);
        self.log.push(Change { revision, at, by, kind, old, new });
    }
}

/// Gives a Job without a selector the one that the API server generates, and its pods the labels for it
/// (`pkg/registry/batch/job/strategy.go`, `generateSelector`).
fn select_own_pods(object: &mut Object, uid: &str) {
    let Object::Job(job) = object else { return };
    if job.spec.selector.is_some() {
        return;
    }
    let name = job.metadata.name.clone();
    for prefix in ["", "batch.kubernetes.io/"] {
        for (label, value) in [("controller-uid", uid), ("job-name", &name)] {
            for labels in [&mut job.metadata.labels, &mut job.spec.template.metadata.labels] {
                labels.insert(format!("{prefix}{label}"), value.to_owned());
            }
        }
    }
    let own = [("batch.kubernetes.io/controller-uid".to_owned(), uid.to_owned())];
    job.spec.selector = Some(LabelSelector::of_labels(&own.into()));
    if job.spec.completions.is_none() && job.spec.parallelism.is_none() {
        (job.spec.completions, job.spec.parallelism) = (Some(1), Some(1));
    }
}

/// What a client cannot write: identity, times, generation.
fn keep_system_fields(old: &ObjectMeta, new: &mut ObjectMeta) {
    new.uid.clone_from(&old.uid);
    new.generate_name.clone_from(&old.generate_name);
    new.generation = old.generation;
    new.creation_timestamp = old.creation_timestamp;
    new.deletion_timestamp = old.deletion_timestamp;
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
}

fn typed<R: Resource + Clone>(object: &Arc<Object>) -> Result<R, ApiError> {
    R::from_object(object)
        .cloned()
        .ok_or_else(|| ApiError::Invalid { object: reference(object), reason: format!("is no {}", R::KIND) })
}
