//! What an istiod sends to a proxy: a few resources of each type, as messages and as the debug pages print them.

use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType, EdsClusterConfig};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress, address};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints,
};
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{HttpConnectionManager, Rds};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;
use meshlift_model::k8s::Pod;
use serde_json::{Value, json};

use super::node::Node;
use crate::mirror::{Mirror, revision};

pub(crate) const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
pub(crate) const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
pub(crate) const LISTENERS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
pub(crate) const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";

/// Name of Envoy's filter for HTTP.
pub(crate) const HTTP: &str = "envoy.filters.network.http_connection_manager";
/// The one route table: of istiods' monitoring port.
const ROUTE: &str = "15014";
/// Port on which istiods serve proxies.
const XDS: u16 = 15012;

/// One resource.
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) message: Any,
    pub(crate) json: Value,
}

/// Resources of a type, for a node; of types that are asked for by name, those.
pub(crate) fn resources(
    type_url: &str,
    node: &Node,
    names: &[String],
    istiod: &Pod,
    mirror: &Mirror,
) -> Vec<Made> {
    match type_url {
        CLUSTERS => clusters(node, istiod, mirror),
        LISTENERS => vec![
            listener("virtualOutbound", 15001, false),
            listener("virtualInbound", 15006, false),
            listener("0.0.0.0_15014", 15014, true),
        ],
        ENDPOINTS => names.iter().map(|name| endpoints(name, istiod, mirror)).collect(),
        ROUTES => names.iter().map(|name| routes(name)).collect(),
        _ => Vec::new(),
    }
}

fn clusters(node: &Node, istiod: &Pod, mirror: &Mirror) -> Vec<Made> {
    let containers = mirror.pods.get(&node.pod).map(|pod| pod.spec.containers.clone()).unwrap_or_default();
    let ports = containers.iter().filter(|one| one.name != "istio-proxy").flat_map(|one| &one.ports);
    let inbound =
        ports.map(|port| cluster(&format!("inbound|{}||", port.container_port), DiscoveryType::OriginalDst));
    let (revision, namespace) = (revision(istiod), &istiod.metadata.namespace);
    let own = format!("outbound|{XDS}||istiod-{revision}.{namespace}.svc.cluster.local");
    let fixed = [
        cluster("BlackHoleCluster", DiscoveryType::Static),
        cluster("PassthroughCluster", DiscoveryType::OriginalDst),
        cluster(&own, DiscoveryType::Eds),
    ];
    inbound.chain(fixed).collect()
}

fn cluster(name: &str, kind: DiscoveryType) -> Made {
    let is_eds = kind == DiscoveryType::Eds;
    let message = Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind.into())),
        eds_cluster_config: is_eds
            .then(|| EdsClusterConfig { service_name: name.to_owned(), ..EdsClusterConfig::default() }),
        ..Cluster::default()
    };
    let mut json = json!({"@type": CLUSTERS, "name": name, "type": kind.as_str_name()});
    if is_eds {
        json["edsClusterConfig"] = json!({"serviceName": name});
    }
    Made { name: name.to_owned(), message: pack_any(message), json }
}

/// Istiods of the revision: no other cluster has endpoints that are asked for.
fn endpoints(name: &str, istiod: &Pod, mirror: &Mirror) -> Made {
    let own = revision(istiod);
    let of_revision = mirror.istiods().filter(|(_, revision)| *revision == own);
    let addresses: Vec<String> = of_revision.map(|(pod, _)| pod.status.pod_ip.to_string()).collect();
    let one = |ip: &String| LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint {
            address: Some(address(ip, XDS)),
            ..Endpoint::default()
        })),
        ..LbEndpoint::default()
    };
    let locality = LocalityLbEndpoints {
        lb_endpoints: addresses.iter().map(one).collect(),
        ..LocalityLbEndpoints::default()
    };
    let message = ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: vec![locality],
        ..ClusterLoadAssignment::default()
    };
    let socket = |ip: &String| json!({"endpoint": {"address": socket_json(ip, XDS)}});
    let all: Vec<Value> = addresses.iter().map(socket).collect();
    let json = json!({"@type": ENDPOINTS, "clusterName": name, "endpoints": [{"lbEndpoints": all}]});
    Made { name: name.to_owned(), message: pack_any(message), json }
}

fn listener(name: &str, port: u16, http: bool) -> Made {
    let manager = HttpConnectionManager {
        route_specifier: Some(RouteSpecifier::Rds(Rds {
            route_config_name: ROUTE.to_owned(),
            ..Rds::default()
        })),
        ..HttpConnectionManager::default()
    };
    let filter =
        Filter { name: HTTP.to_owned(), config_type: Some(ConfigType::TypedConfig(pack_any(manager))) };
    let chain = FilterChain { filters: vec![filter], ..FilterChain::default() };
    let message = Listener {
        name: name.to_owned(),
        address: Some(address("0.0.0.0", port)),
        filter_chains: if http { vec![chain] } else { vec![] },
        ..Listener::default()
    };
    let mut json = json!({"@type": LISTENERS, "name": name, "address": socket_json("0.0.0.0", port)});
    if http {
        let manager = json!({
            "@type": format!("type.googleapis.com/{HTTP_TYPE}"), "rds": {"routeConfigName": ROUTE},
        });
        json["filterChains"] = json!([{"filters": [{"name": HTTP, "typedConfig": manager}]}]);
    }
    Made { name: name.to_owned(), message: pack_any(message), json }
}

/// Message type of Envoy's filter for HTTP.
const HTTP_TYPE: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

fn routes(name: &str) -> Made {
    let any =
        VirtualHost { name: "allow_any".to_owned(), domains: vec!["*".to_owned()], ..VirtualHost::default() };
    let message = RouteConfiguration {
        name: name.to_owned(),
        virtual_hosts: vec![any],
        ..RouteConfiguration::default()
    };
    let hosts = json!([{"name": "allow_any", "domains": ["*"]}]);
    let json = json!({"@type": ROUTES, "name": name, "virtualHosts": hosts});
    Made { name: name.to_owned(), message: pack_any(message), json }
}

fn address(ip: &str, port: u16) -> Address {
    let socket = SocketAddress {
        address: ip.to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(port.into())),
        ..SocketAddress::default()
    };
    Address { address: Some(address::Address::SocketAddress(socket)) }
}

fn socket_json(ip: &str, port: u16) -> Value {
    json!({"socketAddress": {"address": ip, "portValue": port}})
}
