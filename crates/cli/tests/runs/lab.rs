//! A small mesh on a real control plane, somebody who may do what the shipped roles permit, and plain looks at it.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use meshlift_cluster::{Cluster, Fate, Options, Parts, Proxy};
use meshlift_istiod_standin::{Behaviour, Standin};
use meshlift_model::names::ObjectRef;
use meshlift_testkit::only;
use serde_json::{Value, json};

use crate::common::{Said, meshlift};
use crate::users;
use crate::watcher::Watcher;

pub(crate) const OLD: &str = "1-29-6";
pub(crate) const NEW: &str = "1-30-3";
/// A canary with classic sidecars, a follower of the default tag, and pods that are bound to a tag themselves.
pub(crate) const WORKLOADS: [&str; 3] =
    ["Deployment/ledger-classic/books", "Deployment/team-12/api-2", "Deployment/partner/edi"];
/// All that ships.
const ROLES: [&str; 3] = [
    users::READ,
    include_str!("../../../../deploy/rbac/apply.yaml"),
    include_str!("../../../../deploy/rbac/install.yaml"),
];
/// `istioctl manifest generate` of 1.30.3, whole, with the recorded mesh's settings.
const MANIFEST: &[u8] = include_bytes!("manifest-1.30.3.yaml.gz");
/// Waits of seconds: what is tried here is not patience.
pub(crate) const INTENT: &str = "\
format_version: 1
target: 1.30.3
limits:
  selector_settle_seconds: 1
  bake_seconds_control_plane: 1
  bake_seconds_canary: 1
  bake_seconds_wave: 1
  bake_seconds_slo_critical: 1
  bake_seconds_gateway: 1
  observation_seconds: 1
  old_istiod_dark_seconds: 1
";

const MERGE_PATCH: &str = "application/merge-patch+json";
/// Between two patches of a GitOps controller.
const RECONCILES: Duration = Duration::from_millis(100);

pub(crate) struct Lab {
    pub(crate) cluster: Cluster,
    runtime: tokio::runtime::Runtime,
    files: tempfile::TempDir,
    /// The target's manifest, a file.
    pub(crate) manifest: String,
    /// Kubeconfig of whoever upgrades.
    pub(crate) operator: PathBuf,
    standin: Mutex<Standin>,
    /// Those of its workloads.
    pub(crate) namespaces: Vec<String>,
}

impl Lab {
    /// Three workloads on 1.29.6.
    pub(crate) fn up() -> Self {
        Self::with(&WORKLOADS)
    }

    /// These of the recorded mesh.
    pub(crate) fn with(workloads: &[&str]) -> Self {
        let recording = meshlift_snapshot::fixtures::cluster("before").unwrap();
        let keep: BTreeSet<_> = workloads.iter().map(|one| one.parse::<ObjectRef>().unwrap()).collect();
        let namespaces = keep.iter().map(|one| one.namespace.to_string()).collect();
        let mesh = only(&recording, &keep, &["istio-system"]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (cluster, standin, operator) = runtime.block_on(async {
            let cluster = Cluster::up(Options::default()).await.unwrap();
            let standin = Standin::start(&cluster).await.unwrap();
            standin.load(&cluster, &mesh, &[]).await.unwrap();
            let operator = users::account(&cluster, "operator", &ROLES, |_| true).await;
            (cluster, standin, operator)
        });
        let files = tempfile::tempdir().unwrap();
        let manifest = unpack(&files.path().join("manifest.yaml"));
        let standin = Mutex::new(standin);
        let lab = Self { cluster, runtime, files, manifest, operator, standin, namespaces };
        super::until("all pods", || lab.all_ready());
        // An istiod that knows none of its proxies yet is unknown, and unknown blocks.
        super::until("all proxies", || {
            lab.proxies() == lab.namespaces.iter().map(|one| lab.revisions(one).len()).sum::<usize>()
        });
        lab
    }

    fn proxies(&self) -> usize {
        self.runtime.block_on(self.standin.lock().unwrap().proxies()).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Runs meshlift as the operator.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(&self.operator, arguments)
    }

    /// Runs meshlift with a kubeconfig.
    pub(crate) fn run_with(&self, kubeconfig: &Path, arguments: &[&str]) -> Said {
        let all = [arguments, &["--kubeconfig", kubeconfig.to_str().unwrap()]].concat();
        meshlift(self.files.path(), &all)
    }

    /// A verb that drives a run on without questions, until a step is over.
    pub(crate) fn onward<'a>(&'a self, verb: &[&'a str], until: &'a str) -> Vec<&'a str> {
        let flags = ["--manifest", &self.manifest, "--grant-approvals", "ann", "--until", until];
        [verb, &flags].concat()
    }

    /// A proxy before the operator's API server.
    pub(crate) fn proxy(&self, fates: impl Fn(&str, &str) -> Fate + Send + Sync + 'static) -> Proxy {
        self.runtime.block_on(Proxy::start(&self.operator, fates)).unwrap()
    }

    /// Runs a script of kubectl commands as the operator, without meshlift; what it printed.
    pub(crate) fn by_hand(&self, script: &str) -> String {
        self.by_hand_of(&self.operator, script)
    }

