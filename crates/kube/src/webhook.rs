//! An istiod's webhooks, asked without the API server: the same question, and no object that is written.

use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::Full;
use kube::Client;
use meshlift_model::k8s::{Pod, Webhook};
use serde_json::{Value, json};

use crate::line::{Line, LineError, Way};
use crate::tls::Tls;

/// Port of an istiod that serves its webhooks.
const PORT: u16 = 15017;

/// Whom a webhook calls, and where.
pub(crate) struct Called {
    tls: Tls,
    path: String,
}

impl Called {
    pub(crate) fn of(webhook: &Webhook) -> Result<Self, String> {
        let service = webhook.client_config.service.as_ref();
        let service = service.ok_or_else(|| format!("{} is outside of the cluster", webhook.name))?;
        let server = format!("{}.{}.svc", service.name, service.namespace);
        Ok(Self { tls: Tls::trusting(server, &webhook.client_config.ca_bundle)?, path: service.path.clone() })
    }

    /// A connection to an istiod that answers it.
    pub(crate) async fn open(&self, client: &Client, way: Way, istiod: &Pod) -> Result<Line, LineError> {
        Line::open(client, way, istiod, PORT, Some(&self.tls)).await
    }

    /// `AdmissionReview` in, `AdmissionReview` out. No credentials are asked for.
    pub(crate) async fn review(&self, line: &mut Line, review: &Value) -> Result<Value, String> {
        let request = Request::post(&self.path)
            .header(HOST, self.tls.server())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(review.to_string()))
            .map_err(|error| error.to_string())?;
        let (code, body) = line.ask(request).await?;
        match code.as_u16() {
            200 => serde_json::from_slice(&body).map_err(|error| error.to_string()),
            code => Err(format!("it answered {code}")),
        }
    }
}

/// The question that the API server would ask if somebody made an object of this resource (plural), and only in a dry run.
pub(crate) fn review(plural: &str, object: &Value) -> Value {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let api_version = text("/apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "meshlift",
            "kind": {"group": group, "version": version, "kind": text("/kind")},
            "resource": {"group": group, "version": version, "resource": plural},
            "name": text("/metadata/name"),
            "namespace": text("/metadata/namespace"),
            "operation": "CREATE",
            "userInfo": {},
            "object": object,
            "dryRun": true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_as_the_api_server_would_name_it() {
        let of = |plural, api_version: &str, kind: &str| {
            let object =
                json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "namespace": "b"}});
            review(plural, &object)["request"]["kind"].clone()
        };
        assert_eq!(of("pods", "v1", "Pod"), json!({"group": "", "version": "v1", "kind": "Pod"}));
        let route = of("virtualservices", "networking.istio.io/v1", "VirtualService");
        assert_eq!(route, json!({"group": "networking.istio.io", "version": "v1", "kind": "VirtualService"}));
    }
}
