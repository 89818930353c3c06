//! What istiods say of themselves and of their proxies: their debug endpoints, asked pod by pod.
//!
//! Inside of the cluster a pod's address is dialled, outside the API server forwards to its port. A request that comes
//! through a kubelet's port-forward counts as local and needs no token; any other is asked for one, and then gets a
//! service account's with the audience that istiod demands (istio `pilot/pkg/xds/debug.go`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::Api;
use kube::api::Portforwarder;
use meshlift_model::effect::Failure;
use meshlift_model::k8s::{Pod, Webhook};
use meshlift_model::snapshot::IstiodAnswers;
use meshlift_model::time::Time;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::call::{Calls, sentence};
use crate::body::whole;
use crate::clock;

/// Port of an istiod that serves version, metrics and debug endpoints without TLS.
const MONITORING_PORT: u16 = 15014;
/// Port of an istiod that serves its webhooks.
const INJECTION_PORT: u16 = 15017;
/// Longest that one answer is waited for, in seconds.
const ANSWER_SECONDS_MAX: u64 = 20;
/// Longest answer, in bytes: 100,000 proxies at some 600 bytes each.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// How long a port-forward that failed is waited for to say why.
const WORDS: Duration = Duration::from_secs(1);
/// Audience of tokens that istiod accepts.
const AUDIENCE: &str = "istio-ca";
/// Service account whose token is asked for, as istioctl does.
const SERVICE_ACCOUNT: &str = "default";
/// Life of a token, in seconds; a tenth before its end it is asked for anew.
const TOKEN_SECONDS: i64 = 3600;

/// How istiods are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By the addresses of their pods: meshlift runs in the cluster.
    Direct,
    /// By the API server's port-forward.
    PortForward,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask<'a> {
    /// The version.
    Version,
    /// Connected proxies and their state, of one namespace (empty: of all).
    Proxies {
        /// Namespace.
        namespace: &'a str,
    },
}

impl Ask<'_> {
    /// Endpoints with their paths.
    fn endpoints(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Version => vec![("version", "/version".to_owned())],
            Self::Proxies { namespace } => {
                let filter =
                    if namespace.is_empty() { String::new() } else { format!("?namespace={namespace}") };
                vec![
                    ("syncz", format!("/debug/syncz{filter}")),
                    ("connections", "/debug/connections".to_owned()),
                ]
            }
        }
    }
}

/// The way to istiods.
pub(super) struct Istiods {
    calls: Calls,
    reach: Reach,
    /// Tokens by namespace, with the time at which they are asked for anew.
    tokens: Mutex<BTreeMap<String, (String, Time)>>,
}

/// An HTTP answer.
struct Answer {
    code: u16,
    body: Vec<u8>,
}

impl Istiods {
    pub(super) fn new(calls: Calls, reach: Reach) -> Self {
        Self { calls, reach, tokens: Mutex::default() }
    }

    /// What the running istiods among these pods answer, by pod name, and which of them did not.
    pub(super) async fn answers(
        &self,
        istiods: &[Pod],
        ask: Ask<'_>,
    ) -> (BTreeMap<String, IstiodAnswers>, Vec<String>) {
        let running = istiods.iter().filter(|pod| pod.status.phase == "Running");
        let asked = running.map(|pod| async move { (pod, self.ask(pod, ask).await) });
        let (mut answers, mut unknown) = (BTreeMap::new(), Vec::new());
        for (pod, (told, missing)) in futures::future::join_all(asked).await {
            answers.insert(pod.metadata.name.clone(), told);
            unknown.extend(missing.into_iter().map(|why| format!("istiod/{}/{why}", pod.metadata.name)));
        }
        (answers, unknown)
    }

    async fn ask(&self, pod: &Pod, ask: Ask<'_>) -> (IstiodAnswers, Vec<String>) {
        let (mut told, mut missing) = (IstiodAnswers::default(), Vec::new());
        for (endpoint, path) in ask.endpoints() {
            let read = self.body(pod, &path).await.and_then(|body| {
                meshlift_snapshot::istiod_answer(endpoint, &body, &mut told)
                    .map_err(|why| format!("it {why}"))
            });
            if let Err(why) = read {
                missing.push(format!("{endpoint}: {why}"));
            }
        }
        (told, missing)
    }

    /// The body of an endpoint's answer. A token is shown only to an istiod that asks for one.
    async fn body(&self, pod: &Pod, path: &str) -> Result<Vec<u8>, String> {
        let mut answer = self.get(pod, path, None).await?;
        if answer.code == 401 {
            let token = self.token(&pod.metadata.namespace).await?;
            answer = self.get(pod, path, Some(&token)).await?;
        }
        match answer.code {
            200 => Ok(answer.body),
            code => {
                let said: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
                Err(format!("it answered {code}: {}", said.trim()))
            }
        }
    }

