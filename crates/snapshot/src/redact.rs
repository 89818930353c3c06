//! What is never kept: secrets in environments, config maps of others, copies of whole objects in annotations; nor what
//! is random on each object and tells nothing.
//!
//! The same rules run when a cluster or a folder is read and when a snapshot is written, so that both forms
//! hold the same objects. Fields that the types of `meshlift_model` do not have (Secret data, injection
//! templates, CRD schemas) are gone before this runs.

use std::collections::BTreeSet;

use meshlift_model::defaults::{CILIUM, ROOT_CERT};
use meshlift_model::k8s::{ConfigMap, Container, EnvVar, Objects, Part, Shared, for_each_part};
use serde_json::Value;

/// An annotation that holds a copy of its whole object, secrets included; and one that is another on every
/// EndpointSlice, and tells nothing.
const ANNOTATIONS_DROPPED: &[&str] =
    &["kubectl.kubernetes.io/last-applied-configuration", "endpoints.kubernetes.io/last-change-trigger-time"];

/// Start of the name of the volume that the API server gives every pod for its token. The rest of it is random: with it,
/// no two pods have the same volumes.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// Environment variables of Istio's own containers whose values decide what an upgrade does.
const ENV_KEPT: &[&str] = &[
    "CA_ADDR",
    "CA_ADDRESS",
    "CA_TRUSTED_NODE_ACCOUNTS",
    "CLUSTER_ID",
    "CNI_CONF_GROUP_READ",
    "DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES",
    "DISABLE_SHADOW_HOST_SUFFIX",
    "DISABLE_TRACK_REMAINING_CB_METRICS",
    "EXCLUDE_UNSAFE_503_FROM_DEFAULT_RETRY",
    "EXIT_ON_ZERO_ACTIVE_CONNECTIONS",
    "EXTERNAL_ISTIOD",
    "GOMAXPROCS",
    "GOMEMLIMIT",
    "GRPC_ENFORCE_ALPN_ENABLED",
    "INJECTION_WEBHOOK_CONFIG_NAME",
    "INPOD_ENABLED",
    "MAX_CONNECTIONS_PER_SOCKET_EVENT_LOOP",
    "MINIMUM_DRAIN_DURATION",
    "PLATFORM",
    "PREFER_DESTINATIONRULE_TLS_FOR_EXTERNAL_SERVICES",
    "PRIORITIZED_LEADER_ELECTION",
    "PROXY_CONFIG",
    "REVISION",
    "TERMINATION_DRAIN_DURATION_SECONDS",
    "TERMINATION_GRACE_PERIOD_SECONDS",
    "TRUST_DOMAIN",
    "VALIDATION_WEBHOOK_CONFIG_NAME",
    "XDS_ADDRESS",
    "XDS_AUTH",
];

/// How the names of all webhooks of an injector end.
const INJECTORS: &str = ".sidecar-injector.istio.io";

/// Prefixes of such variables.
const ENV_PREFIXES_KEPT: &[&str] = &["AMBIENT_", "ENABLE_", "ISTIO_", "PILOT_"];

/// Words that no kept variable may have in its name, whatever its prefix.
const ENV_WORDS_DROPPED: &[&str] = &["CREDENTIAL", "PASSWORD", "PASSWD", "PRIVATE", "SECRET", "TOKEN"];

/// A config map that meshlift reads: its name, where it counts, and the keys that are kept.
struct ConfigMapRule {
    /// The name, or what it starts with followed by the revision: `istio-` for `istio-1-30-3`.
    name: &'static str,
    /// `name` with a revision behind it counts too.
    revisioned: bool,
    /// Kept in every namespace; else only where an istiod is.
    everywhere: bool,
    /// Keys; empty keeps all.
    keys: &'static [&'static str],
}

/// First match decides; a config map without a rule keeps no data.
const CONFIG_MAPS: &[ConfigMapRule] = &[
    ConfigMapRule { name: ROOT_CERT.0, revisioned: false, everywhere: true, keys: &[ROOT_CERT.1] },
    ConfigMapRule { name: "istio-cni-config", revisioned: false, everywhere: true, keys: &[] },
    ConfigMapRule { name: CILIUM.0, revisioned: false, everywhere: true, keys: &[CILIUM.1] },
    ConfigMapRule {
        name: "istio-sidecar-injector",
        revisioned: true,
        everywhere: false,
        // `config` holds the injection templates: long, and not needed, because recorded pods show the result.
        keys: &["values"],
    },
    ConfigMapRule {
        name: "values",
        revisioned: true,
        everywhere: false,
        keys: &["merged-values", "original-values"],
    },
    ConfigMapRule { name: "istio", revisioned: true, everywhere: false, keys: &["mesh", "meshNetworks"] },
];

