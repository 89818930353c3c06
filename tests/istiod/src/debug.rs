//! The debug pages, as istiods print them: `syncz`, `connections` and their token.

use jiff::Timestamp;
use meshlift_model::injection::{proxy_of, proxy_version};
use meshlift_model::k8s::Pod;
use serde_json::{Map, Value, json};

use crate::behaviour::Behaviour;
use crate::mirror::{Key, Mirror};
use crate::proxies::Link;

/// Types that an Envoy gets: the name of the older fields, and the type URL.
const TYPES: [(&str, &str); 4] = [
    ("cluster", "type.googleapis.com/envoy.config.cluster.v3.Cluster"),
    ("listener", "type.googleapis.com/envoy.config.listener.v3.Listener"),
    ("route", "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"),
    ("endpoint", "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"),
];

/// `/debug/syncz`.
pub(crate) fn syncz(mirror: &Mirror, links: &[(String, Link)], behaviour: &Behaviour) -> Value {
    let entries = links
        .iter()
        .filter_map(|(uid, link)| Some(status(mirror.pods.get(&link.pod)?, uid, link, behaviour)));
    entries.collect()
}

fn status(pod: &Pod, uid: &str, link: &Link, behaviour: &Behaviour) -> Value {
    let mut entry = json!({
        "cluster_id": "Kubernetes",
        "proxy": proxy(&link.pod),
        "proxy_type": proxy_type(pod),
        "istio_version": proxy_version(pod).map(|version| version.to_string()).unwrap_or_default(),
    });
    let mut resources = Map::new();
    for (place, (name, type_url)) in TYPES.iter().enumerate() {
        let sent = nonce(link.since, uid, place);
        let acked = if behaviour.proxies_are_stale {
            nonce(link.since, uid, place + TYPES.len())
        } else {
            sent.clone()
        };
        entry[format!("{name}_sent")] = json!(sent);
        entry[format!("{name}_acked")] = json!(acked);
        let mut resource = json!({"sent": sent, "acked": acked, "sentTime": link.since});
        if let Some(error) = &behaviour.proxies_refuse_with {
            resource["lastError"] = json!(error);
        }
        resources.insert((*type_url).to_owned(), resource);
    }
    entry["resources"] = Value::Object(resources);
    entry
}

/// Time of the push, its number and a random part, as `pkg/xds` makes them; here all from the link.
fn nonce(since: Timestamp, uid: &str, place: usize) -> String {
    format!("{}/{place:02x}{uid}", since.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// `/debug/connections`.
pub(crate) fn connections(mirror: &Mirror, links: &[(String, Link)]) -> Value {
    let clients = links.iter().map(|(_, link)| {
        let address = mirror.pods.get(&link.pod).map(|pod| pod.status.pod_ip.as_str()).unwrap_or_default();
        json!({
            "connectionId": format!("{}-{}", proxy(&link.pod), link.number),
            "connectedAt": link.since,
            "address": format!("{address}:{}", 32768 + link.number % 28000),
        })
    });
    let clients: Vec<Value> = clients.collect();
    json!({"totalClients": clients.len(), "clients": clients})
}

fn proxy((namespace, name): &Key) -> String {
    format!("{name}.{namespace}")
}

/// Gateways say so by an argument of their proxy that the model does not read, and by their templates.
fn proxy_type(pod: &Pod) -> &'static str {
    let templates = pod.metadata.annotation("inject.istio.io/templates").unwrap_or_default();
    let is_router = templates.contains("gateway")
        || proxy_of(pod).is_some_and(|proxy| proxy.env_value("ISTIO_META_ROUTER_MODE").is_some());
    if is_router { "router" } else { "sidecar" }
}
