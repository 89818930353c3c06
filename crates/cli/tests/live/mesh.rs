//! The mesh, and its lists as kubectl would record them.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::{Api, PostParams};
use meshlift_cluster::{Cluster, Options};
use meshlift_kube::collect::wanted;
use meshlift_model::k8s::{KINDS, Resource};
use meshlift_model::snapshot::Snapshot;
use serde_json::{Value, json};

use super::Lab;

/// They come last.
const WEBHOOKS: [&str; 2] = [
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
];
/// Time until all pods run, on a loaded machine.
const UP: Duration = Duration::from_secs(180);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Looks in a row at which nothing may have changed before the mesh counts as at rest.
const QUIET_LOOKS: usize = 4;

/// Brings the recorded mesh up and waits until its controllers rest.
pub(crate) fn up() -> Lab {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let recording = meshlift_snapshot::demo().unwrap();
    let running = recording.objects.pods.iter().filter(|pod| pod.status.phase == "Running").count();
    let cluster = runtime.block_on(async {
        let cluster = Cluster::up(Options { nodes: 8, ..Options::default() }).await.unwrap();
        cluster.load(&recording, &WEBHOOKS).await.unwrap();
        rest(&cluster, running).await;
        // Nobody serves them: pods that start from now on would be refused.
        serve_webhooks(&cluster, &recording).await;
        cluster
    });
    Lab { cluster, runtime, files: tempfile::tempdir().unwrap() }
}

/// What decides who injects, with the field that recordings leave out.
async fn serve_webhooks(cluster: &Cluster, recording: &Snapshot) {
    let api: Api<MutatingWebhookConfiguration> = Api::all(cluster.client());
    for recorded in &recording.objects.mutating_webhooks {
        let mut value = recorded.clone().into_object().to_value().unwrap();
        for webhook in value["webhooks"].as_array_mut().unwrap() {
            webhook["admissionReviewVersions"] = json!(["v1"]);
            webhook["sideEffects"] = "None".into();
        }
        let metadata = value["metadata"].as_object_mut().unwrap();
        metadata.retain(|field, _| matches!(field.as_str(), "name" | "labels" | "annotations"));
        let webhook = serde_json::from_value(value).unwrap();
        api.create(&PostParams::default(), &webhook).await.unwrap();
    }
}

/// What controllers still write to.
const MOVING: [&str; 5] = [
    "/api/v1/pods",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
];

async fn rest(cluster: &Cluster, running: usize) {
    let deadline = Instant::now() + UP;
    let (mut before, mut quiet) = (String::new(), 0);
    while quiet < QUIET_LOOKS {
        let (mut up, mut waits, mut now) = (0, 0, String::new());
        for path in MOVING {
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            let list: Value = cluster.client().request(request).await.unwrap();
            for object in list["items"].as_array().unwrap() {
                up += usize::from(object["status"]["phase"] == "Running");
                // Ready, and not long enough yet to be available.
                let count = |field: &str| object["status"][field].as_u64().unwrap_or(0);
                waits += usize::from(count("readyReplicas") != count("availableReplicas"));
                now.push_str(object["metadata"]["resourceVersion"].as_str().unwrap());
            }
        }
        quiet = if up >= running && waits == 0 && now == before { quiet + 1 } else { 0 };
        before = now;
        assert!(Instant::now() < deadline, "{up} of {running} pods run, {waits} sets wait");
        tokio::time::sleep(LOOK).await;
    }
}

/// Lists of every kind that is read, by raw requests that share nothing with meshlift; what cannot be listed is told
/// as the live mesh told it.
pub(crate) fn lists(lab: &Lab, live: &Value) -> PathBuf {
    let folder = lab.path("lists");
    fs::create_dir_all(folder.join("api")).unwrap();
    let get = |path: &str| {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        lab.runtime.block_on(lab.cluster.client().request_text(request))
    };
    for wanted in wanted() {
        let known = KINDS.iter().find(|kind| kind.resource == wanted.resource);
        let Some(kind) = known else { continue };
        let root = if kind.api_version.contains('/') { "apis" } else { "api" };
        let list = get(&format!("/{root}/{}/{}", kind.api_version, wanted.plural())).unwrap();
        fs::write(folder.join(format!("api/{}.json", wanted.resource)), list).unwrap();
    }
    let version: Value = serde_json::from_str(&get("/version").unwrap()).unwrap();
    fs::write(folder.join("version.json"), json!({"serverVersion": version}).to_string()).unwrap();
    let sources = live["mesh"]["sources"].as_array().unwrap();
    let mut file = json!({"resources": [], "istiod": []});
    for source in sources {
        let name = source["name"].as_str().unwrap();
        let mut entry = json!({"status": source["status"], "reason": source["reason"]});
        if name == "secrets" {
            entry["resource"] = name.into();
            file["resources"].as_array_mut().unwrap().push(entry);
        } else if let Some((pod, endpoint)) =
            name.strip_prefix("istiod/").and_then(|rest| rest.split_once('/'))
        {
            entry["pod"] = pod.into();
            entry["endpoint"] = endpoint.into();
            file["istiod"].as_array_mut().unwrap().push(entry);
        }
    }
    fs::write(folder.join("sources.json"), file.to_string()).unwrap();
    folder
}
