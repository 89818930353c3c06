//! The debug pages, as istiods print them (istio: pilot/pkg/xds/debug.go).

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::ads::clients::Client;
use crate::ads::content::{CLUSTERS, ENDPOINTS, LISTENERS, ROUTES, resources};
use crate::serve::Place;

/// Names that syncz had before it had type URLs.
const FORMER: [(&str, &str); 4] =
    [("cluster", CLUSTERS), ("listener", LISTENERS), ("route", ROUTES), ("endpoint", ENDPOINTS)];

/// Start of the messages of a config dump.
const ADMIN: &str = "type.googleapis.com/envoy.admin.v3.";

/// Answer to `PAGE?QUERY` below `/debug/`, to one that may see proxies of one namespace `only`.
pub(crate) fn page(place: &Place, asked: &str, only: Option<&str>) -> (StatusCode, String) {
    let (name, query) = asked.split_once('?').unwrap_or((asked, ""));
    let clients = place.shared.clients();
    let found = match name {
        "syncz" => Ok(syncz(clients.of(&place.istiod), parameter(query, "namespace"))),
        "connections" => Ok(connections(clients.of(&place.istiod))),
        "config_dump" | "ndsz" | "edsz" => {
            let proxy = parameter(query, "proxyID");
            let client = proxy.and_then(|proxy| clients.find(&place.istiod, proxy)).cloned();
            drop(clients);
            let hidden = |client: &Client| only.is_some_and(|namespace| client.node.pod.0 != namespace);
            if client.as_ref().is_some_and(hidden) {
                Err((StatusCode::FORBIDDEN, "forbidden\n"))
            } else {
                of_proxy(place, name, query, proxy, client.as_ref())
            }
        }
        _ => Err((StatusCode::NOT_FOUND, "404 page not found\n")),
    };
    match found {
        Ok(value) => (StatusCode::OK, value.to_string()),
        Err((status, words)) => (status, words.to_owned()),
    }
}

/// Value of a parameter; names of pods need no escapes.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

fn syncz<'a>(clients: impl Iterator<Item = &'a Client>, namespace: Option<&str>) -> Value {
    let asked = clients.filter(|client| namespace.is_none_or(|namespace| client.node.pod.0 == namespace));
    asked.map(status).collect()
}

fn status(client: &Client) -> Value {
    let mut entry = json!({
        "cluster_id": client.node.metadata("CLUSTER_ID"),
        "proxy": client.node.proxy(),
        "proxy_type": client.node.kind,
        "istio_version": client.node.metadata("ISTIO_VERSION"),
    });
    let mut resources = Map::new();
    for (type_url, watched) in &client.watched {
        if let Some((name, _)) = FORMER.iter().find(|(_, url)| url == type_url) {
            put(&mut entry, &format!("{name}_sent"), &watched.sent);
            put(&mut entry, &format!("{name}_acked"), &watched.acked);
        }
        let mut resource = json!({});
        put(&mut resource, "sent", &watched.sent);
        put(&mut resource, "acked", &watched.acked);
        if let Some(at) = watched.sent_at {
            resource["sentTime"] = json!(at);
        }
        put(&mut resource, "lastError", watched.last_error.as_deref().unwrap_or_default());
        resources.insert(type_url.clone(), resource);
    }
    entry["resources"] = Value::Object(resources);
    entry
}

/// Empty text is left out.
fn put(object: &mut Value, key: &str, text: &str) {
    if !text.is_empty() {
        object[key] = json!(text);
    }
}

fn connections<'a>(clients: impl Iterator<Item = &'a Client>) -> Value {
    let client = |client: &Client| {
        let address = format!("{}:{}", client.node.ip, client.peer.port());
        json!({"connectionId": client.id, "connectedAt": client.since, "address": address})
    };
    let clients: Vec<Value> = clients.map(client).collect();
    match clients.len() {
        0 => json!({"totalClients": 0}),
        count => json!({"totalClients": count, "clients": clients}),
    }
}

/// What an istiod would send to one proxy.
fn of_proxy(
    place: &Place,
    page: &str,
    query: &str,
    asked: Option<&str>,
    client: Option<&Client>,
) -> Result<Value, (StatusCode, &'static str)> {
    if asked.is_none() {
        return Err((StatusCode::BAD_REQUEST, "You must provide a proxyID in the query string\n"));
    }
    let elsewhere = "Proxy not connected to this Pilot instance. It may be connected to another instance.\n";
    let client = client.ok_or((StatusCode::NOT_FOUND, elsewhere))?;
    let (istiod, _) = place.shared.istiod(&place.istiod).ok_or((StatusCode::NOT_FOUND, elsewhere))?;
    // Only what the client watches.
    let made = |type_url: &str| -> Vec<(String, Value)> {
        let Some(watched) = client.watched.get(type_url) else { return Vec::new() };
        let mirror = place.shared.mirror();
        let made = resources(type_url, &client.node, &watched.names, &istiod, &mirror);
        made.into_iter().map(|one| (one.name, one.json)).collect()
    };
    match page {
        "ndsz" if client.node.metadata("DNS_CAPTURE") != "true" => {
            Err((StatusCode::BAD_REQUEST, "DNS capture is not enabled in the proxy\n"))
        }
        "ndsz" => Ok(json!({"table": {}})),
        "edsz" => Ok(made(ENDPOINTS).into_iter().map(|(_, json)| untyped(json)).collect()),
        _ => Ok(config_dump(&place.shared.push().version(), query, made)),
    }
}

/// A message that is no `Any` says no type.
fn untyped(mut json: Value) -> Value {
    if let Some(fields) = json.as_object_mut() {
        fields.remove("@type");
    }
    json
}

/// Shape of Envoy's admin page.
fn config_dump(version: &str, query: &str, made: impl Fn(&str) -> Vec<(String, Value)>) -> Value {
    let of = |type_url: &str, each: &dyn Fn(String, Value) -> Value| -> Value {
        made(type_url).into_iter().map(|(name, json)| each(name, json)).collect()
    };
    let clusters = of(CLUSTERS, &|_, cluster| json!({"cluster": cluster}));
    let listeners = of(
        LISTENERS,
        &|name, listener| json!({"name": name, "activeState": {"versionInfo": version, "listener": listener}}),
    );
    let routes = of(ROUTES, &|_, route| json!({"versionInfo": version, "routeConfig": route}));
    let dump = |name: &str, mut fields: Value| {
        fields["@type"] = json!(format!("{ADMIN}{name}"));
        fields
    };
    let mut configs = vec![
        dump("BootstrapConfigDump", json!({})),
        dump("ClustersConfigDump", json!({"versionInfo": version, "dynamicActiveClusters": clusters})),
    ];
    if parameter(query, "include_eds") == Some("true") {
        let endpoints = of(ENDPOINTS, &|_, one| json!({"versionInfo": version, "endpointConfig": one}));
        configs.push(dump("EndpointsConfigDump", json!({"dynamicEndpointConfigs": endpoints})));
    }
    configs.extend([
        dump("ListenersConfigDump", json!({"versionInfo": version, "dynamicListeners": listeners})),
        dump("ScopedRoutesConfigDump", json!({})),
        dump("RoutesConfigDump", json!({"dynamicRouteConfigs": routes})),
        dump("SecretsConfigDump", json!({})),
    ]);
    json!({ "configs": configs })
}
