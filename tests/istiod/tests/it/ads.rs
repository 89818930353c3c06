//! ADS as tools and proxies use it, through a port-forward.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::envoy::service::status::v3::{ClientConfig, ConfigStatus};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value as Protobuf};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use prost::Message;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{self, Sender};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig as Tls, RootCertStore};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::pages::{Lab, until};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const LISTENERS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const NAMESPACE: &str = "ledger-classic";

/// A stream to an istiod.
struct Stream {
    requests: Sender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
}

impl Stream {
    async fn open(channel: Channel, token: Option<&str>, first: DiscoveryRequest) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(4);
        requests.send(first).await.unwrap();
        let sent =
            futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        let mut request = Request::new(sent);
        if let Some(token) = token {
            let value: MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let mut client = AggregatedDiscoveryServiceClient::new(channel);
        let responses = client.stream_aggregated_resources(request).await?.into_inner();
        Ok(Self { requests, responses })
    }

    async fn next(&mut self) -> Result<DiscoveryResponse, Status> {
        self.responses.message().await.map(Option::unwrap)
    }
}

/// A request of one that says it is this pod.
fn request(pod: &str, type_url: &str) -> DiscoveryRequest {
    let text = |text: &str| Protobuf { kind: Some(Kind::StringValue(text.to_owned())) };
    let metadata = [("NAMESPACE".to_owned(), text(NAMESPACE)), ("ISTIO_VERSION".to_owned(), text("1.30.3"))];
    let node = Node {
        id: format!("sidecar~10.244.9.9~{pod}.{NAMESPACE}~{NAMESPACE}.svc.cluster.local"),
        metadata: Some(Struct { fields: metadata.into_iter().collect() }),
        ..Node::default()
    };
    DiscoveryRequest { node: Some(node), type_url: type_url.to_owned(), ..DiscoveryRequest::default() }
}

/// A connection to a port of one istiod; with `tls`, as whoever trusts the mesh's root.
async fn channel(lab: &Lab, istiod: &str, port: u16, tls: bool) -> Channel {
    let pods: Api<Pod> = Api::namespaced(lab.client(), "istio-system");
    let stream = pods.portforward(istiod, &[port]).await.unwrap().take_stream(port).unwrap();
    if !tls {
        return over(stream).await;
    }
    let root = lab.standin.root().await.unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = Tls::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "istiod-1-29-6.istio-system.svc".try_into().unwrap();
    over(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()).await
}

async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Channel {
    let stream = Mutex::new(Some(TokioIo::new(stream)));
    let connect = tower::service_fn(move |_| {
        let stream = stream.lock().unwrap().take();
        async move { stream.ok_or_else(|| std::io::Error::other("one connection is all there is")) }
    });
    Endpoint::from_static("http://istiod").connect_with_connector(connect).await.unwrap()
}

/// An istiod's pod, and a proxy that it serves.
async fn istiod_with_proxy(lab: &Lab) -> (String, String, String) {
    let token = lab.token("istio-system", "istio-ca").await;
    let found = lab.istiods().await.into_iter().find_map(|(pod, address)| {
        let page = format!("http://{address}:15014/debug/connections");
        let (_, body) = lab.ask(&page, "", Some(&token));
        let connections: Value = serde_json::from_str(&body).unwrap();
        let id = connections.pointer("/clients/0/connectionId").and_then(Value::as_str)?;
        Some((pod, address, id.to_owned()))
    });
    found.unwrap()
}

pub(crate) async fn streams(lab: &mut Lab) {
    let (istiod, address, proxy) = istiod_with_proxy(lab).await;
    a_proxys_config_is_dumped(lab, &address, &proxy).await;
    whoever_says_it_is_a_pod_gets_its_config_over_the_plain_port(lab, &istiod, &address).await;
    the_secure_port_asks_for_the_pods_own_token(lab, &istiod).await;
    debug_pages_come_over_the_secure_port(lab, &istiod, &address).await;
    a_push_reaches_every_proxy(lab).await;
}

