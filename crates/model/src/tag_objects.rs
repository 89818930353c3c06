//! The objects of a revision tag, built as `istioctl tag set` builds them (istio `istioctl/pkg/tag/generate.go`,
//! 1.28 and later): a webhook configuration and a Service, and for `default` the validator.
//!
//! Pure, so that the twin and a writer to a real cluster share it. What the installer put on the revision's own
//! objects (`operator.istio.io` labels) is left off: then no prune and no uninstall touches the tag.

use crate::defaults::{INJECT_LABEL, INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use crate::k8s::{
    IntOrString, MutatingWebhookConfiguration, Object, Rule, Service, Shared, StringMap,
    ValidatingWebhookConfiguration, Webhook, WebhookClientConfig,
};
use crate::names::{ObjectRef, RevisionName, TagName};
use crate::selector::{LabelSelector, Requirement};

/// The tag that whatever selects nothing follows.
pub const DEFAULT_TAG: &str = "default";
/// The validator of the default revision.
pub const DEFAULT_VALIDATOR: &str = "istiod-default-validator";
/// Part of the keys of labels that mark an installer's objects.
const INSTALLER: &str = "operator.istio.io";

/// What a tag's objects are made from: the revision's own.
#[derive(Clone, Copy, Debug)]
pub struct TagSource<'a> {
    /// Its revision.
    pub revision: &'a RevisionName,
    /// Its injector webhook configuration.
    pub injector: &'a MutatingWebhookConfiguration,
    /// Its Service.
    pub service: &'a Service,
}

/// Name of a tag's webhook configuration.
#[must_use]
pub fn tag_webhook_name(tag: &TagName) -> String {
    format!("istio-revision-tag-{tag}")
}

/// Name of a tag's Service.
#[must_use]
pub fn tag_service_name(tag: &TagName) -> String {
    format!("istiod-revision-tag-{tag}")
}

/// References to the objects of a tag whose istiod lives in that namespace.
#[must_use]
pub fn tag_object_refs(tag: &TagName, system_namespace: &str) -> Vec<ObjectRef> {
    let mut refs = vec![
        ObjectRef::cluster("MutatingWebhookConfiguration", &tag_webhook_name(tag)),
        ObjectRef::new("Service", system_namespace, &tag_service_name(tag)),
    ];
    if tag.as_str() == DEFAULT_TAG {
        refs.push(ObjectRef::cluster("ValidatingWebhookConfiguration", DEFAULT_VALIDATOR));
    }
    refs
}

/// The objects of a tag that points at the source's revision: webhooks first.
#[must_use]
pub fn tag_objects(tag: &TagName, source: &TagSource<'_>) -> Vec<Object> {
    let mut objects = vec![Object::MutatingWebhookConfiguration(webhooks(tag, source))];
    if tag.as_str() == DEFAULT_TAG {
        objects.push(Object::ValidatingWebhookConfiguration(validator(tag, source)));
    }
    objects.push(Object::Service(service(tag, source)));
    objects
}

/// Labels of the revision's object, without its installer's, as those of a tag.
fn labels(own: &StringMap, tag: &TagName, source: &TagSource<'_>) -> StringMap {
    let mut labels = own.clone();
    labels.retain(|key, _| !key.contains(INSTALLER));
    labels.insert(REV_LABEL.to_owned(), source.revision.as_str().to_owned());
    labels.insert(TAG_LABEL.to_owned(), tag.as_str().to_owned());
    labels
}

fn requirement(key: &str, operator: &str, values: &[&str]) -> Requirement {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Requirement { key: key.to_owned(), operator: operator.to_owned(), values }
}

fn all_of(requirements: &[Requirement]) -> Option<LabelSelector> {
    Some(LabelSelector { match_labels: Shared::default(), match_expressions: requirements.to_vec() })
}

fn webhooks(tag: &TagName, source: &TagSource<'_>) -> MutatingWebhookConfiguration {
    let mut configuration = MutatingWebhookConfiguration::default();
    configuration.metadata.name = tag_webhook_name(tag);
    configuration.metadata.labels = labels(&source.injector.metadata.labels, tag, source).into();
    configuration.metadata.labels.insert("app".to_owned(), "sidecar-injector".to_owned());
    configuration.metadata.annotations.clone_from(&source.injector.metadata.annotations);
    configuration.webhooks = entries(tag)
        .into_iter()
        .map(|(name, namespaces, pods)| webhook(source, name, all_of(&namespaces), all_of(&pods)))
        .collect();
    configuration
}

