//! Tags that are set and removed, in the form that `istioctl tag` writes.

use meshlift_model::defaults::{INJECT_LABEL, INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{
    MutatingWebhookConfiguration, ObjectMeta, Service, ValidatingWebhookConfiguration, Webhook,
    WebhookClientConfig,
};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::selector::{LabelSelector, Requirement};
use meshlift_model::snapshot::Snapshot;

use super::remove::remove_where;
use crate::control::UNREVISIONED;
use crate::injector::is_istio;
use crate::revisions::canonical_service;
use crate::tags::{DEFAULT_TAG, DEFAULT_VALIDATOR};

/// Label by which `istioctl tag set default` silences the unrevisioned injector (istio:
/// istioctl/pkg/tag/util.go).
const DEACTIVATED: (&str, &str) = ("istio.io/deactivated", "never-match");
/// Labels by which an installer claims an object; tags that a person sets have none of them.
const INSTALLER: &str = "operator.istio.io";

/// Points a tag at a revision.
pub(super) fn set(snapshot: &mut Snapshot, tag: &TagName, revision: &RevisionName) {
    let canonical =
        snapshot.objects.mutating_webhooks.iter().find(|one| is_canonical(one, revision)).cloned();
    let Some(canonical) = canonical else { return };
    let Some(client) = canonical.webhooks.first().map(|webhook| webhook.client_config.clone()) else {
        return;
    };
    let webhooks = &mut snapshot.objects.mutating_webhooks;
    let mut found = false;
    for configuration in webhooks.iter_mut().filter(|one| is_of(&one.metadata, tag)) {
        found = true;
        point(&mut configuration.metadata, revision);
        configuration.webhooks.iter_mut().for_each(|webhook| call(webhook, &client));
    }
    if !found {
        webhooks.push(configuration(tag, revision, &canonical));
    }
    set_service(snapshot, tag, revision);
    if tag.as_str() == DEFAULT_TAG {
        let former = snapshot.objects.mutating_webhooks.iter_mut();
        former.filter(|one| is_canonical(one, &UNREVISIONED.into())).for_each(deactivate);
        set_validator(snapshot, revision, &client);
    }
}

/// Removes a tag. The default validator stays, as with `istioctl tag remove`.
pub(super) fn remove(snapshot: &mut Snapshot, tag: &TagName) {
    remove_where(snapshot, &|reference, metadata| {
        let carrier = reference.kind == "MutatingWebhookConfiguration" || reference.kind == "Service";
        carrier && is_of(metadata, tag)
    });
}

fn is_of(metadata: &ObjectMeta, tag: &TagName) -> bool {
    metadata.label(TAG_LABEL) == Some(tag.as_str())
}

fn is_canonical(configuration: &MutatingWebhookConfiguration, revision: &RevisionName) -> bool {
    let metadata = &configuration.metadata;
    is_istio(configuration)
        && metadata.label(REV_LABEL) == Some(revision.as_str())
        && !metadata.labels.contains_key(TAG_LABEL)
}

fn point(metadata: &mut ObjectMeta, revision: &RevisionName) {
    metadata.labels.insert(REV_LABEL.to_owned(), revision.as_str().to_owned());
}

/// Calls whom the revision's own webhooks call, by the same path as before where there is one.
fn call(webhook: &mut Webhook, client: &WebhookClientConfig) {
    let path = webhook.client_config.service.take().map(|service| service.path);
    webhook.client_config = client.clone();
    if let (Some(service), Some(path)) = (&mut webhook.client_config.service, path) {
        service.path = path;
    }
}

fn configuration(
    tag: &TagName,
    revision: &RevisionName,
    canonical: &MutatingWebhookConfiguration,
) -> MutatingWebhookConfiguration {
    let mut metadata = ObjectMeta { name: format!("istio-revision-tag-{tag}"), ..ObjectMeta::default() };
    metadata.uid = format!("projected-{}", metadata.name);
    metadata.labels = canonical.metadata.labels.clone();
    metadata.labels.retain(|key, _| !key.contains(INSTALLER));
    metadata.labels.insert(TAG_LABEL.to_owned(), tag.as_str().to_owned());
    point(&mut metadata, revision);
    let shape = canonical.webhooks.first().cloned().unwrap_or_default();
    let webhooks = selectors(tag).into_iter().map(|(name, namespace, object)| Webhook {
        name: name.to_owned(),
        namespace_selector: Some(selector(namespace)),
        object_selector: Some(selector(object)),
        ..shape.clone()
    });
    MutatingWebhookConfiguration { metadata, webhooks: webhooks.collect() }
}

type Expressions = Vec<(&'static str, &'static str, Vec<String>)>;

/// Webhooks of a tag with their selectors (istio: revision-tags-mwc.yaml of the istiod chart).
fn selectors(tag: &TagName) -> Vec<(&'static str, Expressions, Expressions)> {
    let own = || vec![tag.as_str().to_owned()];
    let absent = |key: &'static str| (key, "DoesNotExist", Vec::new());
    let not_refused = || (INJECT_LABEL, "NotIn", vec!["false".to_owned()]);
    let mut all = vec![
        (
            "rev.namespace.sidecar-injector.istio.io",
            vec![(REV_LABEL, "In", own()), absent(INJECTION_LABEL)],
            vec![not_refused()],
        ),
        (
            "rev.object.sidecar-injector.istio.io",
            vec![absent(REV_LABEL), absent(INJECTION_LABEL)],
            vec![not_refused(), (REV_LABEL, "In", own())],
        ),
    ];
    if tag.as_str() == DEFAULT_TAG {
        all.push((
            "namespace.sidecar-injector.istio.io",
            vec![(INJECTION_LABEL, "In", vec!["enabled".to_owned()])],
            vec![not_refused()],
        ));
        all.push((
            "object.sidecar-injector.istio.io",
            vec![absent(INJECTION_LABEL), absent(REV_LABEL)],
            vec![(INJECT_LABEL, "In", vec!["true".to_owned()]), absent(REV_LABEL)],
        ));
    }
    all
}

fn selector(expressions: Expressions) -> LabelSelector {
    let requirement = |(key, operator, values): (&str, &str, Vec<String>)| Requirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values,
    };
    LabelSelector {
        match_expressions: expressions.into_iter().map(requirement).collect(),
        ..LabelSelector::default()
    }
}