    /// The same as somebody else.
    pub(crate) fn by_hand_of(&self, kubeconfig: &Path, script: &str) -> String {
        let kubectl = Parts::built().unwrap().binary("kubectl");
        let path = format!("{}:{}", kubectl.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .env("PATH", path)
            .env("KUBECONFIG", kubeconfig)
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n---\n{said}");
        said
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher::start(&self.cluster.client(), &self.runtime, &self.namespaces)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.send(&http::Request::get(path).body(Vec::new()).unwrap())
    }

    fn items(&self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) fn all_ready(&self) -> bool {
        let of = |kind: &str| self.items(&format!("/apis/apps/v1/{kind}"));
        [of("deployments"), of("statefulsets")].iter().flatten().all(|one| {
            let wanted = &one["spec"]["replicas"];
            let all = ["replicas", "updatedReplicas", "availableReplicas"];
            let seen = one["status"]["observedGeneration"] == one["metadata"]["generation"];
            seen && (wanted == 0 || all.iter().all(|field| wanted == &one["status"][field]))
        })
    }

    /// True once no pod is on its way out.
    pub(crate) fn none_leaves(&self) -> bool {
        self.items("/api/v1/pods").iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_null())
    }

    /// Revisions that the pods of a namespace were injected by, of those that stay.
    pub(crate) fn revisions(&self, namespace: &str) -> Vec<String> {
        let pods = self.items(&format!("/api/v1/namespaces/{namespace}/pods"));
        let living = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let revision = |pod: &Value| {
            pod["metadata"]["annotations"]["istio.io/rev"].as_str().unwrap_or("none").to_owned()
        };
        living.map(revision).collect()
    }

    /// What selects revisions, and whose istiods and tags there are: all that a rollback has to give back.
    pub(crate) fn mesh(&self) -> Value {
        let labels = |path: &str| -> Value {
            let list = self.items(path);
            list.iter()
                .map(|one| {
                    json!([one["metadata"]["name"], one["metadata"]["labels"], one["spec"]["replicas"]])
                })
                .collect()
        };
        let templates: Value = ["deployments", "statefulsets"]
            .iter()
            .flat_map(|kind| self.items(&format!("/apis/apps/v1/{kind}")))
            .map(|one| json!([one["metadata"]["name"], one["spec"]]))
            .collect();
        json!([
            labels("/api/v1/namespaces"),
            labels("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
            labels("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
            labels("/api/v1/namespaces/istio-system/services"),
            templates,
        ])
    }

    pub(crate) fn owner_annotation(&self, namespace: &str, deployment: &str) -> String {
        let found = self.get(&format!("/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}"));
        found["metadata"]["annotations"]["meshlift.dev/run"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn events(&self, namespace: &str) -> Vec<String> {
        let events = self.items(&format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events"));
        events.iter().filter_map(|event| event["note"].as_str().map(str::to_owned)).collect()
    }

    /// Holds every run, or (null) lets them go on.
    pub(crate) fn annotate(&self, key: &str, value: Value) {
        self.patch("/api/v1/namespaces/istio-system", &json!({"metadata": {"annotations": {key: value}}}));
    }

    /// Somebody else creates an object.
    pub(crate) fn post(&self, path: &str, object: &Value) {
        self.send(&request("POST", path, "application/json", object));
    }

    /// A merge patch by somebody else.
    pub(crate) fn patch(&self, path: &str, patch: &Value) {
        self.send(&request("PATCH", path, MERGE_PATCH, patch));
    }

    /// A GitOps controller, which patches an object like this again and again until it is dropped.
    pub(crate) fn apply_again(&self, path: &str, patch: &Value) -> Controller {
        let (client, request) = (self.cluster.client(), request("PATCH", path, MERGE_PATCH, patch));
        Controller(self.runtime.spawn(async move {
            loop {
                let _: Value = client.request(request.clone()).await.unwrap();
                tokio::time::sleep(RECONCILES).await;
            }
        }))
    }

    /// Somebody else deletes an object.
    pub(crate) fn delete(&self, path: &str) {
        self.send(&http::Request::delete(path).body(Vec::new()).unwrap());
    }

    fn send(&self, request: &http::Request<Vec<u8>>) -> Value {
        self.runtime.block_on(self.cluster.client().request(request.clone())).unwrap()
    }

    /// From now on the istiods of the revision behave like this.
    pub(crate) fn behave(&self, revision: &str, behaviour: Behaviour) {
        self.runtime.block_on(self.standin.lock().unwrap().behave(revision, behaviour)).unwrap();
    }

    /// Requests of the operator for Secrets, of many in the audit log.
    pub(crate) fn secrets_asked(&self) -> usize {
        let own = users::requests(&self.cluster, "operator");
        assert!(own.len() > 500, "{} requests", own.len());
        users::of_secrets(&own)
    }

    /// Objects that the cluster keeps of a run.
    pub(crate) fn run_objects(&self, run: &str) -> usize {
        let of = |path: &str| self.items(&format!("{path}?labelSelector=meshlift.dev/run={run}")).len();
        of("/api/v1/namespaces/istio-system/configmaps")
            + of("/apis/coordination.k8s.io/v1/namespaces/istio-system/leases")
    }

    pub(crate) fn istiods(&self) -> Vec<String> {
        let all = self.items("/apis/apps/v1/namespaces/istio-system/deployments");
        let names = all.iter().filter_map(|one| one["metadata"]["name"].as_str());
        names.filter(|name| name.starts_with("istiod")).map(str::to_owned).collect()
    }
}

fn request(method: &str, path: &str, kind: &str, body: &Value) -> http::Request<Vec<u8>> {
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    request.body(body.to_string().into_bytes()).unwrap()
}

/// See [`Lab::apply_again`].
pub(crate) struct Controller(tokio::task::JoinHandle<()>);

impl Drop for Controller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes the manifest to a file; its path.
fn unpack(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(MANIFEST).read_to_string(&mut text).unwrap();
    std::fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
