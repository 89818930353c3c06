//! Stand-in proxies: for each injected pod that is Ready one ADS stream to an istiod of the revision that injected it,
//! from then until the pod is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::google::rpc;
use futures::stream::unfold;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::injection::{proxy_of, proxy_version, status_of};
use meshlift_model::k8s::Pod;
use prost::Message;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use crate::ads;
use crate::ads::content::{CLUSTERS, ENDPOINTS, HTTP, LISTENERS, ROUTES};
use crate::ads::node::Node;
use crate::mirror::{Key, key};
use crate::shared::Shared;

/// Requests that may wait to be sent.
const REQUESTS_MAX: usize = 16;
/// Pause before a proxy that lost its istiod is given another one.
const PAUSE: Duration = Duration::from_millis(100);
/// gRPC's code of a config that is refused.
const INVALID_ARGUMENT: i32 = 3;

/// A proxy that runs; it hangs up when this is dropped.
struct Running {
    pod: Key,
    istiod: Key,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An istiod that accepts proxies.
pub(crate) struct Accepting {
    pub(crate) pod: Key,
    pub(crate) address: String,
    pub(crate) revision: String,
}

/// All proxies, by uid of their pods.
#[derive(Default)]
pub(crate) struct Proxies {
    running: BTreeMap<String, Running>,
    /// One connection to each address of an istiod: every proxy has a stream of its own on it.
    channels: BTreeMap<String, Channel>,
}

impl Proxies {
    /// Connects and disconnects, as the mirror shows it now.
    pub(crate) fn update(&mut self, shared: &Shared, istiods: &[Accepting]) {
        let mirror = shared.mirror();
        self.channels.retain(|address, _| istiods.iter().any(|istiod| istiod.address == *address));
        let lives = |one: &Running, uid: &str| {
            let pod = mirror.pods.get(&one.pod).filter(|pod| pod.metadata.uid == uid && is_injected(pod));
            pod.is_some() && !one.task.is_finished() && istiods.iter().any(|istiod| istiod.pod == one.istiod)
        };
        self.running.retain(|uid, one| lives(one, uid));
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        for one in self.running.values() {
            *counts.entry(one.istiod.clone()).or_default() += 1;
        }
        for pod in mirror.pods.iter().filter(|pod| is_injected(pod)) {
            let uid = &pod.metadata.uid;
            if !pod.is_ready() || pod.metadata.deletion_timestamp.is_some() || self.running.contains_key(uid)
            {
                continue;
            }
            // To the istiod of its revision that has the fewest, as a Service spreads them.
            let revision = pod.metadata.annotation(REV_LABEL).unwrap_or_default();
            let of_revision = istiods.iter().filter(|istiod| istiod.revision == revision);
            let Some(istiod) = of_revision.min_by_key(|istiod| counts.get(&istiod.pod)) else { continue };
            let Some(channel) = self.channel(&istiod.address) else { continue };
            *counts.entry(istiod.pod.clone()).or_default() += 1;
            let proxy = Proxy { shared: shared.clone(), revision: revision.to_owned() };
            let task = tokio::spawn(proxy.run(channel, node(pod)));
            self.running.insert(uid.clone(), Running { pod: key(pod), istiod: istiod.pod.clone(), task });
        }
    }

    fn channel(&mut self, address: &str) -> Option<Channel> {
        if let Some(channel) = self.channels.get(address) {
            return Some(channel.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}:{}", ads::PLAIN)).ok()?;
        let channel = endpoint.connect_lazy();
        Some(self.channels.entry(address.to_owned()).or_insert(channel).clone())
    }
}

fn is_injected(pod: &Pod) -> bool {
    pod.status.phase == "Running" && status_of(pod).is_some()
}

/// What the agent of a pod would say (istio: pkg/bootstrap/config.go), as far as istiods look at it here.
fn node(pod: &Pod) -> envoy_types::pb::envoy::config::core::v3::Node {
    let version = proxy_version(pod).map(|version| version.to_string()).unwrap_or_default();
    let metadata = [
        ("NAME", pod.metadata.name.as_str()),
        ("NAMESPACE", &pod.metadata.namespace),
        ("CLUSTER_ID", "Kubernetes"),
        ("ISTIO_VERSION", &version),
        ("SERVICE_ACCOUNT", &pod.spec.service_account_name),
        ("NODE_NAME", &pod.spec.node_name),
    ];
    Node::write(kind(pod), &pod.status.pod_ip, &key(pod), &metadata)
}

/// Gateways say so by an argument of their proxy that the model does not read, and by their templates.
fn kind(pod: &Pod) -> &'static str {
    let templates = pod.metadata.annotation("inject.istio.io/templates").unwrap_or_default();
    let is_router = templates.contains("gateway")
        || proxy_of(pod).is_some_and(|proxy| proxy.env_value("ISTIO_META_ROUTER_MODE").is_some());
    if is_router { "router" } else { "sidecar" }
}

/// One proxy.
struct Proxy {
    shared: Shared,
    revision: String,
}

impl Proxy {
    /// Until the istiod hangs up; then the reconciler gives it another one.
    async fn run(self, channel: Channel, node: envoy_types::pb::envoy::config::core::v3::Node) {
        let id = node.id.clone();
        if let Err(status) = self.talk(channel, node).await {
            eprintln!("proxy {id}: {}", status.message());
        }
        tokio::time::sleep(PAUSE).await;
        self.shared.touch();
    }

