//! What istiods write: the caBundle of their webhooks, and the root in every namespace.

use k8s_openapi::api::core::v1::{ConfigMap, Pod as ApiPod};
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use meshlift_cluster::forward_ports;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::k8s::{Pod, Resource, Webhook};
use serde_json::{Value, json};

use crate::error::StandinError;
use crate::inject::base64;
use crate::mirror::Mirror;
use crate::serve::ports;

/// Webhooks that are an istiod's: `pkg/webhooks/webhookpatch.go` and `pkg/webhooks/validation/controller`.
const OWN: [&str; 2] = ["sidecar-injector.istio.io", "validation.istio.io"];
/// ConfigMap with the root, in every namespace.
const ROOT: &str = "istio-ca-root-cert";
/// Key in it.
const ROOT_KEY: &str = "root-cert.pem";

/// A write that is due.
pub(crate) enum Write {
    /// JSON patch of a webhook configuration.
    Bundle { kind: &'static str, name: String, patch: Value },
    /// The root, in a namespace.
    Root { namespace: String },
}

/// Everything that does not carry this root yet.
pub(crate) fn due(mirror: &Mirror, root: &str) -> Vec<Write> {
    let bundle = base64(root.as_bytes());
    let revisions: Vec<String> = mirror.istiods().map(|(_, revision)| revision).collect();
    let is_own = |labels: &meshlift_model::k8s::ObjectMeta| {
        labels.label(REV_LABEL).is_some_and(|own| revisions.iter().any(|revision| revision == own))
    };
    let mut writes = Vec::new();
    let mutating =
        mirror.mutating.iter().map(|found| (found.meta(), &found.webhooks, "MutatingWebhookConfiguration"));
    let validating = mirror
        .validating
        .iter()
        .map(|found| (found.meta(), &found.webhooks, "ValidatingWebhookConfiguration"));
    for (meta, webhooks, kind) in mutating.chain(validating).filter(|(meta, ..)| is_own(meta)) {
        let patch = bundle_patch(webhooks, &bundle);
        if !patch.is_empty() {
            writes.push(Write::Bundle { kind, name: meta.name.clone(), patch: Value::Array(patch) });
        }
    }
    if revisions.is_empty() {
        return writes;
    }
    let has_root = |namespace: &str| {
        let found = mirror.config_maps.get(&(namespace.to_owned(), ROOT.to_owned()));
        found.is_some_and(|map| map.data.get(ROOT_KEY).is_some_and(|known| known == root))
    };
    for namespace in mirror.namespaces.iter().filter(|one| one.metadata.deletion_timestamp.is_none()) {
        if !has_root(&namespace.metadata.name) {
            writes.push(Write::Root { namespace: namespace.metadata.name.clone() });
        }
    }
    writes
}

fn bundle_patch(webhooks: &[Webhook], bundle: &str) -> Vec<Value> {
    let own = |webhook: &Webhook| {
        OWN.iter().any(|ending| webhook.name.ends_with(ending)) && webhook.client_config.ca_bundle != bundle
    };
    let due = webhooks.iter().enumerate().filter(|(_, webhook)| own(webhook));
    due.flat_map(|(place, webhook)| {
        let at = format!("/webhooks/{place}");
        [
            // Places may have changed since.
            json!({"op": "test", "path": format!("{at}/name"), "value": webhook.name}),
            json!({"op": "add", "path": format!("{at}/clientConfig/caBundle"), "value": bundle}),
        ]
    })
    .collect()
}

/// Carries a write out.
pub(crate) async fn write(client: &Client, write: &Write, root: &str) -> Result<(), StandinError> {
    match write {
        Write::Bundle { kind, name, patch } => {
            let failed = || StandinError::api(format!("caBundle of {name}"));
            let path = format!("/apis/admissionregistration.k8s.io/v1/{}/{name}", kind.to_lowercase() + "s");
            let request = http::Request::patch(path)
                .header(http::header::CONTENT_TYPE, "application/json-patch+json")
                .body(patch.to_string().into_bytes());
            let request = request.map_err(|error| failed()(kube::Error::HttpError(error)))?;
            client.request::<Value>(request).await.map(drop).map_err(failed())
        }
        Write::Root { namespace } => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            let map = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": ROOT, "namespace": namespace, "labels": {"istio.io/config": "true"}},
                "data": {ROOT_KEY: root},
            });
            let params = PatchParams::apply("istiod").force();
            let applied = api.patch(ROOT, &params, &Patch::Apply(&map)).await;
            applied.map(drop).map_err(StandinError::api(format!("root in {namespace}")))
        }
    }
}

/// Lets port-forwards reach an istiod.
pub(crate) async fn forward(client: &Client, istiod: &Pod) -> Result<(), StandinError> {
    let pod: ApiPod = serde_json::from_value(json!({
        "metadata": {
            "name": istiod.metadata.name, "namespace": istiod.metadata.namespace, "uid": istiod.metadata.uid,
        },
        "status": {"podIP": istiod.status.pod_ip},
    }))
    .unwrap_or_default();
    Ok(forward_ports(client, &pod, &ports()).await?)
}
