//! Whom a proxy dials.

use meshlift_model::k8s::{Pod, Service};
use meshlift_model::selector::LabelSelector;

use super::serves;
use crate::admission::injector::{is_istiod, proxy_of};
use crate::store::Store;

/// Variables that name an istiod for proxies without a `PROXY_CONFIG`, such as ztunnel.
const ADDRESSES: [&str; 3] = ["XDS_ADDRESS", "CA_ADDRESS", "CA_ADDR"];

/// Name and namespace of the Service that a pod's proxy dials; absent for pods without a proxy.
pub(super) fn of(pod: &Pod) -> Option<(String, String)> {
    let proxy = proxy_of(pod)?;
    let config: Option<serde_json::Value> =
        proxy.env_value("PROXY_CONFIG").and_then(|text| serde_json::from_str(text).ok());
    let told = config.as_ref().and_then(|config| config.get("discoveryAddress")?.as_str());
    let host = told.or_else(|| ADDRESSES.iter().find_map(|name| proxy.env_value(name)))?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let host = host.rsplit_once("//").map_or(host, |(_, host)| host);
    let mut parts = host.split('.');
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

/// The istiods that would take a connection of this pod's proxy, by name.
pub(super) fn istiods_for<'a>(pod: &Pod, store: &'a Store) -> Vec<&'a Pod> {
    let Some((name, namespace)) = of(pod) else { return Vec::new() };
    let Some(service) =
        store.get::<Service>(&namespace, &name).filter(|service| !service.spec.selector.is_empty())
    else {
        return Vec::new();
    };
    let selector = LabelSelector::of_labels(&service.spec.selector);
    store
        .list::<Pod>(&namespace)
        .filter(|istiod| is_istiod(istiod) && serves(istiod) && selector.matches(&istiod.metadata.labels))
        .collect()
}
