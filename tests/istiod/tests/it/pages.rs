//! Each page and each misbehaviour, asked from within the cluster by curl as another pod would.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::Client;
use kube::api::{Api, ListParams, PostParams};
use meshlift_cluster::{Cluster, Options, STAYS};
use meshlift_istiod_standin::{Behaviour, Standin};
use meshlift_testkit::only;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::ads;

const WAIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
const REVISION: &str = "1-29-6";
const MONITORING: u16 = 15014;
const WEBHOOKS: u16 = 15017;

/// A small mesh, and the address of one of its istiods.
pub(crate) struct Lab {
    cluster: Cluster,
    pub(crate) standin: Standin,
    istiod: String,
}

impl Lab {
    async fn up() -> Self {
        let recording = meshlift_snapshot::fixtures::cluster("before").unwrap();
        let keep = ["Deployment/ledger-classic/books".parse().unwrap()].into();
        let cluster = Cluster::up(Options::default()).await.unwrap();
        let standin = Standin::start(&cluster).await.unwrap();
        standin.load(&cluster, &only(&recording, &keep, &["istio-system"]), &[]).await.unwrap();
        let mut lab = Self { cluster, standin, istiod: String::new() };
        lab.istiod = lab.istiods().await.remove(0).1;
        lab.connected().await;
        lab
    }

