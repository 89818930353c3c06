//! Revision tags: which objects carry them, and what they are made from.

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{
    MutatingWebhookConfiguration, ObjectMeta, Resource, Service, ValidatingWebhookConfiguration,
};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::selector::LabelSelector;
use meshlift_model::tag_objects::TagSource;

use crate::source::ObjectSource;

/// Kind by which effects name the objects of a tag.
pub const TAG_GROUP: &str = "RevisionTag";
/// Selector that nothing matches, by which istioctl puts an unrevisioned injector out of action.
const DEACTIVATED: (&str, &str) = ("istio.io/deactivated", "never-match");
/// Webhook configurations of a revision's own injector begin like this.
const INJECTOR_PREFIX: &str = "istio-sidecar-injector";

/// What a tag's webhook and its Service point at.
#[must_use]
pub fn forms(source: &impl ObjectSource, tag: &TagName) -> (Option<RevisionName>, Option<RevisionName>) {
    (
        points_at(source.list_all::<MutatingWebhookConfiguration>().map(|one| &one.metadata), tag),
        points_at(source.list_all::<Service>().map(|one| &one.metadata), tag),
    )
}

/// The revision that the first object of a tag names.
fn points_at<'a>(mut metas: impl Iterator<Item = &'a ObjectMeta>, tag: &TagName) -> Option<RevisionName> {
    let tagged = metas.find(|meta| meta.label(TAG_LABEL) == Some(tag.as_str()))?;
    tagged.label(REV_LABEL).map(RevisionName::new)
}

/// Tags that point at a revision, by webhook or by Service.
#[must_use]
pub fn tags_of(source: &impl ObjectSource, revision: &RevisionName) -> Vec<TagName> {
    let metas = source
        .list_all::<MutatingWebhookConfiguration>()
        .map(|one| &one.metadata)
        .chain(source.list_all::<Service>().map(|one| &one.metadata));
    let mut tags: Vec<TagName> = metas
        .filter(|meta| meta.label(REV_LABEL) == Some(revision.as_str()))
        .filter_map(|meta| meta.label(TAG_LABEL).map(TagName::new))
        .collect();
    tags.sort();
    tags.dedup();
    tags
}

/// References to the objects that carry a tag.
#[must_use]
pub fn refs(source: &impl ObjectSource, tag: &TagName) -> Vec<ObjectRef> {
    let mut refs = tagged::<MutatingWebhookConfiguration>(source, tag);
    refs.extend(tagged::<Service>(source, tag));
    refs.extend(tagged::<ValidatingWebhookConfiguration>(source, tag));
    refs
}

fn tagged<R: Resource + 'static>(source: &impl ObjectSource, tag: &TagName) -> Vec<ObjectRef> {
    let own = source.list_all::<R>().filter(|one| one.meta().label(TAG_LABEL) == Some(tag.as_str()));
    own.map(Resource::object_ref).collect()
}

/// The revision's own injector and Service, of which its tags are made.
///
/// # Errors
/// The object that is missing.
pub fn source_of<'a>(
    source: &'a impl ObjectSource,
    revision: &'a RevisionName,
) -> Result<TagSource<'a>, ObjectRef> {
    let is_own = |meta: &ObjectMeta| {
        meta.label(REV_LABEL) == Some(revision.as_str()) && meta.label(TAG_LABEL).is_none()
    };
    let injector = source
        .list_all::<MutatingWebhookConfiguration>()
        .find(|one| is_own(&one.metadata) && one.metadata.name.starts_with(INJECTOR_PREFIX))
        .ok_or_else(|| {
            ObjectRef::cluster(MutatingWebhookConfiguration::KIND, &format!("{INJECTOR_PREFIX}-{revision}"))
        })?;
    let service = source
        .list_all::<Service>()
        .find(|one| is_own(&one.metadata) && one.metadata.label("app") == Some("istiod"))
        .ok_or_else(|| ObjectRef::new(Service::KIND, "istio-system", &format!("istiod-{revision}")))?;
    Ok(TagSource { revision, injector, service })
}

/// The injector of an unrevisioned install; it gives way to the tag `default` once that is there.
#[must_use]
pub fn unrevisioned_injector(source: &impl ObjectSource) -> Option<&MutatingWebhookConfiguration> {
    source.list_all::<MutatingWebhookConfiguration>().find(|one| {
        one.metadata.label(REV_LABEL) == Some("default") && one.metadata.label(TAG_LABEL).is_none()
    })
}

/// The injector out of action: none of its webhooks selects anything (istioctl `DeactivateIstioInjectionWebhook`).
#[must_use]
pub fn deactivated(injector: &MutatingWebhookConfiguration) -> MutatingWebhookConfiguration {
    let (key, value) = DEACTIVATED;
    let never = LabelSelector::of_labels(&[(key.to_owned(), value.to_owned())].into());
    let mut injector = injector.clone();
    for webhook in &mut injector.webhooks {
        webhook.namespace_selector = Some(never.clone());
        webhook.object_selector = Some(never.clone());
    }
    injector
}