    async fn talk(
        &self,
        channel: Channel,
        node: envoy_types::pb::envoy::config::core::v3::Node,
    ) -> Result<(), tonic::Status> {
        let (sender, receiver) = mpsc::channel(REQUESTS_MAX);
        let requests = unfold(receiver, async |mut receiver: mpsc::Receiver<_>| {
            Some((receiver.recv().await?, receiver))
        });
        let first = DiscoveryRequest {
            node: Some(node),
            type_url: CLUSTERS.to_owned(),
            ..DiscoveryRequest::default()
        };
        ask(&sender, first).await?;
        ask(&sender, DiscoveryRequest { type_url: LISTENERS.to_owned(), ..DiscoveryRequest::default() })
            .await?;
        let mut client = AggregatedDiscoveryServiceClient::new(channel);
        let mut responses = client.stream_aggregated_resources(requests).await?.into_inner();
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        while let Some(response) = responses.message().await? {
            let (follows, wanted) = match response.type_url.as_str() {
                CLUSTERS => (ENDPOINTS, endpoints_wanted(&response.resources)),
                LISTENERS => (ROUTES, routes_wanted(&response.resources)),
                _ => ("", Vec::new()),
            };
            self.answer(&sender, &response, &names).await?;
            if !wanted.is_empty() && names.get(follows) != Some(&wanted) {
                names.insert(follows.to_owned(), wanted.clone());
                let request = DiscoveryRequest {
                    type_url: follows.to_owned(),
                    resource_names: wanted,
                    ..DiscoveryRequest::default()
                };
                ask(&sender, request).await?;
            }
        }
        Ok(())
    }

    /// Takes what came, refuses it, or says nothing, as the revision's proxies are told.
    async fn answer(
        &self,
        sender: &Sender<DiscoveryRequest>,
        response: &DiscoveryResponse,
        names: &BTreeMap<String, Vec<String>>,
    ) -> Result<(), tonic::Status> {
        let behaviour = self.shared.behaviour(&self.revision);
        if behaviour.proxies_are_stale {
            return Ok(());
        }
        let detail = |message| rpc::Status { code: INVALID_ARGUMENT, message, ..rpc::Status::default() };
        let request = DiscoveryRequest {
            version_info: response.version_info.clone(),
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            resource_names: names.get(&response.type_url).cloned().unwrap_or_default(),
            error_detail: behaviour.proxies_refuse_with.map(detail),
            ..DiscoveryRequest::default()
        };
        ask(sender, request).await
    }
}

async fn ask(sender: &Sender<DiscoveryRequest>, request: DiscoveryRequest) -> Result<(), tonic::Status> {
    sender.send(request).await.map_err(|_| tonic::Status::cancelled("the istiod is gone"))
}

/// Clusters whose endpoints come by EDS.
fn endpoints_wanted(resources: &[Any]) -> Vec<String> {
    let clusters = resources.iter().filter_map(|any| Cluster::decode(any.value.as_slice()).ok());
    clusters.filter(|cluster| cluster.eds_cluster_config.is_some()).map(|cluster| cluster.name).collect()
}

/// Route tables that listeners name.
fn routes_wanted(resources: &[Any]) -> Vec<String> {
    let listeners = resources.iter().filter_map(|any| Listener::decode(any.value.as_slice()).ok());
    let filters = listeners.flat_map(|listener| listener.filter_chains).flat_map(|chain| chain.filters);
    let tables = filters.filter(|filter| filter.name == HTTP).filter_map(|filter| match filter.config_type {
        Some(ConfigType::TypedConfig(any)) => HttpConnectionManager::decode(any.value.as_slice()).ok(),
        _ => None,
    });
    let named = tables.filter_map(|manager| match manager.route_specifier {
        Some(RouteSpecifier::Rds(rds)) => Some(rds.route_config_name),
        _ => None,
    });
    named.collect()
}