/// Drops what must not be kept (secrets in environments, config maps of others). Doing it twice changes nothing.
///
/// Whatever compares objects of a cluster with those of a snapshot (digests of templates) must do it first.
pub fn redact(objects: &mut Objects) {
    let control_planes = istiod_namespaces(objects);
    redact_beside(objects, &control_planes);
}

/// The same for part of a cluster, as early as can be: where istiods are is not known yet, so config maps keep
/// what they may hold there.
pub(crate) fn redact_part(objects: &mut Objects) {
    let everywhere = objects.config_maps.iter().map(|map| map.metadata.namespace.to_string()).collect();
    redact_beside(objects, &everywhere);
}

fn redact_beside(objects: &mut Objects, control_planes: &BTreeSet<String>) {
    for_each_part(objects, redact_shared);
    redact_data(objects, control_planes);
}

/// What parts must not hold, that objects have in common.
pub(crate) fn redact_shared(part: Part<'_>) {
    match part {
        Part::Map(map) => ANNOTATIONS_DROPPED.iter().for_each(|key| drop(map.remove(key))),
        Part::Containers(containers) => redact_containers(containers),
        Part::Volumes(volumes) => volumes.retain(|volume| !volume.name.starts_with(TOKEN_VOLUME)),
        Part::Owners(_) | Part::Tolerations(_) | Part::Affinity(_) | Part::Spread(_) | Part::Statuses(_) => {}
        // Whose data it is decides: see `redact_data`.
        Part::Data(_) => {}
    }
}

/// The rest: what config maps and ControllerRevisions must not hold.
fn redact_data(objects: &mut Objects, control_planes: &BTreeSet<String>) {
    for map in &mut objects.config_maps {
        redact_config_map(map, control_planes);
    }
    objects.controller_revisions.iter_mut().for_each(|revision| redact_revision(&mut revision.data));
}

/// As [`redact`], where all parts have gone through [`redact_shared`].
pub(crate) fn redact_rest(objects: &mut Objects) {
    let control_planes = istiod_namespaces(objects);
    redact_data(objects, &control_planes);
}

/// The same for an object on its own, as a watch yields it.
#[cfg(feature = "fixtures")]
pub(crate) fn redact_object(object: meshlift_model::k8s::Object) -> meshlift_model::k8s::Object {
    let mut objects = Objects::default();
    objects.push(object.clone());
    redact(&mut objects);
    objects.to_vec().pop().unwrap_or(object)
}

/// True if the value of this environment variable is kept.
fn keeps_env(name: &str) -> bool {
    let named = ENV_KEPT.contains(&name) || ENV_PREFIXES_KEPT.iter().any(|prefix| name.starts_with(prefix));
    named && !ENV_WORDS_DROPPED.iter().any(|word| name.contains(word))
}

/// What holds nothing to be dropped is not touched: it stays shared.
fn redact_containers(containers: &mut Shared<Vec<Container>>) {
    let dropped = |variable: &EnvVar| !variable.value.is_empty() && !keeps_env(&variable.name);
    if containers.iter().any(|container| container.env.iter().any(dropped)) {
        let variables = containers.iter_mut().flat_map(|container| &mut container.env);
        variables.filter(|variable| dropped(variable)).for_each(|variable| variable.value.clear());
    }
}

/// The patch of a ControllerRevision holds a pod template; only values of its variables are dropped.
fn redact_revision(data: &mut Value) {
    for list in ["containers", "initContainers"] {
        let path = format!("/spec/template/spec/{list}");
        let containers = data.pointer_mut(&path).and_then(Value::as_array_mut).into_iter().flatten();
        for container in containers {
            let variables = container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten();
            for variable in variables.filter_map(Value::as_object_mut) {
                if !variable.get("name").and_then(Value::as_str).is_some_and(keeps_env) {
                    variable.remove("value");
                }
            }
        }
    }
}

