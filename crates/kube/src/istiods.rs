//! What istiods say of themselves and of the proxies that they serve: `/version`, `/metrics`, `/debug/syncz` and
//! `/debug/connections` of each pod, for a pod lists only its own connections.

use std::collections::BTreeMap;

use http::StatusCode;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use meshlift_model::k8s::{Pod, Webhook};
use meshlift_model::snapshot::SourceStatus;
use meshlift_snapshot::live::{IstiodOutcome, istiod_endpoints};
use tokio::sync::Mutex;

use crate::line::{Line, LineError, Way, within};
use crate::refusal::{Permission, refused, request_chain, words};
use crate::webhook::Called;

/// Port that serves all endpoints (istio: pilot/pkg/bootstrap/options.go, `--monitoringAddr`).
const PORT: u16 = 15014;
/// Time for a token.
const TOKEN_SECONDS_MAX: u64 = 15;
/// Longest part of an error page that is repeated.
const WORDS_MAX: usize = 200;
/// Audience that istiod accepts (istio: pilot/pkg/features, `TOKEN_AUDIENCES`).
const AUDIENCE: &str = "istio-ca";
/// Service account whose token istiod takes as one of its own namespace, as istioctl does (istio:
/// istioctl/pkg/multixds/gather.go).
const SERVICE_ACCOUNT: &str = "default";
/// Life of such a token; the API server grants no less than 10 minutes.
const TOKEN_SECONDS: i64 = 600;

/// Asks istiods.
pub struct Istiods {
    client: Client,
    way: Way,
    port: u16,
    /// By namespace; asked for only where an istiod demands one.
    tokens: Mutex<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Istiods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Istiods").field("way", &self.way).finish_non_exhaustive()
    }
}

/// True for pods that are an istiod and run.
#[must_use]
pub fn is_running_istiod(pod: &Pod) -> bool {
    pod.metadata.label("app") == Some("istiod")
        && pod.status.phase == "Running"
        && pod.metadata.deletion_timestamp.is_none()
}

impl Istiods {
    /// Asks through this client; `way` says from where.
    #[must_use]
    pub fn new(client: Client, way: Way) -> Self {
        Self { client, way, port: PORT, tokens: Mutex::new(BTreeMap::new()) }
    }

    /// Asks one pod everything. Never fails: what could not be had is in the statuses.
    pub async fn ask(&self, pod: &Pod) -> IstiodOutcome {
        let mut outcome = IstiodOutcome::default();
        let mut line = match Line::open(&self.client, self.way, pod, self.port, None).await {
            Ok(line) => line,
            Err(why) => {
                let status = no_line(why);
                outcome.statuses = istiod_endpoints().map(|endpoint| (endpoint, status.clone())).collect();
                return outcome;
            }
        };
        for endpoint in istiod_endpoints() {
            match self.answer(&mut line, pod, path(endpoint)).await {
                Ok(body) => outcome.take(endpoint, &body),
                Err(status) => drop(outcome.statuses.insert(endpoint, status)),
            }
        }
        outcome
    }

    /// One answer; with a token where istiod demands one.
    async fn answer(&self, line: &mut Line, pod: &Pod, path: &str) -> Result<Vec<u8>, SourceStatus> {
        let namespace = &pod.metadata.namespace;
        let known = self.tokens.lock().await.get(namespace.as_str()).cloned();
        let (code, body) = line.page(path, known.as_deref()).await.map_err(broken)?;
        let (code, body) = if code == StatusCode::UNAUTHORIZED {
            let token = self.token(namespace).await?;
            line.page(path, Some(&token)).await.map_err(broken)?
        } else {
            (code, body)
        };
        let said = || String::from_utf8_lossy(&body).trim().chars().take(WORDS_MAX).collect::<String>();
        match code {
            StatusCode::OK => Ok(body),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(SourceStatus::Refused { reason: format!("istiod answered {code}: {}", said()) })
            }
            _ => Err(SourceStatus::Broken { reason: format!("istiod answered {code}: {}", said()) }),
        }
    }

    /// A fresh token of istiod's own namespace, kept for the questions that follow.
    async fn token(&self, namespace: &str) -> Result<String, SourceStatus> {
        let spec = TokenRequestSpec {
            audiences: vec![AUDIENCE.to_owned()],
            expiration_seconds: Some(TOKEN_SECONDS),
            bound_object_ref: None,
        };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let permission = Permission { verb: "create", group: "", resource: "serviceaccounts/token" };
        let parameters = PostParams::default();
        let asked = accounts.create_token_request(SERVICE_ACCOUNT, &parameters, &request);
        let granted = within(TOKEN_SECONDS_MAX, "asking for a token", asked).await.map_err(broken)?;
        let granted = granted.map_err(|error| failed("istiod demands a token", &error, permission))?;
        let token = granted.status.map(|status| status.token).unwrap_or_default();
        self.tokens.lock().await.insert(namespace.to_owned(), token.clone());
        Ok(token)
    }

    /// A connection to the validator of an istiod, as its webhook names it.
    pub(crate) async fn validator(
        &self,
        pod: &Pod,
        webhook: &Webhook,
    ) -> Result<(Called, Line), SourceStatus> {
        let called = Called::of(webhook).map_err(broken)?;
        let line = called.open(&self.client, self.way, pod).await.map_err(no_line)?;
        Ok((called, line))
    }
}

