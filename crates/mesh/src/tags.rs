//! Revision tags, in both forms, and what a name resolves to.

use std::collections::BTreeMap;

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{ObjectMeta, Resource};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::snapshot::Snapshot;

use crate::facts::{Follows, Revision, Tag};
use crate::injector::is_istio;

/// Tag that `istio-injection=enabled` follows.
pub(crate) const DEFAULT_TAG: &str = "default";
/// The one object by which Istio looks for the default revision where no tag `default` exists (istio:
/// pkg/revisions/tag_watcher.go).
pub(crate) const DEFAULT_VALIDATOR: &str = "istiod-default-validator";

/// Tags by name.
pub(crate) fn tags(
    snapshot: &Snapshot,
    revisions: &BTreeMap<RevisionName, Revision>,
) -> BTreeMap<TagName, Tag> {
    let mut tags: BTreeMap<TagName, Tag> = BTreeMap::new();
    let mut webhooks: Vec<_> =
        snapshot.objects.mutating_webhooks.iter().filter(|one| is_istio(one)).collect();
    webhooks.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    for configuration in webhooks {
        let Some(tag) = entry(&mut tags, &configuration.metadata) else { continue };
        if tag.webhook.is_none() {
            tag.webhook = Some(configuration.metadata.name.clone());
            tag.revision = configuration.metadata.label(REV_LABEL).map(RevisionName::new);
        }
    }
    let services = snapshot.objects.services.iter();
    let mut services: Vec<_> = services.filter(|one| one.metadata.label(TAG_LABEL).is_some()).collect();
    services.sort_by_key(|service| service.metadata.path());
    for service in services {
        let Some(tag) = entry(&mut tags, &service.metadata) else { continue };
        if tag.service.is_none() {
            tag.service = Some(service.object_ref());
            tag.service_revision = service.metadata.label(REV_LABEL).map(RevisionName::new);
        }
    }
    for tag in tags.values_mut() {
        let target = tag.revision.as_ref().or(tag.service_revision.as_ref());
        tag.served = target.and_then(|name| revisions.get(name)).is_some_and(|revision| revision.ready > 0);
    }
    tags
}

fn entry<'t>(tags: &'t mut BTreeMap<TagName, Tag>, metadata: &ObjectMeta) -> Option<&'t mut Tag> {
    let name = TagName::new(metadata.label(TAG_LABEL).filter(|name| !name.is_empty())?);
    Some(tags.entry(name.clone()).or_insert(Tag {
        name,
        revision: None,
        service_revision: None,
        webhook: None,
        service: None,
        served: false,
    }))
}

/// The default revision: by tag `default`, else by the default validator.
pub(crate) fn default_revision(snapshot: &Snapshot, tags: &BTreeMap<TagName, Tag>) -> Option<RevisionName> {
    let by_tag = tags.get(&TagName::new(DEFAULT_TAG)).and_then(|tag| tag.revision.clone());
    let validator =
        snapshot.objects.validating_webhooks.iter().find(|one| one.metadata.name == DEFAULT_VALIDATOR);
    by_tag.or_else(|| validator?.metadata.label(REV_LABEL).map(RevisionName::new))
}

/// What names resolve to where a Gateway uses them: tags of either form, and revisions.
pub(crate) struct Names<'m> {
    pub(crate) tags: &'m BTreeMap<TagName, Tag>,
    pub(crate) revisions: &'m BTreeMap<RevisionName, Revision>,
    pub(crate) default_revision: Option<&'m RevisionName>,
}

impl Names<'_> {
    /// What a name follows, and the revision that this is now.
    pub(crate) fn resolve(&self, name: &str) -> (Follows, Option<RevisionName>) {
        if let Some(tag) = self.tags.get(&TagName::new(name)) {
            let revision = tag.revision.clone().or_else(|| tag.service_revision.clone());
            return (Follows::Tag { tag: tag.name.clone() }, revision);
        }
        let revision = RevisionName::new(name);
        if self.revisions.contains_key(&revision) {
            return (Follows::Revision { revision: revision.clone() }, Some(revision));
        }
        (Follows::Unserved { name: name.to_owned() }, None)
    }

    /// What selects nothing follows: the default revision, by its tag where there is one.
    pub(crate) fn default(&self) -> (Follows, Option<RevisionName>) {
        if self.tags.contains_key(&TagName::new(DEFAULT_TAG)) {
            return self.resolve(DEFAULT_TAG);
        }
        match self.default_revision {
            Some(revision) => (Follows::Revision { revision: revision.clone() }, Some(revision.clone())),
            None => (Follows::Nothing, None),
        }
    }

    /// Revision that a follower resolves to now.
    pub(crate) fn revision(&self, follows: &Follows) -> Option<RevisionName> {
        match follows {
            Follows::Tag { tag } => self.resolve(tag.as_str()).1,
            Follows::Revision { revision } => Some(revision.clone()),
            Follows::Unserved { .. } | Follows::Nothing => None,
        }
    }
}
