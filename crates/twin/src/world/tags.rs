//! Revision tags: their objects, written and removed as a group.

use meshlift_model::effect::Outcome;
use meshlift_model::k8s::{Object, Resource, Service};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::tag_objects::{DEFAULT_TAG, tag_objects};
use meshlift_views::tags;
use serde_json::Value;

use super::{TwinWorld, defaulted, done, failed};
use crate::error::ApiError;
use crate::store::{DeleteOptions, Store};

impl TwinWorld {
    pub(super) fn set_tag(&mut self, tag: &TagName, revision: &RevisionName) -> Outcome {
        let store = &mut self.twin.cluster.store;
        let objects = match tags::source_of(store, revision) {
            Ok(source) => tag_objects(tag, &source),
            Err(missing) => return failed(ApiError::NotFound(missing)),
        };
        for object in objects {
            if let Err(error) = apply(store, object) {
                return failed(error);
            }
        }
        if tag.as_str() == DEFAULT_TAG {
            deactivate_unrevisioned(store).map_or_else(failed, |()| done())
        } else {
            done()
        }
    }

    pub(super) fn remove_tag(&mut self, tag: &TagName) -> Outcome {
        let mut stored: Vec<Value> = Vec::new();
        for target in tags::refs(&self.twin.cluster.store, tag) {
            stored.extend(self.twin.cluster.store.object(&target).and_then(|object| object.to_value().ok()));
            if let Err(error) = self.twin.cluster.delete(&target, &DeleteOptions::default()) {
                return failed(error);
            }
        }
        Outcome::Done { stored }
    }
}

/// Server-side apply, forced: what is given is written, labels and annotations of others stay.
pub(super) fn apply(store: &mut Store, object: Object) -> Result<(), ApiError> {
    let mut object = defaulted::object(object, store);
    let target = crate::store::reference(&object);
    let Some(old) = store.object(&target).cloned() else {
        return store.create_object(object).map(drop);
    };
    let (kept, new) = (old.meta(), object.meta_mut());
    let mut merged = kept.clone();
    merged.labels.extend(std::mem::take(&mut *new.labels));
    merged.annotations.extend(std::mem::take(&mut *new.annotations));
    *new = merged;
    if let (Object::Service(service), Some(old)) = (&mut object, Service::from_object(&old)) {
        service.spec.cluster_ip.clone_from(&old.spec.cluster_ip);
    }
    store.update_object(object).map(drop)
}

/// The injector of an unrevisioned install gives way to the tag `default` once that is there.
fn deactivate_unrevisioned(store: &mut Store) -> Result<(), ApiError> {
    let Some(injector) = tags::unrevisioned_injector(store).map(tags::deactivated) else { return Ok(()) };
    store.update_object(injector.into_object()).map(drop)
}
