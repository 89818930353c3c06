//! Deletes: at once, gracefully for pods, held by finalizers.

use std::sync::Arc;

use meshlift_model::k8s::{Object, Pod, Resource};
use meshlift_model::names::ObjectRef;

use super::{ChangeKind, Store};
use crate::error::ApiError;

/// Finalizer that the API server sets for a foreground deletion.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer that the API server sets where dependents are to be kept.
pub(crate) const ORPHAN: &str = "orphan";

/// What becomes of the dependents of a deleted object (`metav1.DeletionPropagation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// The garbage collector deletes them afterwards.
    #[default]
    Background,
    /// They go first, then the object.
    Foreground,
    /// They stay, without their owner.
    Orphan,
}

/// `metav1.DeleteOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Only if the object has this uid.
    pub uid: Option<String>,
    /// Only if the object has this resourceVersion.
    pub resource_version: Option<String>,
    /// Grace for a pod, in seconds; the pod's own when absent.
    pub grace_seconds: Option<i64>,
    /// What becomes of dependents.
    pub propagation: Propagation,
}

impl DeleteOptions {
    /// Deletes only the object with this uid.
    #[must_use]
    pub fn of_uid(uid: &str) -> Self {
        Self { uid: Some(uid.to_owned()), ..Self::default() }
    }
}

impl Store {
    /// Asks for a deletion. A pod that a node runs gets a deletionTimestamp and is removed by its kubelet; an
    /// object with finalizers waits for them; anything else is gone at once.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where a precondition does not hold.
    pub fn delete(&mut self, target: &ObjectRef, options: &DeleteOptions) -> Result<(), ApiError> {
        let Some(old) = self.object(target).cloned() else { return Err(ApiError::NotFound(target.clone())) };
        let meta = old.meta();
        for (name, wanted, stored) in [
            ("UID", &options.uid, meta.uid.as_str()),
            ("ResourceVersion", &options.resource_version, meta.resource_version.as_str()),
        ] {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != stored) {
                let reason = format!(
                    "Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {stored}"
                );
                return Err(ApiError::Conflict { object: target.clone(), reason });
            }
        }
        let grace = Pod::from_object(&old).map_or(0, |pod| pod_grace_seconds(pod, options));
        let finalizer = match options.propagation {
            Propagation::Background => None,
            Propagation::Foreground => Some(FOREGROUND),
            Propagation::Orphan => Some(ORPHAN),
        };
        if grace == 0 && finalizer.is_none() && meta.finalizers.is_empty() {
            self.remove(target);
            return Ok(());
        }
        self.mark(&old, grace, finalizer);
        Ok(())
    }

    /// Sets the deletion timestamp (again only if the grace became shorter).
    fn mark(&mut self, old: &Arc<Object>, grace_seconds: i64, finalizer: Option<&str>) {
        let mut object = Object::clone(old);
        let is_pod = matches!(object, Object::Pod(_));
        let now = self.now();
        let meta = object.meta_mut();
        let shorter = meta.deletion_grace_period_seconds.is_none_or(|former| grace_seconds < former);
        if meta.deletion_timestamp.is_some() && !shorter && finalizer.is_none() {
            return;
        }
        if meta.deletion_timestamp.is_none() || shorter {
            meta.deletion_timestamp = Some(now.plus_seconds(grace_seconds).whole_second());
            meta.deletion_grace_period_seconds = Some(grace_seconds);
            // kube-apiserver counts the start of a graceful deletion as a change of the desired state.
            meta.generation += i64::from(is_pod);
        }
        if let Some(finalizer) = finalizer
            && !meta.finalizers.iter().any(|held| held == finalizer)
        {
            meta.finalizers.push(finalizer.to_owned());
        }
        self.store_version(Arc::clone(old), object);
    }

    /// What a kubelet does when a pod's containers are gone: the pod goes, or waits for its finalizers.
    pub(crate) fn finish_deletion(&mut self, target: &ObjectRef) {
        let Some(old) = self.object(target).cloned() else { return };
        if old.meta().finalizers.is_empty() {
            self.remove(target);
        } else if old.meta().deletion_grace_period_seconds != Some(0) {
            let mut object = Object::clone(&old);
            object.meta_mut().deletion_grace_period_seconds = Some(0);
            self.store_version(old, object);
        }
    }

    /// Removes an object for good; nothing if it is not there.
    pub(crate) fn remove(&mut self, target: &ObjectRef) {
        let Some(names) = self
            .objects
            .get_mut(target.kind.as_str())
            .and_then(|kind| kind.get_mut(target.namespace.as_str()))
        else {
            return;
        };
        let Some(old) = names.remove(target.name.as_str()) else { return };
        self.unindex(&old, target);
        self.revision += 1;
        self.record(ChangeKind::Deleted, Some(Arc::clone(&old)), old);
    }
}

/// Grace of a pod's deletion: none where no kubelet runs it (`pkg/registry/core/pod/strategy.go`,
/// `CheckGracefulDelete`).
fn pod_grace_seconds(pod: &Pod, options: &DeleteOptions) -> i64 {
    if pod.spec.node_name.is_empty() || pod.is_finished() {
        return 0;
    }
    options.grace_seconds.unwrap_or_else(|| pod.spec.grace_seconds()).max(0)
}
