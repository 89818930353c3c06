//! ML5018 to ML5021, ML5026: which revision is the default, what the target was tested with, machines.

use meshlift_model::k8s::ValidatingWebhookConfiguration;
use meshlift_model::snapshot::{ProxyStatus, Snapshot};

use super::Base::{Ambient, Sidecars, TwoRevisions};
use super::Mutation;
use super::changes::mesh_config;
use crate::edit::object;

const VALIDATOR: &str = "istiod-default-validator";

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML5026", TwoRevisions, "Revision/1-30-3"),
            |s, _| mesh_config(s, "accessLogFile: /dev/stdout\n"),
            // Of each revision its own istiod.
            |s, _| {
                mesh_config(s, "defaultConfig:\n  discoveryAddress: istiod-1-29-6.istio-system.svc:15012\n")
            },
        ),
        Mutation::new(
            ("ML5018", TwoRevisions, "ValidatingWebhookConfiguration/istiod-default-validator"),
            |s, _| validate(s, "1-30-3", "istiod-1-30-3"),
            // The tag's Service leads to the tag's revision, and the label names the tag.
            |s, _| validate(s, "default", "istiod-revision-tag-default"),
        ),
        Mutation::new(
            ("ML5019", Ambient, "Tag/default"),
            |s, _| {
                without_tag(s);
                s.objects.validating_webhooks.retain(|one| one.metadata.name != VALIDATOR);
            },
            |s, _| without_tag(s),
        ),
        Mutation::new(
            ("ML5020", Sidecars, "Cluster/kubernetes"),
            |s, _| s.kubernetes_version = Some("v1.37.0".into()),
            |s, _| s.kubernetes_version = Some("v1.36.9".into()),
        ),
        Mutation::new(
            ("ML5021", Sidecars, "Machine/web/vm-1"),
            |s, _| connect(s, "vm-1.web"),
            // A pod of a known workload that was there a moment ago.
            |s, _| connect(s, "bff-6d4cf56db6-zw9xk.web"),
        ),
    ]
}

/// The default validator names this revision and calls this Service.
fn validate(s: &mut Snapshot, label: &str, service: &str) {
    let validator: &mut ValidatingWebhookConfiguration = object(s, VALIDATOR);
    validator.metadata.labels.insert("istio.io/rev".into(), label.into());
    let called = validator.webhooks.iter_mut().filter_map(|webhook| webhook.client_config.service.as_mut());
    called.for_each(|called| called.name = service.into());
}

/// The tag `default` is gone, in both of its forms.
fn without_tag(s: &mut Snapshot) {
    let is_default = |label: Option<&str>| label == Some("default");
    s.objects.mutating_webhooks.retain(|one| !is_default(one.metadata.label("istio.io/tag")));
    s.objects.services.retain(|one| !is_default(one.metadata.label("istio.io/tag")));
}

/// One more sidecar is connected, under this name.
fn connect(s: &mut Snapshot, proxy: &str) {
    let mut all = s.istiods.values_mut().filter_map(|answers| answers.syncz.as_mut());
    let status = ProxyStatus {
        proxy: proxy.into(),
        proxy_type: "sidecar".into(),
        istio_version: "1.29.6".into(),
        ..ProxyStatus::default()
    };
    all.next().into_iter().for_each(|proxies| proxies.push(status.clone()));
}
