//! Who needs a revision and who follows a tag: from API objects, and from the istiods' connections.

use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::injection::is_istiod;
use meshlift_model::k8s::{
    CronJob, DaemonSet, Deployment, Gateway, MutatingWebhookConfiguration, Namespace, ObjectMeta, Pod,
    PodTemplateSpec, Resource, StatefulSet,
};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::tag_objects::DEFAULT_TAG;

use crate::proxies::Proxies;
use crate::source::{ObjectSource, namespace_of};
use crate::tags;

/// API objects that need a revision, each in words.
#[must_use]
pub fn api_consumers(source: &impl ObjectSource, revision: &RevisionName) -> Vec<String> {
    let name = revision.as_str();
    let mut found: Vec<String> = source
        .list_all::<Pod>()
        .filter(|pod| {
            !pod.is_finished() && !is_istiod(pod) && pod.metadata.annotation(REV_LABEL) == Some(name)
        })
        .map(|pod| format!("{} (annotation)", pod.object_ref()))
        .collect();
    found.extend(labelled(source, name));
    found.extend(selected(source, |configuration| {
        configuration.metadata.label(REV_LABEL) == Some(name)
            && configuration.metadata.label(TAG_LABEL).is_none()
    }));
    for tag in tags::tags_of(source, revision) {
        found.extend(followers(source, &tag).into_iter().map(|who| format!("{who} by tag {tag}")));
    }
    found
}

/// Proxies that are connected to the revision's istiods, each in words.
#[must_use]
pub fn connected(proxies: &impl Proxies, revision: &RevisionName) -> Vec<String> {
    proxies.connected_to(revision).iter().map(|pod| format!("{pod} (connection)")).collect()
}

/// What follows a tag: namespaces and Gateways by label, pod templates and pods by what the webhooks select.
#[must_use]
pub fn followers(source: &impl ObjectSource, tag: &TagName) -> Vec<String> {
    let mut found = labelled(source, tag.as_str());
    if tag.as_str() == DEFAULT_TAG {
        let enabled = |one: &&Namespace| one.metadata.label(INJECTION_LABEL) == Some("enabled");
        found.extend(
            source
                .list_all::<Namespace>()
                .filter(enabled)
                .map(|one| format!("{} ({INJECTION_LABEL}=enabled)", one.object_ref())),
        );
    }
    found.extend(selected(source, |configuration| {
        configuration.metadata.label(TAG_LABEL) == Some(tag.as_str())
    }));
    found
}

/// Namespaces and Gateways that carry a name as their revision. Where a namespace has `istio-injection` too, that
/// decides, and the name has no say.
fn labelled(source: &impl ObjectSource, name: &str) -> Vec<String> {
    let has = |meta: &ObjectMeta| meta.label(REV_LABEL) == Some(name);
    let namespaces = source
        .list_all::<Namespace>()
        .filter(|one| has(&one.metadata) && one.metadata.label(INJECTION_LABEL).is_none())
        .map(|one| one.object_ref());
    let gateways = source.list_all::<Gateway>().filter(|one| has(&one.metadata)).map(|one| one.object_ref());
    namespaces.chain(gateways).map(|who| format!("{who} ({REV_LABEL}={name})")).collect()
}

/// Templates that the webhooks of these configurations would inject because of their own labels.
fn selected(source: &impl ObjectSource, of: impl Fn(&MutatingWebhookConfiguration) -> bool) -> Vec<String> {
    let webhooks: Vec<_> = source
        .list_all::<MutatingWebhookConfiguration>()
        .filter(|one| of(one))
        .flat_map(|one| &one.webhooks)
        .collect();
    let mut found = Vec::new();
    for (owner, template) in templates(source) {
        if template.metadata.label(REV_LABEL).is_none() {
            continue;
        }
        let namespace = namespace_of(source, &owner.namespace);
        let mut pod = Pod { metadata: template.metadata.into(), spec: template.spec, ..Pod::default() };
        pod.metadata.namespace.clone_from(&owner.namespace);
        if webhooks.iter().any(|webhook| webhook.wants(&namespace, &pod)) {
            found.push(format!("{owner} (pod template)"));
        }
    }
    found
}

/// Pod templates of all workloads, and pods that nothing makes.
fn templates(source: &impl ObjectSource) -> Vec<(ObjectRef, PodTemplateSpec)> {
    let mut all: Vec<(ObjectRef, PodTemplateSpec)> = Vec::new();
    all.extend(source.list_all::<Deployment>().map(|one| (one.object_ref(), one.spec.template.clone())));
    all.extend(source.list_all::<StatefulSet>().map(|one| (one.object_ref(), one.spec.template.clone())));
    all.extend(source.list_all::<DaemonSet>().map(|one| (one.object_ref(), one.spec.template.clone())));
    all.extend(
        source
            .list_all::<CronJob>()
            .map(|one| (one.object_ref(), one.spec.job_template.spec.template.clone())),
    );
    let bare =
        source.list_all::<Pod>().filter(|pod| pod.metadata.controller().is_none() && !pod.is_finished());
    all.extend(bare.map(|pod| {
        (pod.object_ref(), PodTemplateSpec { metadata: (&pod.metadata).into(), spec: pod.spec.clone() })
    }));
    all
}
