//! What an injector was told: the ConfigMaps of its revision and the environment of its istiod.

use meshlift_model::k8s::{ConfigMap, Pod, Resources};
use meshlift_model::names::RevisionName;
use meshlift_model::selector::LabelSelector;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{DISCOVERY, revision_of_istiod};
use crate::admission::stored;
use crate::store::Store;

/// Settings of one revision's injector. What is not recorded has the chart's default.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Revision.
    pub(super) revision: RevisionName,
    /// Namespace of istiod.
    pub(super) namespace: String,
    /// `defaultConfig` of the mesh config.
    pub(super) proxy_config: Map<String, Value>,
    /// Trust domain of the mesh.
    pub(super) trust_domain: String,
    /// `enablePrometheusMerge` of the mesh config.
    pub(super) merges_metrics: bool,
    /// `ENABLE_NATIVE_SIDECARS` where it says yes or no; absent lets the nodes decide.
    pub(super) native_fixed: Option<bool>,
    /// Pods that are never injected, and those that always are, where they do not say themselves.
    pub(super) never_inject: Vec<LabelSelector>,
    /// See `never_inject`.
    pub(super) always_inject: Vec<LabelSelector>,
    /// Helm values, as the injector reads them.
    values: Value,
    /// Repository and tag of istiod's own image, for values that name none.
    istiod_image: (String, String),
}

impl Settings {
    pub(super) fn of_istiod(store: &Store, istiod: &Pod) -> Self {
        let revision = revision_of_istiod(istiod).unwrap_or_else(|| RevisionName::new("default"));
        let namespace = istiod.metadata.namespace.clone();
        let suffix = if revision.as_str() == "default" { String::new() } else { format!("-{revision}") };
        let map = |name: &str, key: &str| -> Option<String> {
            store.get::<ConfigMap>(&namespace, &format!("{name}{suffix}"))?.data.get(key).cloned()
        };
        let values = map("istio-sidecar-injector", "values")
            .or_else(|| map("values", "merged-values"))
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or(Value::Null);
        let mesh: Value =
            map("istio", "mesh").and_then(|text| serde_saphyr::from_str(&text).ok()).unwrap_or(Value::Null);
        let discovery = istiod.spec.containers.iter().find(|container| container.name == DISCOVERY);
        let image = discovery.map(|container| container.image.as_str()).unwrap_or_default();
        let native = discovery.and_then(|container| container.env_value("ENABLE_NATIVE_SIDECARS"));
        let trust_domain =
            mesh.get("trustDomain").and_then(Value::as_str).unwrap_or("cluster.local").to_owned();
        Self {
            trust_domain,
            proxy_config: object(mesh.get("defaultConfig")),
            merges_metrics: mesh.get("enablePrometheusMerge").and_then(Value::as_bool).unwrap_or(true),
            native_fixed: native.and_then(|asked| asked.parse().ok()),
            never_inject: read(&values, "/sidecarInjectorWebhook/neverInjectSelector").unwrap_or_default(),
            always_inject: read(&values, "/sidecarInjectorWebhook/alwaysInjectSelector").unwrap_or_default(),
            istiod_image: split_image(image),
            revision,
            namespace: namespace.to_string(),
            values,
        }
    }

    /// A text among the values; numbers count as text; empty ones as absent.
    pub(super) fn text(&self, path: &str, default: &str) -> String {
        match self.values.pointer(path) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) | None => default.to_owned(),
        }
    }

    pub(super) fn flag(&self, path: &str, default: bool) -> bool {
        self.values.pointer(path).and_then(Value::as_bool).unwrap_or(default)
    }

    pub(super) fn number(&self, path: &str, default: i32) -> i32 {
        self.values
            .pointer(path)
            .and_then(Value::as_i64)
            .and_then(|number| i32::try_from(number).ok())
            .unwrap_or(default)
    }

    /// A whole part of the values.
    pub(super) fn part<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        read(&self.values, path)
    }

    /// Port of the agent, where rewritten probes go.
    pub(super) fn status_port(&self) -> i32 {
        self.number("/global/proxy/statusPort", 15020)
    }

    /// Requests and limits of the proxy, as the API server stores them.
    pub(super) fn resources(&self) -> Resources {
        let mut resources: Resources = self.part("/global/proxy/resources").unwrap_or_default();
        for quantity in resources.requests.values_mut().chain(resources.limits.values_mut()) {
            *quantity = stored(quantity);
        }
        resources
    }

    /// Hub and tag of the proxy's image.
    pub(super) fn hub_and_tag(&self) -> (String, String) {
        let (hub, tag) = &self.istiod_image;
        (self.text("/global/hub", hub), self.text("/global/tag", tag))
    }

    /// Address of this revision's istiods.
    pub(super) fn istiod_address(&self) -> String {
        let revision = self.text("/revision", "");
        let dash = if revision.is_empty() { "" } else { "-" };
        format!("istiod{dash}{revision}.{}.svc:15012", self.text("/global/istioNamespace", &self.namespace))
    }
}

fn read<T: DeserializeOwned>(values: &Value, path: &str) -> Option<T> {
    values.pointer(path).and_then(|part| T::deserialize(part).ok())
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// `docker.io/istio/pilot:1.29.6` as `docker.io/istio` and `1.29.6`.
fn split_image(image: &str) -> (String, String) {
    let (repository, tag) = image.rsplit_once(':').unwrap_or((image, ""));
    let hub = repository.rsplit_once('/').map_or("", |(hub, _)| hub);
    (hub.to_owned(), tag.to_owned())
}