/// facts/istio.md: 404 for a proxy of another istiod, 400 without one; Envoy's admin shape; a token of another namespace
/// shows proxies of its own.
async fn a_proxys_config_is_dumped(lab: &Lab, address: &str, proxy: &str) {
    let own = lab.token("istio-system", "istio-ca").await;
    let ask =
        |page: &str, token: &str| lab.ask(&format!("http://{address}:15014/debug/{page}"), "", Some(token));
    for page in ["config_dump", "ndsz", "edsz"] {
        assert_eq!(ask(page, &own).0, 400, "{page}");
        let (status, words) = ask(&format!("{page}?proxyID=nobody.nowhere-1"), &own);
        assert!(status == 404 && words.starts_with("Proxy not connected to this Pilot instance"), "{words}");
    }
    assert_eq!(ask(&format!("ndsz?proxyID={proxy}"), &own).0, 400, "it captures no DNS");
    let (status, body) = ask(&format!("config_dump?proxyID={proxy}&include_eds=true"), &own);
    let dump: Value = serde_json::from_str(&body).unwrap();
    let types = dump["configs"].as_array().unwrap().iter().map(|config| {
        config["@type"].as_str().unwrap().rsplit('.').next().unwrap().trim_end_matches("ConfigDump")
    });
    let types: Vec<&str> = types.collect();
    let expected = ["Bootstrap", "Clusters", "Endpoints", "Listeners", "ScopedRoutes", "Routes", "Secrets"];
    assert_eq!((status, types), (200, expected.to_vec()));
    let clusters = dump.pointer("/configs/1/dynamicActiveClusters").unwrap().as_array().unwrap();
    assert!(clusters.iter().any(|one| one["cluster"]["name"] == "BlackHoleCluster"), "{clusters:?}");
    let (_, endpoints) = ask(&format!("edsz?proxyID={proxy}"), &own);
    assert!(
        endpoints.contains("outbound|15012||istiod-1-29-6.istio-system.svc.cluster.local"),
        "{endpoints}"
    );
    let other = lab.token("istio-system", "istio-ca").await;
    assert_eq!(ask(&format!("config_dump?proxyID={proxy}"), &other).0, 200);
    let pods = lab.token(NAMESPACE, "istio-ca").await;
    assert_eq!(ask(&format!("config_dump?proxyID={proxy}"), &pods).0, 200, "a proxy of its own namespace");
    let stranger = lab.token("default", "istio-ca").await;
    assert_eq!(ask(&format!("config_dump?proxyID={proxy}"), &stranger).0, 403);
    assert_eq!(ask("syncz?namespace=elsewhere", &own), (200, "[]".to_owned()));
    let (_, all) = ask("syncz", &own);
    assert_eq!(ask(&format!("syncz?namespace={NAMESPACE}"), &own), (200, all));
}

/// facts/observed.md: plain ADS asks for nothing, and the istiod shows the stream among its connections while it lasts.
async fn whoever_says_it_is_a_pod_gets_its_config_over_the_plain_port(
    lab: &Lab,
    istiod: &str,
    address: &str,
) {
    let channel = channel(lab, istiod, 15010, false).await;
    let mut stream = Stream::open(channel, None, request("shadow", CLUSTERS)).await.unwrap();
    let response = stream.next().await.unwrap();
    let names: BTreeSet<String> = (response.resources.iter())
        .map(|any| {
            envoy_types::pb::envoy::config::cluster::v3::Cluster::decode(any.value.as_slice()).unwrap().name
        })
        .collect();
    assert!(names.contains("PassthroughCluster") && response.type_url == CLUSTERS, "{names:?}");
    let identifier: Value = serde_json::from_str(&response.control_plane.unwrap().identifier).unwrap();
    assert_eq!((&identifier["ID"], &identifier["Component"]), (&istiod.into(), &"istiod".into()));
    let token = lab.token("istio-system", "istio-ca").await;
    let shown = |page: &str| {
        let (_, body) = lab.ask(&format!("http://{address}:15014/debug/{page}"), "", Some(&token));
        body.contains(&format!("shadow.{NAMESPACE}"))
    };
    assert!(shown("connections") && shown("syncz"));
    stream.requests.send(request("shadow", LISTENERS)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().type_url, LISTENERS);
    drop(stream);
    until(lab, "an end of the shadow", |_| !shown("connections")).await;
}