type Entry = (&'static str, Vec<Requirement>, Vec<Requirement>);

/// Names and selectors of a tag's webhooks (chart `istio-discovery`, `revision-tags-mwc.yaml`).
fn entries(tag: &TagName) -> Vec<Entry> {
    let has = |key: &str, values: &[&str]| requirement(key, "In", values);
    let lacks = |key: &str| requirement(key, "DoesNotExist", &[]);
    let not_refused = || requirement(INJECT_LABEL, "NotIn", &["false"]);
    let tag_is = || has(REV_LABEL, &[tag.as_str()]);
    let mut entries = vec![
        (
            "rev.namespace.sidecar-injector.istio.io",
            vec![tag_is(), lacks(INJECTION_LABEL)],
            vec![not_refused()],
        ),
        (
            "rev.object.sidecar-injector.istio.io",
            vec![lacks(REV_LABEL), lacks(INJECTION_LABEL)],
            vec![not_refused(), tag_is()],
        ),
    ];
    if tag.as_str() == DEFAULT_TAG {
        entries.push((
            "namespace.sidecar-injector.istio.io",
            vec![has(INJECTION_LABEL, &["enabled"])],
            vec![not_refused()],
        ));
        entries.push((
            "object.sidecar-injector.istio.io",
            vec![lacks(INJECTION_LABEL), lacks(REV_LABEL)],
            vec![has(INJECT_LABEL, &["true"]), lacks(REV_LABEL)],
        ));
    }
    entries
}

fn webhook(
    source: &TagSource<'_>,
    name: &str,
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
) -> Webhook {
    let canonical = source.injector.webhooks.first();
    let text = |words: &str| vec![words.to_owned()];
    Webhook {
        name: name.to_owned(),
        client_config: canonical.map(|own| own.client_config.clone()).unwrap_or_default(),
        rules: vec![Rule {
            api_groups: text(""),
            api_versions: text("v1"),
            operations: text("CREATE"),
            resources: text("pods"),
            ..Rule::default()
        }],
        failure_policy: "Fail".to_owned(),
        namespace_selector,
        object_selector,
        reinvocation_policy: canonical.map(|own| own.reinvocation_policy.clone()).unwrap_or_default(),
        side_effects: "None".to_owned(),
        ..Webhook::default()
    }
}

fn validator(tag: &TagName, source: &TagSource<'_>) -> ValidatingWebhookConfiguration {
    let mut configuration = ValidatingWebhookConfiguration::default();
    configuration.metadata.name = DEFAULT_VALIDATOR.to_owned();
    configuration.metadata.labels = labels(&source.injector.metadata.labels, tag, source).into();
    for key in ["app", "istio"] {
        configuration.metadata.labels.insert(key.to_owned(), "istiod".to_owned());
    }
    let own = source.injector.webhooks.first().map(|own| own.client_config.clone()).unwrap_or_default();
    let service = own.service.map(|mut service| {
        service.path = "/validate".to_owned();
        service.port = None;
        service
    });
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    configuration.webhooks = vec![Webhook {
        name: "validation.istio.io".to_owned(),
        client_config: WebhookClientConfig { service, url: own.url, ca_bundle: own.ca_bundle },
        rules: vec![Rule {
            api_groups: list(&[
                "security.istio.io",
                "networking.istio.io",
                "telemetry.istio.io",
                "extensions.istio.io",
            ]),
            api_versions: list(&["*"]),
            operations: list(&["CREATE", "UPDATE"]),
            resources: list(&["*"]),
            ..Rule::default()
        }],
        object_selector: all_of(&[requirement(REV_LABEL, "DoesNotExist", &[])]),
        side_effects: "None".to_owned(),
        ..Webhook::default()
    }];
    configuration
}

/// The tag's Service: the revision's ports and pods. Ports that istioctl leaves at 0 are those of the Service
/// itself once the API server has stored them.
fn service(tag: &TagName, source: &TagSource<'_>) -> Service {
    let mut service = Service::default();
    service.metadata.name = tag_service_name(tag);
    service.metadata.namespace.clone_from(&source.service.metadata.namespace);
    service.metadata.labels = labels(&source.service.metadata.labels, tag, source).into();
    service.metadata.annotations.clone_from(&source.service.metadata.annotations);
    service.spec.selector.clone_from(&source.service.spec.selector);
    service.spec.ports.clone_from(&source.service.spec.ports);
    for port in &mut service.spec.ports {
        if port.target_port == IntOrString::default() {
            port.target_port = IntOrString::Int(port.port);
        }
        port.node_port = 0;
    }
    service
}
