//! Outlines of configuration: which fields an object has, without the words in them but those that definitions enumerate. A
//! definition of another version is held against them.

use serde_json::{Map, Value};

use crate::k8s::{CustomResourceDefinition, Resource};
use crate::rules::rules_of_definition;

/// All words that Istio's definitions of 1.29 and 1.30 enumerate: they choose between behaviours, and tell nothing else.
pub const ENUMERATED: [&str; 105] = [
    "ADD",
    "ALLOW",
    "ALLOW_ANY",
    "ALL_METRICS",
    "ANY",
    "AUDIT",
    "AUTHN",
    "AUTHZ",
    "AUTO_PASSTHROUGH",
    "Always",
    "BOOTSTRAP",
    "CLIENT",
    "CLIENT_AND_SERVER",
    "CLUSTER",
    "CUSTOM",
    "DEFAULT",
    "DENY",
    "DIRECT_RESPONSE",
    "DISABLE",
    "DNS",
    "DNS_ROUND_ROBIN",
    "DO_NOT_UPGRADE",
    "DYNAMIC_DNS",
    "ERROR",
    "EXTENSION_CONFIG",
    "FAIL_CLOSE",
    "FAIL_OPEN",
    "FAIL_RELOAD",
    "FILTER_CHAIN",
    "FORWARD",
    "FROM_PROTOCOL_DEFAULT",
    "FROM_REQUEST_PORT",
    "GATEWAY",
    "GRPC_REQUEST_MESSAGES",
    "GRPC_RESPONSE_MESSAGES",
    "HOST",
    "HTTP",
    "HTTP_FILTER",
    "HTTP_ROUTE",
    "IGNORE",
    "INFO",
    "INLINE",
    "INSERT_AFTER",
    "INSERT_BEFORE",
    "INSERT_FIRST",
    "INVALID",
    "IPTABLES",
    "ISTIO_MUTUAL",
    "IfNotPresent",
    "LEAST_CONN",
    "LEAST_REQUEST",
    "LISTENER",
    "LISTENER_FILTER",
    "MERGE",
    "MESH_EXTERNAL",
    "MESH_INTERNAL",
    "MUTUAL",
    "NETWORK",
    "NETWORK_FILTER",
    "NONE",
    "OPTIONAL_MUTUAL",
    "PASSTHROUGH",
    "PERMISSIVE",
    "RANDOM",
    "REDIRECT",
    "REGISTRY_ONLY",
    "REMOVE",
    "REPLACE",
    "REQUEST_COUNT",
    "REQUEST_DURATION",
    "REQUEST_SIZE",
    "RESPONSE_SIZE",
    "ROUND_ROBIN",
    "ROUTE",
    "ROUTE_CONFIGURATION",
    "SERVER",
    "SIDECAR_INBOUND",
    "SIDECAR_OUTBOUND",
    "SIMPLE",
    "STATIC",
    "STATS",
    "STRICT",
    "TCP_CLOSED_CONNECTIONS",
    "TCP_OPENED_CONNECTIONS",
    "TCP_RECEIVED_BYTES",
    "TCP_SENT_BYTES",
    "TLSV1_0",
    "TLSV1_1",
    "TLSV1_2",
    "TLSV1_3",
    "TLS_AUTO",
    "UNDEFINED",
    "UNKNOWN",
    "UNSET",
    "UNSPECIFIED",
    "UNSPECIFIED_PHASE",
    "UNSPECIFIED_PLUGIN_TYPE",
    "UNSPECIFIED_POLICY",
    "UPGRADE",
    "UPSERT",
    "V1",
    "V2",
    "VIRTUAL_HOST",
    "WARNING",
    "WAYPOINT",
];

/// Group whose definitions come with a control plane.
const GROUP: &str = "istio.io";
/// Fields whose contents belong to others (filters, plugins): definitions take whatever is in them.
const FREE: [&str; 2] = ["pluginConfig", "value"];

/// True for kinds of Istio's own configuration, by their API version: `networking.istio.io/v1`.
#[must_use]
pub fn is_of_istio(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.strip_suffix(GROUP).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// True for kinds of which outlines are kept: Istio's, those of the Gateway API, and the definitions of both.
#[must_use]
pub fn has_outline(api_version: &str) -> bool {
    is_of_istio(api_version)
        || api_version.starts_with("gateway.networking.k8s.io/")
        || api_version == CustomResourceDefinition::API_VERSION
}

/// The outline of an object, by its kind's API version, its name and its `spec`: its fields ([`outline`]), or the
/// [`rules`](crate::rules) of a definition. `None` where none is kept.
#[must_use]
pub fn outline_of(api_version: &str, name: &str, spec: &Value) -> Option<Value> {
    if api_version != CustomResourceDefinition::API_VERSION {
        return has_outline(api_version).then(|| outline(spec));
    }
    let (_, group) = name.split_once('.')?;
    has_outline(&format!("{group}/v1")).then(|| rules_of_definition(spec))
}

/// The outline of an object's `spec`: its fields, numbers and lists as they are; texts are empty but for the words of
/// [`ENUMERATED`], so nothing else of them can be told, and so is what only a filter or plugin understands.
#[must_use]
pub fn outline(spec: &Value) -> Value {
    match spec {
        Value::String(text) if ENUMERATED.binary_search(&text.as_str()).is_ok() => spec.clone(),
        Value::String(_) => Value::String(String::new()),
        Value::Array(items) => items.iter().map(outline).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let free = value.is_object() && FREE.contains(&name.as_str());
                    (name.clone(), if free { Value::Object(Map::new()) } else { outline(value) })
                })
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => spec.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_word_of_a_value_is_kept_but_enumerated_ones() {
        assert!(ENUMERATED.is_sorted());
        let spec = json!({
            "host": "pay.example", "port": 15, "on": true, "none": null, "hosts": ["a", "b"], "mode": "ISTIO_MUTUAL", "key": "ISTIO_MUTUAL_2",
            "pluginConfig": {"key": "secret"},
            "match": [{"value": "x", "patch": {"value": {"deep": {"token": "secret"}}}}],
        });
        let wanted = json!({
            "host": "", "port": 15, "on": true, "none": null, "hosts": ["", ""], "mode": "ISTIO_MUTUAL", "key": "",
            "pluginConfig": {},
            "match": [{"value": "", "patch": {"value": {}}}],
        });
        assert_eq!(outline(&spec), wanted);
    }

    #[test]
    fn only_kinds_of_istio_and_of_the_gateway_api_have_one() {
        assert!(is_of_istio("networking.istio.io/v1") && is_of_istio("install.istio.io/v1alpha1"));
        assert!(!has_outline("v1") && !has_outline("apps/v1") && !has_outline("x.notistio.io/v1"));
        let definition = |name| outline_of("apiextensions.k8s.io/v1", name, &json!({})).is_some();
        assert!(definition("gateways.networking.istio.io") && !definition("certificates.cert-manager.io"));
        assert!(has_outline("gateway.networking.k8s.io/v1") && !is_of_istio("gateway.networking.k8s.io/v1"));
    }
}
