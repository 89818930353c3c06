//! The ports of one istiod.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::AggregatedDiscoveryServiceServer;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use meshlift_model::k8s::Pod;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::ads::{self, Ads};
use crate::behaviour::Behaviour;
use crate::debug;
use crate::inject::{injected, judged, passes};
use crate::metrics::metrics;
use crate::mirror::Key;
use crate::shared::Shared;
use crate::token::{self, Verdict};

/// What a port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    /// `/ready`, `/version`, `/metrics` and debug pages, plain.
    Pages,
    /// Webhooks, over TLS.
    Webhooks,
    /// ADS, plain.
    Ads,
    /// ADS over TLS.
    SecureAds,
}

/// All ports of an istiod.
const PORTS: [(u16, Speaks); 5] = [
    (8080, Speaks::Pages),
    (15014, Speaks::Pages),
    (15017, Speaks::Webhooks),
    (ads::PLAIN, Speaks::Ads),
    (ads::SECURE, Speaks::SecureAds),
];

/// Pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// One istiod's place.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) shared: Shared,
    pub(crate) istiod: Key,
    pub(crate) address: IpAddr,
}

/// TLS of an istiod's ports.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) webhooks: TlsAcceptor,
    pub(crate) ads: TlsAcceptor,
}

/// Numbers of all ports.
pub(crate) fn ports() -> Vec<u16> {
    PORTS.iter().map(|(port, _)| *port).collect()
}

/// Binds all ports of an istiod and serves them for as long as the tasks live.
pub(crate) async fn serve(place: &Place, secrets: &Secrets) -> std::io::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    for (port, speaks) in PORTS {
        let listener = TcpListener::bind(SocketAddr::new(place.address, port)).await?;
        tasks.spawn(accept(listener, place.clone(), speaks, secrets.clone()));
    }
    Ok(tasks)
}

async fn accept(listener: TcpListener, place: Place, speaks: Speaks, secrets: Secrets) {
    // Connections end with their listener.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of file descriptors, most likely: others are closed meanwhile.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, peer, place.clone(), speaks, secrets.clone()));
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, place: Place, speaks: Speaks, secrets: Secrets) {
    let _ = stream.set_nodelay(true);
    match speaks {
        Speaks::Pages => http(stream, peer.ip(), place, false).await,
        Speaks::Webhooks => {
            if let Ok(stream) = secrets.webhooks.accept(stream).await {
                http(stream, peer.ip(), place, true).await;
            }
        }
        Speaks::Ads => grpc(stream, Ads { place, peer, secure: false }).await,
        Speaks::SecureAds => {
            if let Ok(stream) = secrets.ads.accept(stream).await {
                grpc(stream, Ads { place, peer, secure: true }).await;
            }
        }
    }
}

async fn grpc(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, ads: Ads) {
    let service = TowerToHyperService::new(AggregatedDiscoveryServiceServer::new(ads));
    let mut http = http2::Builder::new(TokioExecutor::new());
    // All stand-in proxies of an istiod come over one connection.
    http.max_concurrent_streams(None);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin, peer: IpAddr, place: Place, webhooks: bool) {
    let service = service_fn(|request: Request<Incoming>| {
        let place = place.clone();
        async move { Ok::<_, Infallible>(answer(&place, peer, request, webhooks).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Answer = Response<Full<Bytes>>;

fn say(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    if let Ok(kind) = kind.parse() {
        answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    answer
}

fn text(status: StatusCode, body: &str) -> Answer {
    say(status, "text/plain; charset=utf-8", body.to_owned())
}

fn json(value: &Value) -> Answer {
    say(StatusCode::OK, "application/json", value.to_string())
}

async fn answer(place: &Place, peer: IpAddr, request: Request<Incoming>, webhooks: bool) -> Answer {
    let Some((istiod, revision)) = place.shared.istiod(&place.istiod) else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "no such istiod any more\n");
    };
    let behaviour = place.shared.behaviour(&revision);
    tokio::time::sleep(Duration::from_millis(behaviour.slow_millis)).await;
    if let Some(status) = behaviour.fails_with.and_then(|status| StatusCode::from_u16(status).ok()) {
        return text(status, "told to fail\n");
    }
    let path = request.uri().path().to_owned();
    if webhooks {
        return webhook(place, &istiod, &path, request, &behaviour).await;
    }
    match path.as_str() {
        "/ready" => text(StatusCode::OK, ""),
        "/version" => text(StatusCode::OK, &version(&istiod)),
        "/metrics" => {
            let proxies = place.shared.clients().of(&place.istiod).count();
            say(
                StatusCode::OK,
                "text/plain; version=0.0.4; charset=utf-8",
                metrics(&version(&istiod), proxies),
            )
        }
        _ => match path.strip_prefix("/debug/") {
            Some(page) => debug(place, peer, &request, page).await,
            None => text(StatusCode::NOT_FOUND, "404 page not found\n"),
        },
    }
}

async fn webhook(
    place: &Place,
    istiod: &Pod,
    path: &str,
    request: Request<Incoming>,
    behaviour: &Behaviour,
) -> Answer {
    if request.method() != Method::POST {
        return text(StatusCode::BAD_REQUEST, "no body found\n");
    }
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let Ok(review) = serde_json::from_slice::<Value>(&body) else {
        return text(StatusCode::BAD_REQUEST, "no review\n");
    };
    // `/inject/cluster/NAME/net/NAME` is the same page.
    if path.starts_with("/inject") && !behaviour.never_injects {
        return match injected(&review, &place.shared.mirror(), istiod, behaviour) {
            Some(answer) => json(&answer),
            None => text(StatusCode::BAD_REQUEST, "no pod\n"),
        };
    }
    if path.starts_with("/validate") {
        return json(&judged(&review, behaviour));
    }
    if path.starts_with("/inject") {
        return json(&passes(&review));
    }
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

async fn debug(place: &Place, peer: IpAddr, request: &Request<Incoming>, page: &str) -> Answer {
    let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let only = match token::check(&place.shared, peer, header, page, &place.istiod.0).await {
        Verdict::Allowed { only } => only,
        Verdict::Unauthenticated => return text(StatusCode::UNAUTHORIZED, "authentication failure\n"),
        Verdict::Forbidden => return text(StatusCode::FORBIDDEN, "forbidden\n"),
    };
    let query = request.uri().query().unwrap_or_default();
    match debug::page(place, &format!("{page}?{query}"), only.as_deref()) {
        (StatusCode::OK, body) => say(StatusCode::OK, "application/json", body),
        (status, body) => text(status, &body),
    }
}

/// Version, revision of the source and state of its tree, as `/version` says it: the tag of the image, and what
/// the recorded istiods said after it.
pub(crate) fn version(istiod: &Pod) -> String {
    let images = istiod.spec.containers.iter().map(|container| container.image.as_str());
    let tag =
        images.filter_map(|image| image.rsplit_once(':')).map(|(_, tag)| tag).next().unwrap_or("unknown");
    format!("{tag}-lab-Clean")
}