    async fn get(&self, pod: &Pod, path: &str, token: Option<&str>) -> Result<Answer, String> {
        let mut request = Request::get(path).header(HOST, "istiod");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::default()).map_err(|error| error.to_string())?;
        let asked = async {
            let (stream, forwarded) = self.dial(pod, MONITORING_PORT).await?;
            closed(forwarded, MONITORING_PORT, exchange(stream, request).await).await
        };
        in_time(asked).await
    }

    /// What an istiod's injector would do to a pod (`AdmissionReview` in, `AdmissionReview` out). No credentials are
    /// asked for; its certificate must be signed by the root that its webhook names.
    pub(super) async fn review(
        &self,
        istiod: &Pod,
        webhook: &Webhook,
        review: &Value,
    ) -> Result<Value, String> {
        let service =
            webhook.client_config.service.as_ref().ok_or("the injector is outside of the cluster")?;
        let server = format!("{}.{}.svc", service.name, service.namespace);
        let request = Request::post(&service.path)
            .header(HOST, &server)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(review.to_string()))
            .map_err(|error| error.to_string())?;
        let connector = trust(&webhook.client_config.ca_bundle)?;
        let asked = async {
            let (stream, forwarded) = self.dial(istiod, INJECTION_PORT).await?;
            let name = ServerName::try_from(server.clone()).map_err(|error| error.to_string())?;
            let secure = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
            closed(forwarded, INJECTION_PORT, exchange(secure, request).await).await
        };
        let answer = in_time(asked).await?;
        match answer.code {
            200 => serde_json::from_slice(&answer.body).map_err(|error| error.to_string()),
            code => Err(format!("it answered {code}")),
        }
    }

    /// A stream to a pod's port, and what keeps it open.
    async fn dial(&self, pod: &Pod, port: u16) -> Result<(Box<dyn Duplex>, Option<Portforwarder>), String> {
        match self.reach {
            Reach::Direct => {
                let address = (pod.status.pod_ip.as_str(), port);
                let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
                Ok((Box::new(stream), None))
            }
            Reach::PortForward => {
                let pods: Api<ApiPod> = Api::namespaced(self.calls.client().clone(), &pod.metadata.namespace);
                let forwarded = pods.portforward(&pod.metadata.name, &[port]).await;
                let mut forwarded =
                    forwarded.map_err(|error| format!("port-forward: {}", sentence(&error)))?;
                let stream = forwarded.take_stream(port).ok_or("port-forward gave no stream")?;
                Ok((Box::new(stream), Some(forwarded)))
            }
        }
    }

    async fn token(&self, namespace: &str) -> Result<String, String> {
        let mut tokens = self.tokens.lock().await;
        if let Some((token, until)) = tokens.get(namespace)
            && clock::now() < *until
        {
            return Ok(token.clone());
        }
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [AUDIENCE], "expirationSeconds": TOKEN_SECONDS},
        });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{SERVICE_ACCOUNT}/token");
        let given =
            self.calls.post(&path, &request).await.map_err(|error| Failure::from(error).to_string())?;
        let token = given.pointer("/status/token").and_then(Value::as_str).ok_or("it gave no token")?;
        let until = clock::now().plus_seconds(TOKEN_SECONDS / 10 * 9);
        tokens.insert(namespace.to_owned(), (token.to_owned(), until));
        Ok(token.to_owned())
    }
}

/// Bytes both ways.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn in_time<T>(asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| format!("no answer within {ANSWER_SECONDS_MAX} s");
    tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), asked).await.map_err(late)?
}

/// Ends a port-forward; where nothing came through it, its own words say why.
async fn closed(
    forwarded: Option<Portforwarder>,
    port: u16,
    answer: Result<Answer, String>,
) -> Result<Answer, String> {
    let Some(mut forwarded) = forwarded else { return answer };
    let words = match (&answer, forwarded.take_error(port)) {
        (Err(_), Some(words)) => tokio::time::timeout(WORDS, words).await.ok().flatten(),
        (Ok(_), _) | (Err(_), None) => None,
    };
    forwarded.abort();
    answer.map_err(|why| words.map(|words| format!("port-forward: {}", words.trim())).unwrap_or(why))
}

/// TLS that trusts these roots alone: PEM in base64, as webhooks carry it.
fn trust(ca_bundle: &str) -> Result<TlsConnector, String> {
    let pem: ByteString = serde_json::from_value(json!(ca_bundle)).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem.0) {
        let certificate = certificate.map_err(|error| format!("its webhook's certificate: {error}"))?;
        roots.add(certificate).map_err(|error| format!("its webhook's certificate: {error}"))?;
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One request and its answer. Its length decides where it ends: a port-forward over a WebSocket does not say that
/// the other side has closed.
async fn exchange(stream: impl Duplex + 'static, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| sentence(&error))?;
    let driver = tokio::spawn(async move { drop(connection.await) });
    let asked = async {
        let response = sender.send_request(request).await.map_err(|error| sentence(&error))?;
        let code = response.status().as_u16();
        let body = whole(response.into_body(), ANSWER_BYTES_MAX).await;
        Ok(Answer { code, body: body.map_err(|error| error.to_string())? })
    };
    let answer = asked.await;
    driver.abort();
    answer
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What comes of an answer; the other side closes after it, or stays.
    fn answered(answer: &'static [u8], closes: bool) -> Result<Answer, String> {
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
            let answer = in_time(exchange(here, request)).await;
            served.abort();
            answer
        })
    }

    #[test]
    fn an_answer_is_whole_or_none() {
        let whole = answered(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]", true).unwrap();
        assert_eq!((whole.code, whole.body.as_slice()), (200, &b"[]"[..]));
        assert!(answered(b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n[]", true).is_err());
        assert!(answered(b"HTTP/1.0 200 OK\r\n", true).is_err());
    }

    #[test]
    fn an_answer_is_over_where_its_length_says_so() {
        let kept_open = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", false).unwrap();
        assert_eq!((kept_open.code, kept_open.body.as_slice()), (200, &b"[]"[..]));
    }
}
