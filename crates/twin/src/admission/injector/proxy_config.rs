//! The proxy's own configuration: the mesh's default, with what the pod's annotation changes.

use meshlift_model::k8s::Pod;
use serde_json::{Map, Value};

use super::settings::Settings;

/// Annotation with a pod's own `ProxyConfig`, as YAML.
const ANNOTATION: &str = "proxy.istio.io/config";
/// Maps that are merged key by key; other fields are replaced (`MergeProxyConfig` of `pkg/config/mesh`).
const MERGED: [&str; 2] = ["proxyMetadata", "proxyHeaders"];
/// Fields in the order in which istiod writes them (`mesh/v1alpha1/proxy.proto`); others follow by name.
const ORDER: &[&str] = &[
    "configPath",
    "binaryPath",
    "serviceCluster",
    "tracingServiceName",
    "drainDuration",
    "discoveryAddress",
    "statsdUdpAddress",
    "proxyAdminPort",
    "controlPlaneAuthPolicy",
    "customConfigFile",
    "statNameLength",
    "concurrency",
    "proxyBootstrapTemplatePath",
    "interceptionMode",
    "tracing",
    "envoyAccessLogService",
    "envoyMetricsService",
    "proxyMetadata",
    "runtimeValues",
    "statusPort",
    "extraStatTags",
    "gatewayTopology",
    "terminationDrainDuration",
    "meshId",
    "readinessProbe",
    "proxyStatsMatcher",
    "holdApplicationUntilProxyStarts",
    "caCertificatesPem",
    "image",
    "privateKeyProvider",
    "proxyHeaders",
];

/// A `ProxyConfig`.
pub(super) struct ProxyConfig(Map<String, Value>);

/// The configuration of a pod's proxy.
pub(super) fn of(pod: &Pod, settings: &Settings) -> ProxyConfig {
    let mut fields = settings.proxy_config.clone();
    fields.entry("discoveryAddress").or_insert_with(|| settings.istiod_address().into());
    let own = pod.metadata.annotation(ANNOTATION).and_then(|text| serde_saphyr::from_str::<Value>(text).ok());
    for (key, value) in own.iter().filter_map(Value::as_object).flatten() {
        match (fields.get_mut(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if MERGED.contains(&key.as_str()) => {
                old.extend(new.clone());
            }
            (_, value) => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
    ProxyConfig(fields)
}

impl ProxyConfig {
    /// The app waits for the proxy (classic sidecars only).
    pub(super) fn holds_app(&self) -> bool {
        self.0.get("holdApplicationUntilProxyStarts").and_then(Value::as_bool).unwrap_or(false)
    }

    /// `distroless`, `debug`, `default`, or empty.
    pub(super) fn image_type(&self) -> &str {
        self.0.get("image").and_then(|image| image.get("imageType")).and_then(Value::as_str).unwrap_or("")
    }

    /// `REDIRECT`, `TPROXY` or `NONE`.
    pub(super) fn interception_mode(&self) -> &str {
        self.0.get("interceptionMode").and_then(Value::as_str).unwrap_or("REDIRECT")
    }

    /// Environment that it asks for.
    pub(super) fn metadata(&self) -> Vec<(String, String)> {
        let entries = self.0.get("proxyMetadata").and_then(Value::as_object).into_iter().flatten();
        entries
            .map(|(key, value)| {
                (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect()
    }

    /// As istiod writes it into `PROXY_CONFIG`.
    pub(super) fn to_text(&self) -> String {
        let known = ORDER.iter().filter_map(|key| self.0.get_key_value(*key));
        let rest = self.0.iter().filter(|(key, _)| !ORDER.contains(&key.as_str()));
        let fields: Vec<String> =
            known.chain(rest).map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
        format!("{{{}}}\n", fields.join(","))
    }
}
