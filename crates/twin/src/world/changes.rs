//! Changes of single objects.

use std::sync::Arc;

use meshlift_model::effect::{Change, Failure, Outcome, Write};
use meshlift_model::k8s::{IstioGateway, Object, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_views::patch;
use serde_json::Value;

use super::{Progress, TwinWorld, Work, done, failed};
use crate::admission::injector;
use crate::error::ApiError;
use crate::store::DeleteOptions;

/// A bare pod on its way out and in again.
#[derive(Clone, Debug)]
pub(super) struct Recreation {
    /// The pod as it was.
    old: Box<Pod>,
    /// The same, for whoever must undo it.
    stored: Value,
}

impl TwinWorld {
    /// Begins a write.
    pub(super) fn begin(&mut self, write: Write) -> Progress {
        if let Err(error) = self.check_bound(&write) {
            return Progress::Done(failed(error));
        }
        let target = &write.target;
        match patch::of(&target.kind, &write.change) {
            Ok(Some(patch)) => return Progress::Done(self.edit(target, &patch)),
            Err(reason) => {
                let reason = reason.to_owned();
                return Progress::Done(failed(ApiError::Invalid { object: target.clone(), reason }));
            }
            Ok(None) => {}
        }
        let outcome = match write.change {
            Change::Labels { .. }
            | Change::TemplateAnnotation { .. }
            | Change::Replicas { .. }
            | Change::AutoscalerMin { .. }
            | Change::Partition { .. }
            | Change::Strategy { .. }
            | Change::Quota { .. } => done(),
            Change::Evict => {
                let options = DeleteOptions { uid: write.uid.clone(), ..DeleteOptions::default() };
                self.twin
                    .cluster
                    .evict(&target.namespace, &target.name, &options)
                    .map_or_else(failed, |()| done())
            }
            Change::Delete => self.delete(target, write.uid.clone()),
            Change::RecreatePod => return self.recreate(target, write.uid),
            Change::Restore { stored } => self.restore(target, stored),
            Change::ApplyCrds { manifest_digest } => self.apply_crds(&manifest_digest),
            Change::InstallRevision { manifest_digest, replicas_min } => {
                self.install_revision(&manifest_digest, replicas_min)
            }
            Change::SetTag { revision } => self.set_tag(&target.name.as_str().into(), &revision),
            Change::RemoveTag => self.remove_tag(&target.name.as_str().into()),
        };
        Progress::Done(outcome)
    }

    /// uid and resourceVersion that the write was made for. Groups of objects have none.
    fn check_bound(&self, write: &Write) -> Result<(), ApiError> {
        let Some(object) = self.twin.cluster.store.object(&write.target) else { return Ok(()) };
        let meta = object.meta();
        let bounds = [
            ("uid", &write.uid, meta.uid.as_str()),
            ("resourceVersion", &write.resource_version, meta.resource_version.as_str()),
        ];
        for (name, wanted, stored) in bounds {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != stored) {
                let reason = format!("the write was made for {name} {wanted}, stored is {stored}");
                return Err(ApiError::Conflict { object: write.target.clone(), reason });
            }
        }
        Ok(())
    }

    /// Reads, patches and writes one object.
    fn edit(&mut self, target: &ObjectRef, patch: &Value) -> Outcome {
        let store = &mut self.twin.cluster.store;
        let Some(object) = store.object(target) else { return failed(ApiError::NotFound(target.clone())) };
        let patched = object.to_value().map_err(|error| error.to_string()).and_then(|mut value| {
            patch::merge(&mut value, patch);
            match Object::from_value(object.info().kind, value) {
                Some(object) => object.map_err(|error| error.to_string()),
                None => Err("is of no known kind".to_owned()),
            }
        });
        match patched {
            Ok(object) => store.update_object(object).map_or_else(failed, |_| done()),
            Err(reason) => failed(ApiError::Invalid { object: target.clone(), reason }),
        }
    }

    fn delete(&mut self, target: &ObjectRef, uid: Option<String>) -> Outcome {
        // Deleting twice is deleting once.
        let Some(object) = self.twin.cluster.store.object(target).map(Arc::clone) else { return done() };
        let options = DeleteOptions { uid, ..DeleteOptions::default() };
        match self.twin.cluster.delete(target, &options) {
            Ok(()) => Outcome::Done { stored: object.to_value().into_iter().collect() },
            Err(error) => failed(error),
        }
    }

    fn restore(&mut self, target: &ObjectRef, stored: Value) -> Outcome {
        let mut object = match from_stored(target, stored) {
            Ok(object) => object,
            Err(error) => return failed(error),
        };
        if self.twin.cluster.store.object(&crate::store::reference(&object)).is_some() {
            return done();
        }
        let meta = object.meta_mut();
        meta.uid.clear();
        meta.resource_version.clear();
        if let Object::Pod(pod) = object {
            return self.twin.cluster.create_pod(fresh(pod)).map_or_else(failed, |_| done());
        }
        self.twin.cluster.create(object).map_or_else(failed, |()| done())
    }

    fn recreate(&mut self, target: &ObjectRef, uid: Option<String>) -> Progress {
        let pod = match self.twin.cluster.store.require::<Pod>(&target.namespace, &target.name) {
            Ok(pod) => pod.clone(),
            Err(error) => return Progress::Done(failed(error)),
        };
        if let Some(owner) = pod.metadata.controller() {
            let reason = format!("belongs to {} {}: that makes its pods", owner.kind, owner.name);
            return Progress::Done(failed(ApiError::Invalid { object: target.clone(), reason }));
        }
        let stored = match Object::Pod(pod.clone()).to_value() {
            Ok(stored) => stored,
            Err(error) => {
                return Progress::Done(failed(ApiError::Invalid {
                    object: target.clone(),
                    reason: error.to_string(),
                }));
            }
        };
        let options = DeleteOptions { uid, ..DeleteOptions::default() };
        match self.twin.cluster.delete(target, &options) {
            Ok(()) => Progress::Later(Work::Recreate(Recreation { old: Box::new(pod), stored })),
            Err(error) => Progress::Done(failed(error)),
        }
    }

    /// Creates the pod anew once the old one is gone.
    pub(super) fn go_on(&mut self, recreation: Recreation) -> Progress {
        let old = &recreation.old;
        let stored = self.twin.cluster.store.get::<Pod>(&old.metadata.namespace, &old.metadata.name);
        if stored.is_some_and(|stored| stored.metadata.uid == old.metadata.uid) {
            return Progress::Later(Work::Recreate(recreation));
        }
        let pod = fresh(injector::strip(old));
        Progress::Done(match self.twin.cluster.create_pod(pod) {
            Ok(_) => Outcome::Done { stored: vec![recreation.stored] },
            Err(error) => failed(error),
        })
    }
}

/// A pod to be created: without node and identity.
fn fresh(mut pod: Pod) -> Pod {
    pod.metadata.uid.clear();
    pod.metadata.resource_version.clear();
    pod.spec.node_name.clear();
    pod
}

/// Reads a stored object. Two kinds are called `Gateway`: their group tells them apart.
fn from_stored(target: &ObjectRef, stored: Value) -> Result<Object, ApiError> {
    let text = |key: &str| stored.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (text("kind"), text("apiVersion"));
    let kind = if kind == "Gateway" && version.starts_with("networking.istio.io/") {
        IstioGateway::KIND.to_owned()
    } else {
        kind
    };
    let invalid = |reason: String| ApiError::Invalid { object: target.clone(), reason };
    match Object::from_value(&kind, stored) {
        Some(object) => object.map_err(|error| invalid(error.to_string())),
        None => Err(invalid(format!("is of kind {kind:?}, which this world does not have"))),
    }
}

/// What this world cannot do.
pub(super) fn unsupported(message: impl Into<String>) -> Outcome {
    Outcome::Failed { failure: Failure::Unsupported { message: message.into() } }
}