    /// Waits until both proxies are connected.
    async fn connected(&self) {
        let began = Instant::now();
        while self.standin.proxies().await.unwrap() < 2 {
            assert!(began.elapsed() < WAIT, "no proxies");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Pods of istiods, with their addresses.
    pub(crate) async fn istiods(&self) -> Vec<(String, String)> {
        let pods: Api<Pod> = Api::namespaced(self.client(), "istio-system");
        let found = pods.list(&ListParams::default().labels("app=istiod")).await.unwrap();
        found
            .items
            .into_iter()
            .map(|pod| (pod.metadata.name.unwrap(), pod.status.unwrap().pod_ip.unwrap()))
            .collect()
    }

    pub(crate) fn client(&self) -> Client {
        self.cluster.client()
    }

    /// Status and body; status 0 where nothing listens.
    pub(crate) fn ask(&self, address: &str, path: &str, token: Option<&str>) -> (u16, String) {
        let mut curl = self.cluster.inside("curl").unwrap();
        curl.args(["--silent", "--insecure", "--max-time", "20", "--write-out", "\n%{http_code}"]);
        if let Some(token) = token {
            curl.arg("--header").arg(format!("Authorization: Bearer {token}"));
        }
        // The address of the node, as another pod's would be: loopback needs no token.
        let output = curl.args(["--interface", "10.244.255.2"]).arg(format!("{address}{path}")).output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        let (body, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    fn page(&self, path: &str, token: Option<&str>) -> (u16, String) {
        self.ask(&format!("http://{}:{MONITORING}", self.istiod), path, token)
    }

    /// A debug page of every istiod.
    async fn debug_pages(&self, page: &str) -> Vec<Value> {
        let token = self.token("istio-system", "istio-ca").await;
        let of = |(_, istiod): (String, String)| {
            let (_, body) = self.ask(&format!("http://{istiod}:{MONITORING}"), page, Some(&token));
            serde_json::from_str(&body).unwrap()
        };
        self.istiods().await.into_iter().map(of).collect()
    }

    /// What all istiods say of their proxies.
    pub(crate) async fn proxies(&self) -> Vec<Value> {
        let pages = self.debug_pages("/debug/syncz").await;
        pages.iter().flat_map(|page| page.as_array().unwrap().clone()).collect()
    }

    pub(crate) async fn token(&self, namespace: &str, audience: &str) -> String {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let spec = TokenRequestSpec { audiences: vec![audience.to_owned()], ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let answer =
            accounts.create_token_request("default", &PostParams::default(), &request).await.unwrap();
        answer.status.unwrap().token
    }

    /// A pod of the injected namespace, tried as a dry run.
    async fn try_pod(&self) -> Result<Value, kube::Error> {
        let pods: Api<Pod> = Api::namespaced(self.client(), "ledger-classic");
        let pod = json!({
            "metadata": {"name": "tried"}, "spec": {"containers": [{"name": "app", "image": "app:1"}]},
        });
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let made = pods.create(&dry, &serde_json::from_value(pod).unwrap()).await?;
        Ok(serde_json::to_value(made).unwrap())
    }

    pub(crate) async fn behave(&mut self, behaviour: Behaviour) {
        self.standin.behave(REVISION, behaviour).await.unwrap();
    }
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_misbehaviour() {
    let mut lab = Lab::up().await;
    monitoring_pages_need_no_token(&lab);
    debug_pages_ask_for_a_token(&lab).await;
    debug_pages_have_the_fields_of_recorded_ones(&lab).await;
    ads::streams(&mut lab).await;
    it_fails_and_is_slow_when_told(&mut lab).await;
    it_injects_otherwise_when_told(&mut lab).await;
    proxies_are_stale_or_refuse_when_told(&mut lab).await;
    nothing_listens_when_told(&mut lab).await;
}

/// facts: `/version` and `/ready` are plain; recorded: `1.29.6-lab-Clean`.
fn monitoring_pages_need_no_token(lab: &Lab) {
    assert_eq!(lab.page("/ready", None), (200, String::new()));
    assert_eq!(lab.page("/version", None), (200, "1.29.6-lab-Clean".to_owned()));
    let (status, metrics) = lab.page("/metrics", None);
    assert!(status == 200 && metrics.contains("pilot_info{version=\"1.29.6-lab-Clean\"} 1"), "{metrics}");
    assert_eq!(lab.page("/nothing", None).0, 404);
}

/// pilot/pkg/xds/debug.go: 401 without a token of audience `istio-ca`; from another namespace than istiod's, 403.
async fn debug_pages_ask_for_a_token(lab: &Lab) {
    let (own, other) =
        (lab.token("istio-system", "istio-ca").await, lab.token("ledger-classic", "istio-ca").await);
    let wrong = lab.token("istio-system", "https://kubernetes.default.svc").await;
    for page in ["/debug/syncz", "/debug/connections"] {
        assert_eq!(lab.page(page, Some(&own)).0, 200, "{page}");
        for (token, status) in
            [(None, 401), (Some("no token"), 401), (Some(&*wrong), 401), (Some(&*other), 403)]
        {
            assert_eq!(lab.page(page, token).0, status, "{page} with {token:?}");
        }
    }
    assert_eq!(lab.page("/debug/nothing", Some(&own)).0, 404);
}

/// Recorded with 1.29.6: these fields, of sidecars.
async fn debug_pages_have_the_fields_of_recorded_ones(lab: &Lab) {
    let entries = lab.proxies().await;
    let mut clients = Vec::new();
    for connections in lab.debug_pages("/debug/connections").await {
        if connections["totalClients"] == 0 {
            assert_eq!(keys(&connections), ["totalClients"].into());
            continue;
        }
        assert_eq!(keys(&connections), ["clients", "totalClients"].into());
        clients.extend(connections["clients"].as_array().unwrap().clone());
    }
    assert_eq!((entries.len(), clients.len()), (2, 2));
    let types = ["cluster", "endpoint", "listener", "route"];
    let mut expected: BTreeSet<String> =
        ["cluster_id", "istio_version", "proxy", "proxy_type", "resources"].map(str::to_owned).into();
    expected.extend(types.iter().flat_map(|name| [format!("{name}_acked"), format!("{name}_sent")]));
    for entry in &entries {
        assert_eq!(keys(entry), expected.iter().map(String::as_str).collect());
        assert_eq!(entry["resources"].as_object().unwrap().len(), types.len());
        for resource in entry["resources"].as_object().unwrap().values() {
            assert_eq!(keys(resource), ["acked", "sent", "sentTime"].into());
            assert_eq!(resource["acked"], resource["sent"]);
        }
        assert!(entry["proxy"].as_str().unwrap().ends_with(".ledger-classic"), "{entry}");
    }
    assert!(clients.iter().all(|one| keys(one) == ["address", "connectedAt", "connectionId"].into()));
}

async fn it_fails_and_is_slow_when_told(lab: &mut Lab) {
    lab.behave(Behaviour { fails_with: Some(503), ..Behaviour::default() }).await;
    assert_eq!(lab.page("/ready", None).0, 503);
    let refused = lab.try_pod().await.unwrap_err().to_string();
    assert!(refused.contains("failed calling webhook"), "{refused}");
    lab.behave(Behaviour { slow_millis: 1500, ..Behaviour::default() }).await;
    let began = Instant::now();
    assert_eq!(lab.page("/ready", None).0, 200);
    assert!(began.elapsed() >= Duration::from_millis(1500));
}

async fn it_injects_otherwise_when_told(lab: &mut Lab) {
    let sidecars = |pod: &Value| {
        let all = ["containers", "initContainers"].map(|list| pod["spec"][list].as_array().cloned());
        all.into_iter().flatten().flatten().filter(|one| one["name"] == "istio-proxy").count()
    };
    lab.behave(Behaviour::default()).await;
    assert_eq!(sidecars(&lab.try_pod().await.unwrap()), 1);
    lab.behave(Behaviour { never_injects: true, ..Behaviour::default() }).await;
    assert_eq!(sidecars(&lab.try_pod().await.unwrap()), 0);
    let stay = Some("unready".to_owned());
    lab.behave(Behaviour { injected_pods_stay: stay, ..Behaviour::default() }).await;
    assert_eq!(lab.try_pod().await.unwrap()["metadata"]["annotations"][STAYS], "unready");
}

async fn proxies_are_stale_or_refuse_when_told(lab: &mut Lab) {
    lab.behave(Behaviour { proxies_are_stale: true, ..Behaviour::default() }).await;
    let stale = lab.proxies().await;
    assert!(stale.len() == 2 && stale.iter().all(|one| one["cluster_sent"] != one["cluster_acked"]));
    let words = Some("listener is no listener".to_owned());
    lab.behave(Behaviour { proxies_refuse_with: words, ..Behaviour::default() }).await;
    let refusing = lab.proxies().await;
    let error = |one: &Value| {
        let mut resources = one["resources"].as_object().unwrap().values();
        resources.all(|resource| resource["lastError"] == "listener is no listener")
    };
    assert!(refusing.len() == 2 && refusing.iter().all(error), "{refusing:?}");
}

/// Ports close, proxies disconnect, and both come back.
async fn nothing_listens_when_told(lab: &mut Lab) {
    let webhook = format!("https://{}:{WEBHOOKS}", lab.istiod);
    lab.behave(Behaviour::default()).await;
    assert_eq!(lab.ask(&webhook, "/nothing", None).0, 400, "a webhook wants a body");
    lab.behave(Behaviour { refuses: true, ..Behaviour::default() }).await;
    let closed = |lab: &Lab| lab.page("/ready", None).0 == 0 && lab.ask(&webhook, "/nothing", None).0 == 0;
    until(lab, "closed ports", closed).await;
    let refused = lab.try_pod().await.unwrap_err().to_string();
    assert!(refused.contains("connection refused"), "{refused}");
    assert_eq!(lab.standin.proxies().await.unwrap(), 0);
    lab.behave(Behaviour::default()).await;
    until(lab, "open ports", |lab| lab.page("/ready", None).0 == 200).await;
    lab.connected().await;
}

pub(crate) async fn until(lab: &Lab, what: &str, holds: impl Fn(&Lab) -> bool) {
    let began = Instant::now();
    while !holds(lab) {
        assert!(began.elapsed() < WAIT, "{what} do not come");
        tokio::time::sleep(LOOK).await;
    }
}