fn deactivate(configuration: &mut MutatingWebhookConfiguration) {
    let never = LabelSelector {
        match_labels: [(DEACTIVATED.0.to_owned(), DEACTIVATED.1.to_owned())].into_iter().collect(),
        ..LabelSelector::default()
    };
    for webhook in &mut configuration.webhooks {
        webhook.namespace_selector = Some(never.clone());
        webhook.object_selector = Some(never.clone());
    }
}

fn set_service(snapshot: &mut Snapshot, tag: &TagName, revision: &RevisionName) {
    let Some(canonical) = canonical_service(snapshot, revision).cloned() else { return };
    let services = &mut snapshot.objects.services;
    if let Some(service) = services.iter_mut().find(|one| is_of(&one.metadata, tag)) {
        point(&mut service.metadata, revision);
        service.spec.selector = canonical.spec.selector;
        return;
    }
    let mut service = Service { spec: canonical.spec, ..Service::default() };
    service.metadata.name = format!("istiod-revision-tag-{tag}");
    service.metadata.namespace = canonical.metadata.namespace;
    service.metadata.uid = format!("projected-{}", service.metadata.name);
    service.metadata.labels = canonical.metadata.labels;
    service.metadata.labels.retain(|key, _| !key.contains(INSTALLER));
    service.metadata.labels.insert(TAG_LABEL.to_owned(), tag.as_str().to_owned());
    point(&mut service.metadata, revision);
    services.push(service);
}

fn set_validator(snapshot: &mut Snapshot, revision: &RevisionName, client: &WebhookClientConfig) {
    let found =
        snapshot.objects.validating_webhooks.iter_mut().find(|one| one.metadata.name == DEFAULT_VALIDATOR);
    let Some(ValidatingWebhookConfiguration { metadata, webhooks }) = found else { return };
    point(metadata, revision);
    webhooks.iter_mut().for_each(|webhook| call(webhook, client));
}