/// facts/observed.md: no token, and a token of another namespace, are told so.
async fn the_secure_port_asks_for_the_pods_own_token(lab: &Lab, istiod: &str) {
    let secure = channel(lab, istiod, 15012, true).await;
    let none = Stream::open(secure.clone(), None, request("shadow", CLUSTERS)).await.err().unwrap();
    assert_eq!((none.code(), none.message()), (Code::Unauthenticated, "authentication failure"));
    let other = lab.token("istio-system", "istio-ca").await;
    let mut stream = Stream::open(secure.clone(), Some(&other), request("shadow", CLUSTERS)).await.unwrap();
    let refused = stream.next().await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().starts_with("authorization failed: no identities"), "{refused}");
    let own = lab.token(NAMESPACE, "istio-ca").await;
    let mut stream = Stream::open(secure, Some(&own), request("shadow", CLUSTERS)).await.unwrap();
    assert!(!stream.next().await.unwrap().resources.is_empty());
}

/// facts/istio.md §4.1: `istio.io/debug/syncz` as messages, `istio.io/debug` as the page itself; never over the plain port.
async fn debug_pages_come_over_the_secure_port(lab: &Lab, istiod: &str, address: &str) {
    let tool = |type_url: &str| {
        let mut request = request("tool", type_url);
        let node = request.node.as_mut().unwrap();
        node.id = "sidecar~0.0.0.0~tool.istio-system~istio-system.svc.cluster.local".to_owned();
        node.metadata = None;
        request
    };
    let plain = channel(lab, istiod, 15010, false).await;
    let mut stream = Stream::open(plain, None, tool("istio.io/debug/syncz")).await.unwrap();
    assert_eq!(stream.next().await.unwrap_err().code(), Code::Unauthenticated);
    let token = lab.token("istio-system", "istio-ca").await;
    let secure = channel(lab, istiod, 15012, true).await;
    let mut stream = Stream::open(secure, Some(&token), tool("istio.io/debug/syncz")).await.unwrap();
    let statuses = stream.next().await.unwrap().resources;
    let statuses: Vec<ClientConfig> =
        statuses.iter().map(|any| ClientConfig::decode(any.value.as_slice()).unwrap()).collect();
    let (_, page) =
        lab.ask(&format!("http://{address}:15014/debug/syncz?namespace={NAMESPACE}"), "", Some(&token));
    let page: Value = serde_json::from_str(&page).unwrap();
    assert!(!statuses.is_empty() && statuses.len() == page.as_array().unwrap().len());
    let mut types = statuses.iter().flat_map(|status| &status.generic_xds_configs);
    assert!(types.all(|one| one.config_status() == ConfigStatus::Synced));
    let mut asked = tool("istio.io/debug");
    asked.resource_names = vec![format!("syncz?namespace={NAMESPACE}")];
    stream.requests.send(asked).await.unwrap();
    let answer = stream.next().await.unwrap().resources.remove(0);
    assert_eq!(serde_json::from_slice::<Value>(&answer.value).unwrap(), page);
}

/// A push has a nonce of its own, and proxies take it.
async fn a_push_reaches_every_proxy(lab: &mut Lab) {
    let sent = |proxies: &[Value]| -> BTreeSet<String> {
        let nonces = proxies.iter().flat_map(|one| one["resources"].as_object().unwrap().values());
        nonces.map(|one| one["sent"].as_str().unwrap().to_owned()).collect()
    };
    let before = sent(&lab.proxies().await);
    lab.behave(meshlift_istiod_standin::Behaviour::default()).await;
    let proxies = lab.proxies().await;
    let after = sent(&proxies);
    assert!(before.len() == 8 && after.len() == 8 && before.is_disjoint(&after), "{before:?} {after:?}");
    let mut resources = proxies.iter().flat_map(|one| one["resources"].as_object().unwrap().values());
    assert!(resources.all(|one| one["acked"] == one["sent"]));
}
