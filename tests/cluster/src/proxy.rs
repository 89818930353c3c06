//! A proxy between a client and the API server that turns requests away, loses them, or loses their answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::config::Kubeconfig;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::ClusterError;

/// Something that a test does while a request is under way.
pub type Act = Box<dyn FnOnce() + Send>;

/// What becomes of a request.
pub enum Fate {
    /// It is passed on, and its answer comes back.
    Pass,
    /// It is not passed on; the answer is a Status of that code, with `Retry-After` in seconds.
    Answer(u16, Option<u32>),
    /// It is not passed on: the connection ends, after the act.
    Cut(Act),
    /// It is passed on; the connection ends before its answer, after the act.
    LoseAnswer(Act),
    /// It is passed on; its answer comes back after the act.
    Answered(Act),
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pass => "Pass",
            Self::Answer(..) => "Answer",
            Self::Cut(_) => "Cut",
            Self::LoseAnswer(_) => "LoseAnswer",
            Self::Answered(_) => "Answered",
        })
    }
}

/// Decides what becomes of a request by its method and its path with its query.
pub type Fates = dyn Fn(&str, &str) -> Fate + Send + Sync;

/// A proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    kubeconfig: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

/// Where requests go.
#[derive(Clone)]
struct Upstream {
    address: String,
    host: ServerName<'static>,
    tls: TlsConnector,
    fates: Arc<Fates>,
}

type Answer = Response<Either<Incoming, Full<Bytes>>>;

impl Proxy {
    /// A proxy for the user of a kubeconfig (a token); the kubeconfig that leads through it lies beside that one.
    ///
    /// # Errors
    /// Where the kubeconfig is not one of a cluster for tests, or no port is free.
    pub async fn start(
        kubeconfig: &Path,
        fates: impl Fn(&str, &str) -> Fate + Send + Sync + 'static,
    ) -> Result<Self, ClusterError> {
        let config = Kubeconfig::read_from(kubeconfig).map_err(Box::new)?;
        let upstream = upstream(&config, Arc::new(fates))?;
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).await.map_err(ClusterError::file("127.0.0.1:0"))?;
        let port = listener.local_addr().map_err(ClusterError::file("127.0.0.1:0"))?.port();
        let through = kubeconfig.with_extension(format!("through-{port}"));
        let failed = |error: serde_json::Error| ClusterError::Failed {
            command: "kubeconfig".to_owned(),
            said: error.to_string(),
        };
        let mut config = serde_json::to_value(&config).map_err(failed)?;
        config["clusters"][0]["cluster"] = json!({"server": format!("http://127.0.0.1:{port}")});
        fs::write(&through, config.to_string()).map_err(ClusterError::file(&through))?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, upstream.clone()));
            }
        });
        Ok(Self { kubeconfig: through, task })
    }

    /// The kubeconfig that leads through the proxy.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn upstream(config: &Kubeconfig, fates: Arc<Fates>) -> Result<Upstream, ClusterError> {
    let failed =
        |said: &str| ClusterError::Failed { command: "kubeconfig".to_owned(), said: said.to_owned() };
    let cluster = config.clusters.first().and_then(|one| one.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| failed("it has no cluster"))?;
    let server = cluster.server.as_deref().and_then(|url| url.strip_prefix("https://"));
    let address = server.ok_or_else(|| failed("its server is not https"))?.trim_end_matches('/').to_owned();
    let authority =
        cluster.certificate_authority.as_deref().ok_or_else(|| failed("it names no authority"))?;
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(authority).map_err(|error| failed(&error.to_string()))?;
    roots.add(certificate).map_err(|error| failed(&error.to_string()))?;
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let host = address.split(':').next().unwrap_or_default().to_owned();
    let host = ServerName::try_from(host).map_err(|error| failed(&error.to_string()))?;
    Ok(Upstream { address, host, tls: TlsConnector::from(Arc::new(tls)), fates })
}

async fn connection(stream: TcpStream, upstream: Upstream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(request, upstream.clone()));
    let serve = server::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A connection that was cut on purpose ends with an error.
    let _ = serve.with_upgrades().await;
}

/// The answer; an error ends the connection.
async fn handle(request: Request<Incoming>, upstream: Upstream) -> Result<Answer, String> {
    let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    match (upstream.fates)(request.method().as_str(), &path) {
        Fate::Pass => pass(request, &upstream).await,
        Fate::Answer(code, retry_after) => Ok(status(code, retry_after)),
        Fate::Cut(act) => {
            act();
            Err("cut".to_owned())
        }
        Fate::LoseAnswer(act) => {
            pass(request, &upstream).await?;
            act();
            Err("its answer is lost".to_owned())
        }
        Fate::Answered(act) => {
            let answer = pass(request, &upstream).await?;
            act();
            Ok(answer)
        }
    }
}

fn status(code: u16, retry_after: Option<u32>) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()),
        "message": "injected by a proxy",
    });
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(body.to_string()))));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert("retry-after", http::HeaderValue::from(seconds));
    }
    answer
}

/// Passes a request on over a connection of its own; one that changes its protocol goes on as bytes.
async fn pass(mut request: Request<Incoming>, upstream: &Upstream) -> Result<Answer, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let tcp = TcpStream::connect(&upstream.address).await.map_err(|error| failed(&error))?;
    let _ = tcp.set_nodelay(true);
    let tls = upstream.tls.connect(upstream.host.clone(), tcp).await.map_err(|error| failed(&error))?;
    let (mut sender, driver) = client::handshake(TokioIo::new(tls)).await.map_err(|error| failed(&error))?;
    tokio::spawn(driver.with_upgrades());
    let below = hyper::upgrade::on(&mut request);
    let mut answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        let above = hyper::upgrade::on(&mut answer);
        tokio::spawn(async move {
            if let (Ok(below), Ok(above)) = (below.await, above.await) {
                let (mut below, mut above) = (TokioIo::new(below), TokioIo::new(above));
                let _ = tokio::io::copy_bidirectional(&mut below, &mut above).await;
            }
        });
    }
    Ok(answer.map(Either::Left))
}
