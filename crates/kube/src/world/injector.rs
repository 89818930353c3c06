//! The injector, asked without the API server: what would a pod become that a quota keeps from being created?

use k8s_openapi::ByteString;
use meshlift_model::defaults::STATUS_ANNOTATION;
use meshlift_model::effect::Failure;
use meshlift_model::injection::{InjectionStatus, is_istiod};
use meshlift_model::k8s::{MutatingWebhookConfiguration, Namespace, Pod, Service, Webhook};
use meshlift_model::names::RevisionName;
use meshlift_model::selector::LabelSelector;
use meshlift_views::source::namespace_of;
use serde_json::Value;

use super::lists::Reading;
use super::{Hands, places, writes};
use crate::webhook::review;

impl Hands {
    /// The revision that would inject the pod; absent where none would.
    ///
    /// Fails where it is not known: several webhooks want the pod, or the one that does gave no answer.
    pub(super) async fn ask_injector(&self, pod: &Value) -> Result<Option<RevisionName>, Failure> {
        let typed: Pod = writes::read(pod)?;
        let mut reading = Reading::new(&self.calls);
        reading.need::<MutatingWebhookConfiguration>("", "").await?;
        reading.one::<Namespace>("", &typed.metadata.namespace).await?;
        let namespace = namespace_of(&reading.objects, &typed.metadata.namespace);
        let all = reading.objects.mutating_webhooks.iter().flat_map(|one| &one.webhooks);
        let wanting: Vec<&Webhook> = all.filter(|webhook| webhook.wants(&namespace, &typed)).collect();
        let unknown =
            |why: String| Failure::Unavailable { message: format!("the injector was asked directly: {why}") };
        let webhook = match wanting.as_slice() {
            [] => return Ok(None),
            [webhook] => webhook,
            several => return Err(unknown(format!("{} webhooks want the pod", several.len()))),
        };
        let istiod = self.behind(webhook).await?;
        let istiod = istiod.ok_or_else(|| unknown(format!("no istiod is ready behind {}", webhook.name)))?;
        let reviewed = self.istiods.review(&istiod, webhook, &review("pods", pod)).await.map_err(unknown)?;
        Ok(injected_by(&reviewed))
    }

    /// A ready istiod behind a webhook's Service.
    async fn behind(&self, webhook: &Webhook) -> Result<Option<Pod>, Failure> {
        let Some(target) = &webhook.client_config.service else { return Ok(None) };
        let mut reading = Reading::new(&self.calls);
        reading.one::<Service>(&target.namespace, &target.name).await?;
        let Some(service) = reading.objects.services.first() else { return Ok(None) };
        let selector = places::selector(&LabelSelector::of_labels(&service.spec.selector));
        reading.need::<Pod>(&target.namespace, &selector).await?;
        Ok(reading.objects.pods.into_iter().find(|pod| pod.is_ready() && is_istiod(pod)))
    }
}

/// The revision in the status annotation that the answer's JSON patch writes.
fn injected_by(reviewed: &Value) -> Option<RevisionName> {
    let patch: ByteString = serde_json::from_value(reviewed.pointer("/response/patch")?.clone()).ok()?;
    let operations: Vec<Value> = serde_json::from_slice(&patch.0).ok()?;
    let path = format!("/metadata/annotations/{}", STATUS_ANNOTATION.replace('/', "~1"));
    let text = operations.iter().find_map(|operation| match operation["path"].as_str()? {
        "/metadata/annotations" => operation["value"][STATUS_ANNOTATION].as_str(),
        one if one == path => operation["value"].as_str(),
        _ => None,
    })?;
    let status: InjectionStatus = serde_json::from_str(text).ok()?;
    Some(RevisionName::new(status.revision))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(operations: &Value) -> Value {
        let patch = ByteString(operations.to_string().into_bytes());
        json!({"response": {"uid": "meshlift", "allowed": true, "patchType": "JSONPatch", "patch": patch}})
    }

    #[test]
    fn the_revision_stands_in_the_patch_in_either_form() {
        let status = json!({"revision": "1-30-3"}).to_string();
        let one =
            json!([{"op": "add", "path": "/metadata/annotations/sidecar.istio.io~1status", "value": status}]);
        let all =
            json!([{"op": "add", "path": "/metadata/annotations", "value": {STATUS_ANNOTATION: status}}]);
        for operations in [one, all] {
            assert_eq!(injected_by(&answer(&operations)), Some("1-30-3".into()));
        }
        assert_eq!(injected_by(&answer(&json!([]))), None);
        assert_eq!(injected_by(&json!({"response": {"allowed": true}})), None, "let pass as it is");
    }
}