/// Namespaces that hold an istiod, by Istio's own label.
fn istiod_namespaces(objects: &Objects) -> BTreeSet<String> {
    let metas = objects
        .deployments
        .iter()
        .map(|deployment| &deployment.metadata)
        .chain(objects.pods.iter().map(|pod| &pod.metadata))
        .chain(objects.services.iter().map(|service| &service.metadata));
    let istiods = metas.filter(|meta| meta.label("app") == Some("istiod"));
    // An istiod of another cluster leaves its Service alone here, which has no such label.
    let webhooks = objects.mutating_webhooks.iter().flat_map(|one| &one.webhooks);
    let injectors = webhooks.filter(|webhook| webhook.name.ends_with(INJECTORS));
    let called = injectors.filter_map(|webhook| webhook.client_config.service.as_ref());
    istiods
        .map(|meta| meta.namespace.to_string())
        .chain(called.map(|service| service.namespace.to_string()))
        .collect()
}

fn redact_config_map(map: &mut ConfigMap, control_planes: &BTreeSet<String>) {
    let name = map.metadata.name.as_str();
    let rule = CONFIG_MAPS.iter().find(|rule| {
        let revision = name.strip_prefix(rule.name).and_then(|rest| rest.strip_prefix('-'));
        name == rule.name || (rule.revisioned && revision.is_some_and(|revision| !revision.is_empty()))
    });
    match rule {
        Some(rule) if rule.everywhere || control_planes.contains(map.metadata.namespace.as_str()) => {
            map.data.retain(|key, _| rule.keys.is_empty() || rule.keys.contains(&key.as_str()));
        }
        Some(_) | None => map.data = Shared::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_app_variables_are_dropped_and_istio_flags_kept() {
        assert!(
            keeps_env("PILOT_ENABLE_AMBIENT") && keeps_env("REVISION") && keeps_env("ISTIO_META_CLUSTER_ID")
        );
        assert!(!keeps_env("DATABASE_URL") && !keeps_env("ISTIO_DB_PASSWORD") && !keeps_env("PILOT_SECRET"));
    }

    #[test]
    fn revisions_lose_only_values() {
        let mut data = serde_json::json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "env": [{"name": "KEY", "value": "x"}, {"name": "PROXY_CONFIG", "value": "y"}]}]}}}});
        redact_revision(&mut data);
        let env = data.pointer("/spec/template/spec/containers/0/env").unwrap();
        assert_eq!(env.to_string(), r#"[{"name":"KEY"},{"name":"PROXY_CONFIG","value":"y"}]"#);
    }

    #[test]
    fn config_maps_of_others_lose_their_data() {
        let keep = |namespace: &str, name: &str, key: &str| {
            let mut map = ConfigMap::default();
            map.metadata.namespace = namespace.into();
            map.metadata.name = name.into();
            map.data.insert(key.into(), "x".into());
            redact_config_map(&mut map, &BTreeSet::from(["mesh-system".to_owned()]));
            !map.data.is_empty()
        };
        assert!(keep("mesh-system", "istio-canary", "mesh"));
        assert!(keep("mesh-system", "istio-sidecar-injector-canary", "values"));
        assert!(!keep("mesh-system", "istio-sidecar-injector-canary", "config"));
        assert!(keep("apps", "istio-ca-root-cert", "root-cert.pem"));
        assert!(!keep("apps", "values-canary", "merged-values"));
        assert!(!keep("mesh-system", "other", "mesh"));
    }

    #[test]
    fn where_an_injector_is_called_there_is_a_control_plane() {
        let kept = |webhook: &str| {
            let configuration = serde_json::json!({"webhooks": [
                {"name": webhook, "clientConfig": {"service": {"namespace": "mesh-system", "name": "istiod"}}}]});
            let map = serde_json::json!({"metadata": {"namespace": "mesh-system", "name": "istio"}, "data": {"mesh": "x"}});
            let mut objects = Objects::default();
            objects.mutating_webhooks.push(serde_json::from_value(configuration).unwrap());
            objects.config_maps.push(serde_json::from_value(map).unwrap());
            redact(&mut objects);
            !objects.config_maps[0].data.is_empty()
        };
        assert!(kept("rev.namespace.sidecar-injector.istio.io"));
        assert!(!kept("pods.example.com"));
    }
}
