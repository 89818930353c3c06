//! Revision tags: their objects, written and removed as a group.

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::effect::Outcome;
use meshlift_model::k8s::{
    MutatingWebhookConfiguration, Object, Resource, Service, ValidatingWebhookConfiguration,
};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::selector::LabelSelector;
use meshlift_model::tag_objects::{DEFAULT_TAG, TagSource, tag_objects};
use serde_json::Value;

use super::{TwinWorld, defaulted, done, failed};
use crate::error::ApiError;
use crate::store::{DeleteOptions, Store};

/// Selector that nothing matches, by which istioctl puts an unrevisioned injector out of action.
const DEACTIVATED: (&str, &str) = ("istio.io/deactivated", "never-match");
/// Webhook configurations of a revision's own injector begin like this.
const INJECTOR_PREFIX: &str = "istio-sidecar-injector";

/// What a tag's webhook and its Service point at.
pub(super) fn forms(store: &Store, tag: &TagName) -> (Option<RevisionName>, Option<RevisionName>) {
    let is_tagged = |labels: &meshlift_model::k8s::StringMap| {
        labels.get(TAG_LABEL).is_some_and(|own| own == tag.as_str())
    };
    let webhook =
        store.list_all::<MutatingWebhookConfiguration>().find(|one| is_tagged(&one.metadata.labels));
    let service = store.list_all::<Service>().find(|one| is_tagged(&one.metadata.labels));
    let revision = |label: Option<&str>| label.map(RevisionName::new);
    (
        webhook.and_then(|one| revision(one.metadata.label(REV_LABEL))),
        service.and_then(|one| revision(one.metadata.label(REV_LABEL))),
    )
}

/// Tags that point at a revision, by webhook or by Service.
pub(super) fn tags_of(store: &Store, revision: &RevisionName) -> Vec<TagName> {
    let metas = store
        .list_all::<MutatingWebhookConfiguration>()
        .map(|one| &one.metadata)
        .chain(store.list_all::<Service>().map(|one| &one.metadata));
    let mut tags: Vec<TagName> = metas
        .filter(|meta| meta.label(REV_LABEL) == Some(revision.as_str()))
        .filter_map(|meta| meta.label(TAG_LABEL).map(TagName::new))
        .collect();
    tags.sort();
    tags.dedup();
    tags
}

/// References to the objects that carry a tag.
pub(super) fn refs(store: &Store, tag: &TagName) -> Vec<ObjectRef> {
    let kinds = [MutatingWebhookConfiguration::KIND, ValidatingWebhookConfiguration::KIND, Service::KIND];
    let is_tags = |object: &&std::sync::Arc<Object>| {
        kinds.contains(&object.info().kind) && object.meta().label(TAG_LABEL) == Some(tag.as_str())
    };
    store.iter().filter(is_tags).map(|object| crate::store::reference(object)).collect()
}

impl TwinWorld {
    pub(super) fn set_tag(&mut self, tag: &TagName, revision: &RevisionName) -> Outcome {
        let store = &mut self.twin.cluster.store;
        let objects = match source_of(store, revision) {
            Ok((injector, service)) => tag_objects(tag, &TagSource { revision, injector, service }),
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
        for target in refs(&self.twin.cluster.store, tag) {
            stored.extend(self.twin.cluster.store.object(&target).and_then(|object| object.to_value().ok()));
            if let Err(error) = self.twin.cluster.delete(&target, &DeleteOptions::default()) {
                return failed(error);
            }
        }
        Outcome::Done { stored }
    }
}

/// The revision's own injector and Service, or what is missing.
fn source_of<'a>(
    store: &'a Store,
    revision: &RevisionName,
) -> Result<(&'a MutatingWebhookConfiguration, &'a Service), ObjectRef> {
    let is_own = |meta: &meshlift_model::k8s::ObjectMeta| {
        meta.label(REV_LABEL) == Some(revision.as_str()) && meta.label(TAG_LABEL).is_none()
    };
    let injector = store
        .list_all::<MutatingWebhookConfiguration>()
        .find(|one| is_own(&one.metadata) && one.metadata.name.starts_with(INJECTOR_PREFIX))
        .ok_or_else(|| {
            ObjectRef::cluster(MutatingWebhookConfiguration::KIND, &format!("{INJECTOR_PREFIX}-{revision}"))
        })?;
    let service = store
        .list_all::<Service>()
        .find(|one| is_own(&one.metadata) && one.metadata.label("app") == Some("istiod"))
        .ok_or_else(|| ObjectRef::new(Service::KIND, "istio-system", &format!("istiod-{revision}")))?;
    Ok((injector, service))
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
    merged.labels.append(&mut new.labels);
    merged.annotations.append(&mut new.annotations);
    *new = merged;
    if let (Object::Service(service), Some(old)) = (&mut object, Service::from_object(&old)) {
        service.spec.cluster_ip.clone_from(&old.spec.cluster_ip);
    }
    store.update_object(object).map(drop)
}

/// The injector of an unrevisioned install gives way to the tag `default` once that is there.
fn deactivate_unrevisioned(store: &mut Store) -> Result<(), ApiError> {
    let (key, value) = DEACTIVATED;
    let never = LabelSelector::of_labels(&[(key.to_owned(), value.to_owned())].into());
    let unrevisioned = store.list_all::<MutatingWebhookConfiguration>().find(|one| {
        one.metadata.label(REV_LABEL) == Some("default") && one.metadata.label(TAG_LABEL).is_none()
    });
    let Some(name) = unrevisioned.map(|one| one.metadata.name.clone()) else { return Ok(()) };
    store
        .patch("", &name, |configuration: &mut MutatingWebhookConfiguration| {
            for webhook in &mut configuration.webhooks {
                webhook.namespace_selector = Some(never.clone());
                webhook.object_selector = Some(never.clone());
            }
        })
        .map(drop)
}
