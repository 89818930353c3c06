//! What an istiod writes into the webhooks of its revision: its root certificate, and that its validation
//! works (istio `pkg/webhooks`).

use meshlift_model::defaults::{REV_LABEL, ROOT_CERT};
use meshlift_model::k8s::{
    ConfigMap, MutatingWebhookConfiguration, Pod, Resource, ValidatingWebhookConfiguration, Webhook,
};
use meshlift_model::names::ObjectRef;

use super::serves;
use crate::actor::{Requeue, Wakes};
use crate::admission::injector::{is_istiod, revision_of_istiod};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, Store};

/// Ending of the names of injection webhooks.
const INJECTOR: &str = "sidecar-injector.istio.io";
/// Ending of the names of validation webhooks.
const VALIDATOR: &str = "validation.istio.io";

/// Wakes the webhook configurations that a change may concern.
pub(super) fn watch(change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
    if change.is_deletion() {
        return;
    }
    if let Some(configuration) = change.of::<MutatingWebhookConfiguration>() {
        wakes.now(configuration.object_ref());
    } else if let Some(configuration) = change.of::<ValidatingWebhookConfiguration>() {
        wakes.now(configuration.object_ref());
    } else if change.of::<Pod>().is_some_and(|pod| is_istiod(pod) && serves(pod))
        && !change.before::<Pod>().is_some_and(serves)
    {
        let mutating = cluster.store.list_all::<MutatingWebhookConfiguration>().map(Resource::object_ref);
        let validating = cluster.store.list_all::<ValidatingWebhookConfiguration>().map(Resource::object_ref);
        mutating.chain(validating).for_each(|key| wakes.now(key));
    }
}

/// Patches one configuration, if an istiod of its revision serves.
pub(super) fn sync(key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
    let store = &mut cluster.store;
    let Some(object) = store.object(key) else { return Ok(Requeue::Done) };
    let Some(bundle) = object.meta().label(REV_LABEL).and_then(|revision| bundle(store, revision)) else {
        return Ok(Requeue::Done);
    };
    if key.kind == MutatingWebhookConfiguration::KIND {
        store.patch("", &key.name, |configuration: &mut MutatingWebhookConfiguration| {
            ours(&mut configuration.webhooks, INJECTOR).for_each(|webhook| set_bundle(webhook, &bundle));
        })?;
    } else {
        store.patch("", &key.name, |configuration: &mut ValidatingWebhookConfiguration| {
            for webhook in ours(&mut configuration.webhooks, VALIDATOR) {
                set_bundle(webhook, &bundle);
                webhook.failure_policy = "Fail".to_owned();
            }
        })?;
    }
    Ok(Requeue::Done)
}

fn ours<'a>(webhooks: &'a mut [Webhook], ending: &'a str) -> impl Iterator<Item = &'a mut Webhook> {
    webhooks.iter_mut().filter(move |webhook| webhook.name.ends_with(ending))
}

fn set_bundle(webhook: &mut Webhook, bundle: &str) {
    bundle.clone_into(&mut webhook.client_config.ca_bundle);
}

/// The root certificate of a revision that serves, as webhooks carry it.
fn bundle(store: &Store, revision: &str) -> Option<String> {
    let istiod = store.list_all::<Pod>().find(|pod| {
        is_istiod(pod) && serves(pod) && revision_of_istiod(pod).is_some_and(|own| own.as_str() == revision)
    })?;
    let map = store.get::<ConfigMap>(&istiod.metadata.namespace, ROOT_CERT.0)?;
    map.data.get(ROOT_CERT.1).filter(|root| !root.is_empty()).map(|root| base64(root.as_bytes()))
}

/// Standard base64 with padding (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_usize, |group, byte| group << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[group >> (18 - 6 * place) & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
