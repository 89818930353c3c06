//! What istiods say of themselves and of their proxies: their debug endpoints, asked pod by pod.
//!
//! Inside of the cluster a pod's address is dialled, outside the API server forwards to its port. A request that comes
//! through a kubelet's port-forward counts as local and needs no token; any other is asked for one, and then gets a
//! service account's with the audience that istiod demands (istio `pilot/pkg/xds/debug.go`).

use std::collections::BTreeMap;

use http::StatusCode;
use meshlift_model::effect::Failure;
use meshlift_model::k8s::{Pod, Webhook};
use meshlift_model::snapshot::IstiodAnswers;
use meshlift_model::time::Time;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::call::Calls;
use crate::clock;
use crate::line::{Line, Way};
use crate::webhook::Called;

/// Port of an istiod that serves version, metrics and debug endpoints without TLS.
const MONITORING_PORT: u16 = 15014;
/// Audience of tokens that istiod accepts.
const AUDIENCE: &str = "istio-ca";
/// Service account whose token is asked for, as istioctl does.
const SERVICE_ACCOUNT: &str = "default";
/// Life of a token, in seconds; a tenth before its end it is asked for anew.
const TOKEN_SECONDS: i64 = 3600;

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
    way: Way,
    /// Tokens by namespace, with the time at which they are asked for anew.
    tokens: Mutex<BTreeMap<String, (String, Time)>>,
}

impl Istiods {
    pub(super) fn new(calls: Calls, way: Way) -> Self {
        Self { calls, way, tokens: Mutex::default() }
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
        let opened = Line::open(self.calls.client(), self.way, pod, MONITORING_PORT, None).await;
        let mut line = opened.map_err(|error| error.to_string())?;
        let mut answer = line.page(path, None).await?;
        if answer.0 == StatusCode::UNAUTHORIZED {
            let token = self.token(&pod.metadata.namespace).await?;
            answer = line.page(path, Some(&token)).await?;
        }
        match answer {
            (StatusCode::OK, body) => Ok(body),
            (code, body) => {
                let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
                Err(format!("it answered {}: {}", code.as_u16(), said.trim()))
            }
        }
    }

    /// What an istiod's injector would do to a pod (`AdmissionReview` in, `AdmissionReview` out). Its certificate must be
    /// signed by the root that its webhook names.
    pub(super) async fn review(
        &self,
        istiod: &Pod,
        webhook: &Webhook,
        review: &Value,
    ) -> Result<Value, String> {
        let called = Called::of(webhook)?;
        let opened = called.open(self.calls.client(), self.way, istiod).await;
        called.review(&mut opened.map_err(|error| error.to_string())?, review).await
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