/// What no connection means for a source.
fn no_line(why: LineError) -> SourceStatus {
    let permission = Permission { verb: "get", group: "", resource: "pods/portforward" };
    match why {
        LineError::Forward(error) => failed("no port-forward", &error, permission),
        LineError::Other(why) => broken(why),
    }
}

/// Path of an endpoint.
fn path(endpoint: &str) -> &'static str {
    match endpoint {
        "syncz" => "/debug/syncz",
        "connections" => "/debug/connections",
        "metrics" => "/metrics",
        _ => "/version",
    }
}

fn broken(reason: String) -> SourceStatus {
    SourceStatus::Broken { reason }
}

fn failed(what: &str, error: &kube::Error, permission: Permission<'_>) -> SourceStatus {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            refused(&format!("{what}: {}", words(status)), permission)
        }
        kube::Error::Api(status) => broken(format!("{what}: {}", words(status))),
        other => broken(format!("{what}: {}", request_chain(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Asked, Server};

    const FORBIDDEN: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,
        "message":"serviceaccounts \"default\" is forbidden: User \"jo\" cannot create resource"}"#;

    /// One server plays istiod and API server: paths do not meet.
    fn istiod(asked: &Asked, grants: bool) -> Answer {
        let allowed = asked.header("authorization") == Some("Bearer secret");
        match asked.path.as_str() {
            "/version" => Answer::ok("1.29.6-lab-Clean"),
            "/metrics" => Answer::ok("pilot_xds{version=\"1.29.6\"} 3\n"),
            "/debug/syncz" if allowed => {
                Answer::ok(r#"[{"proxy":"a.shop","proxy_type":"sidecar","istio_version":"1.29.6"}]"#)
            }
            "/debug/connections" if allowed => {
                Answer::ok(r#"{"totalClients":2,"clients":[{"connectionId":"a.shop-1"}]}"#)
            }
            "/debug/syncz" | "/debug/connections" => Answer::new(401, "no credentials"),
            "/api/v1/namespaces/mesh/serviceaccounts/default/token" if grants => {
                assert!(asked.body.contains("istio-ca"), "{}", asked.body);
                Answer::new(
                    201,
                    r#"{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","metadata":{},
                    "spec":{"audiences":["istio-ca"]},"status":{"token":"secret","expirationTimestamp":"2030-01-01T00:00:00Z"}}"#,
                )
            }
            "/api/v1/namespaces/mesh/serviceaccounts/default/token" => Answer::new(403, FORBIDDEN),
            other => Answer::new(404, other),
        }
    }

    fn ask(server: &Server, port: u16) -> IstiodOutcome {
        let mut pod = Pod::default();
        pod.metadata.namespace = "mesh".into();
        pod.metadata.name = "istiod-1".into();
        pod.status.pod_ip = "127.0.0.1".into();
        server.wait(async {
            let istiods = Istiods { port, ..Istiods::new(server.client(), Way::Direct) };
            istiods.ask(&pod).await
        })
    }

    #[test]
    fn a_token_is_asked_for_where_istiod_demands_one_and_an_answer_that_does_not_add_up_is_broken() {
        let server = Server::start(|asked| istiod(asked, true));
        let outcome = ask(&server, server.port());
        assert_eq!(outcome.answers.version.as_deref(), Some("1.29.6-lab-Clean"));
        assert_eq!(outcome.answers.syncz.as_ref().map(|all| all[0].proxy.clone()).as_deref(), Some("a.shop"));
        assert_eq!(outcome.statuses["metrics"], SourceStatus::Read { count: 1 });
        let SourceStatus::Broken { reason } = &outcome.statuses["connections"] else { panic!("{outcome:?}") };
        assert!(reason.contains("counts 2 clients and lists 1"), "{reason}");
    }

    #[test]
    fn without_a_token_only_the_open_endpoints_are_read_and_the_rule_is_named() {
        let server = Server::start(|asked| istiod(asked, false));
        let outcome = ask(&server, server.port());
        assert_eq!(outcome.statuses["version"], SourceStatus::Read { count: 1 });
        let SourceStatus::Refused { reason } = &outcome.statuses["syncz"] else { panic!("{outcome:?}") };
        assert!(
            reason.contains("User \"jo\" cannot create") && reason.contains("serviceaccounts/token"),
            "{reason}"
        );
        assert_eq!(outcome.answers.syncz, None);
    }

    #[test]
    fn an_istiod_that_cannot_be_reached_is_broken_at_every_endpoint() {
        let server = Server::start(|asked| istiod(asked, true));
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let outcome = ask(&server, nobody);
        assert_eq!(outcome.statuses.len(), 4);
        assert!(outcome.statuses.values().all(|status| matches!(status, SourceStatus::Broken { .. })));
    }
}
