//! A connection to a port of a pod, for one question after the other: to its address from inside of the cluster,
//! through the API server's port-forward from outside.

use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::api::Portforwarder;
use kube::{Api, Client};
use meshlift_model::k8s::Pod;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::body::whole;
use crate::refusal::{chain, request_chain};
use crate::tls::Tls;

/// Time for the way to a pod: a port-forward is three hops.
const CONNECT_SECONDS_MAX: u64 = 15;
/// Time for one answer: syncz of thousands of proxies takes istiod a second or two.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Longest answer: syncz of 100,000 proxies at some 1,300 bytes each.
const ANSWER_BYTES_MAX: usize = 1 << 27;
/// How long a port-forward that failed is waited for to say why.
const WORDS: Duration = Duration::from_secs(1);

/// How pods are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Through the API server: from outside of the cluster.
    #[default]
    PortForward,
    /// At the pod's address: from inside.
    Direct,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The API server forwards nothing.
    #[error("port-forward: {}", request_chain(.0))]
    Forward(kube::Error),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// A connection to a pod. Questions are asked one after the other.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// Keeps the way open, and knows why it closed.
    forward: Option<Portforwarder>,
    port: u16,
    driver: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
        if let Some(forward) = &self.forward {
            forward.abort();
        }
    }
}

/// Bytes both ways.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A stream, and what keeps it open.
type Stream = (Box<dyn Duplex>, Option<Portforwarder>);

impl Line {
    /// Connects to a pod's port; over TLS where a certificate is to be trusted.
    pub(crate) async fn open(
        client: &Client,
        way: Way,
        pod: &Pod,
        port: u16,
        tls: Option<&Tls>,
    ) -> Result<Self, LineError> {
        let opened = async {
            let (stream, mut forward) = dial(client, way, pod, port).await?;
            let shaken = match tls {
                Some(tls) => match tls.secure(stream).await {
                    Ok(stream) => shake(stream).await,
                    Err(why) => Err(why),
                },
                None => shake(stream).await,
            };
            match shaken {
                Ok((sender, driver)) => Ok(Self { sender, forward, port, driver }),
                Err(why) => Err(LineError::Other(because(&mut forward, port, why).await)),
            }
        };
        within(CONNECT_SECONDS_MAX, "connecting", opened).await.map_err(LineError::Other)?
    }

    /// A page of an istiod; with a token where there is one.
    pub(crate) async fn page(
        &mut self,
        path: &str,
        token: Option<&str>,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let mut request = Request::get(path).header(HOST, "istiod");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.ask(request.body(Full::default()).map_err(|error| error.to_string())?).await
    }

    /// One answer. Its length decides where it ends: a port-forward over a WebSocket does not say that the other side
    /// has closed.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let path = request.uri().path().to_owned();
        let sender = &mut self.sender;
        let asked = async move {
            sender.ready().await.map_err(|error| chain(&error))?;
            let response = sender.send_request(request).await.map_err(|error| chain(&error))?;
            let code = response.status();
            let body = whole(response.into_body(), ANSWER_BYTES_MAX).await;
            Ok((code, body.map_err(|error| error.to_string())?))
        };
        match within(ANSWER_SECONDS_MAX, &path, asked).await? {
            Ok(answer) => Ok(answer),
            Err(why) => Err(because(&mut self.forward, self.port, why).await),
        }
    }
}

async fn dial(client: &Client, way: Way, pod: &Pod, port: u16) -> Result<Stream, LineError> {
    match way {
        Way::Direct => {
            let address = (pod.status.pod_ip.as_str(), port);
            let stream = TcpStream::connect(address).await.map_err(|error| {
                LineError::Other(format!("{}:{port} cannot be reached: {error}", pod.status.pod_ip))
            })?;
            Ok((Box::new(stream), None))
        }
        Way::PortForward => {
            let pods: Api<ApiPod> = Api::namespaced(client.clone(), &pod.metadata.namespace);
            let mut forward =
                pods.portforward(&pod.metadata.name, &[port]).await.map_err(LineError::Forward)?;
            let none = || LineError::Other("the port-forward gave no stream".to_owned());
            let stream = forward.take_stream(port).ok_or_else(none)?;
            Ok((Box::new(stream), Some(forward)))
        }
    }
}

async fn shake(stream: impl Duplex + 'static) -> Result<(SendRequest<Full<Bytes>>, JoinHandle<()>), String> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| chain(&error))?;
    Ok((sender, tokio::spawn(async move { drop(connection.await) })))
}

/// What the port-forward itself says comes first: why nothing came through.
async fn because(forward: &mut Option<Portforwarder>, port: u16, why: String) -> String {
    let words = match forward.as_mut().and_then(|forward| forward.take_error(port)) {
        Some(words) => timeout(WORDS, words).await.ok().flatten(),
        None => None,
    };
    match words {
        Some(words) => format!("the port-forward ended: {}", words.trim()),
        None => format!("no answer: {why}"),
    }
}

/// Awaits with a deadline; the error says what was waited for.
pub(crate) async fn within<T>(seconds: u64, what: &str, asked: impl Future<Output = T>) -> Result<T, String> {
    let answered = timeout(Duration::from_secs(seconds), asked).await;
    answered.map_err(|_| format!("{what}: no answer within {seconds} s"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What comes of an answer; the other side closes after it, or stays.
    fn answered(answer: &'static [u8], closes: bool) -> Result<(StatusCode, Vec<u8>), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (here, mut there) = tokio::io::duplex(4096);
            let request = Request::get("/version").header(HOST, "istiod").body(Full::default()).unwrap();
            let served = tokio::spawn(async move {
                let mut head = [0; 4096];
                assert!(there.read(&mut head).await.unwrap() > 0);
                there.write_all(answer).await.unwrap();
                if !closes {
                    std::future::pending::<()>().await;
                }
            });
            let (sender, driver) = shake(here).await.unwrap();
            let answer = Line { sender, forward: None, port: 1, driver }.ask(request).await;
            served.abort();
            answer
        })
    }

    #[test]
    fn an_answer_is_whole_or_none() {
        let whole = answered(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]", true).unwrap();
        assert_eq!((whole.0, whole.1.as_slice()), (StatusCode::OK, &b"[]"[..]));
        assert!(answered(b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n[]", true).is_err());
        assert!(answered(b"HTTP/1.0 200 OK\r\n", true).is_err());
    }

    #[test]
    fn an_answer_is_over_where_its_length_says_so() {
        let kept_open = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", false).unwrap();
        assert_eq!((kept_open.0, kept_open.1.as_slice()), (StatusCode::OK, &b"[]"[..]));
    }
}
