//! What the simulated istiods answer: version, proxies, connections, metrics.

use std::collections::BTreeMap;

use meshlift_model::injection::proxy_version;
use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::{IstioVersion, ObjectRef};
use meshlift_model::snapshot::{Connection, IstiodAnswers, ProxyStatus, Snapshot, SyncState};
use meshlift_model::time::Time;

use super::{Istiods, Link, is_running};
use crate::admission::injector::is_istiod;
use crate::store::Store;

/// Types that an Envoy gets.
const ENVOY_TYPES: [&str; 4] = [
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
];
/// Types that a ztunnel gets.
const ZTUNNEL_TYPES: [&str; 2] =
    ["type.googleapis.com/istio.security.Authorization", "type.googleapis.com/istio.workload.Address"];
/// Metric of connected clients.
const CLIENTS: &str = "pilot_xds";
/// Metric that all istiods of a mesh share, because they sign with the same root.
const ROOT_EXPIRY: &str = "citadel_server_root_cert_expiry_timestamp";

/// The answers of every running istiod. What was recorded and did not change comes back as it was; what could
/// not be read of the recorded istiods is not known of any.
#[must_use]
pub fn answers(istiods: &Istiods, store: &Store, source: &Snapshot) -> BTreeMap<String, IstiodAnswers> {
    let readable =
        |of: fn(&IstiodAnswers) -> bool| source.istiods.is_empty() || source.istiods.values().any(of);
    let (syncz, connections, metrics, version) = (
        readable(|told| told.syncz.is_some()),
        readable(|told| told.connections.is_some()),
        readable(|told| told.metrics.is_some()),
        readable(|told| told.version.is_some()),
    );
    let root_expiry = source
        .istiods
        .values()
        .filter_map(|told| told.metrics.as_ref())
        .find_map(|metrics| metrics.get(ROOT_EXPIRY));
    let mut all = BTreeMap::new();
    for pod in store.list_all::<Pod>().filter(|pod| is_istiod(pod) && is_running(pod)) {
        let key = pod.object_ref();
        let recorded = source.istiods.get(&pod.metadata.name);
        let links: Vec<(&ObjectRef, &Link)> =
            istiods.links.iter().filter(|(_, link)| link.istiod == key).collect();
        let gauges = || {
            let mut gauges = recorded.and_then(|told| told.metrics.clone()).unwrap_or_default();
            gauges.extend(root_expiry.map(|expiry| (ROOT_EXPIRY.to_owned(), *expiry)));
            // An istiod that never had a client does not say 0.
            if !links.is_empty() || gauges.contains_key(CLIENTS) {
                gauges.insert(CLIENTS.to_owned(), links.len() as f64);
            }
            gauges
        };
        let answer = IstiodAnswers {
            version: version
                .then(|| recorded.and_then(|told| told.version.clone()).or_else(|| image_version(pod)))
                .flatten(),
            syncz: syncz.then(|| {
                sorted(links.iter().filter_map(|(key, link)| status(key, link, store)), |s| s.proxy.clone())
            }),
            connections: connections.then(|| {
                sorted(links.iter().filter_map(|(key, link)| connection(key, link, store)), |c| {
                    c.connection_id.clone()
                })
            }),
            metrics: metrics.then(gauges),
            // What a validator says of objects is not known beyond what was recorded.
            refusals: recorded.and_then(|told| told.refusals.clone()),
        };
        all.insert(pod.metadata.name.clone(), answer);
    }
    all
}

fn sorted<T, K: Ord>(items: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_by_key(key);
    items
}

fn image_version(istiod: &Pod) -> Option<String> {
    let image = &istiod.spec.containers.first()?.image;
    Some(IstioVersion::from_loose(image.rsplit_once(':')?.1)?.to_string())
}

fn status(key: &ObjectRef, link: &Link, store: &Store) -> Option<ProxyStatus> {
    if let Some((status, _)) = &link.recorded {
        return status.clone();
    }
    let pod = store.get::<Pod>(&key.namespace, &key.name)?;
    let proxy_type = proxy_type(pod);
    let types: &[&str] = if proxy_type == "ztunnel" { &ZTUNNEL_TYPES } else { &ENVOY_TYPES };
    let state = if link.is_synced(store.now()) { SyncState::Synced } else { SyncState::Stale };
    Some(ProxyStatus {
        proxy: format!("{}.{}", key.name, key.namespace),
        proxy_type: proxy_type.into(),
        istio_version: proxy_version(pod).map(|version| version.to_string()).unwrap_or_default(),
        types: types.iter().map(|name| ((*name).to_owned(), state.clone())).collect(),
    })
}

fn connection(key: &ObjectRef, link: &Link, store: &Store) -> Option<Connection> {
    if let Some((_, connection)) = &link.recorded {
        return connection.clone();
    }
    let pod = store.get::<Pod>(&key.namespace, &key.name)?;
    Some(Connection {
        connection_id: format!("{}.{}-{}", key.name, key.namespace, link.number),
        connected_at: Some(link.since),
        address: format!("{}:15012", pod.status.pod_ip),
    })
}

/// What a proxy says it is.
fn proxy_type(pod: &Pod) -> &'static str {
    let class = pod.metadata.label("gateway.networking.k8s.io/gateway-class-name");
    let is_gateway =
        pod.metadata.annotation("inject.istio.io/templates").is_some_and(|names| names.contains("gateway"));
    match class {
        Some("istio-waypoint") => "waypoint",
        Some(_) => "router",
        None if is_gateway => "router",
        None if pod.metadata.label("app") == Some("ztunnel") => "ztunnel",
        None => "sidecar",
    }
}

impl Link {
    /// True if the proxy has acknowledged its configuration by then; what was recorded counts as it was.
    #[must_use]
    pub fn is_synced(&self, now: Time) -> bool {
        match &self.recorded {
            Some((Some(status), _)) => status.is_synced(),
            Some((None, _)) | None => now >= self.synced_at,
        }
    }

    /// Words of a recorded rejection.
    #[must_use]
    pub fn nack(&self) -> Option<&str> {
        self.recorded.as_ref()?.0.as_ref()?.nack()
    }
}
