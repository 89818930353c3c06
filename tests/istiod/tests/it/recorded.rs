//! A recorded mesh comes to life: real admission asks the stand-in, and every workload's pods are injected as
//! they were recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as ApiPod;
use kube::api::{Api, ListParams};
use meshlift_cluster::{Cluster, Options};
use meshlift_istiod_standin::Standin;
use meshlift_model::injection::{is_native, status_of};
use meshlift_model::k8s::Pod;

const WAIT: Duration = Duration::from_secs(120);

/// Running pods by namespace, workload, revision that injected them, and whether the sidecar is native.
type Shape = BTreeMap<(String, String, String, bool), usize>;

/// The workload by its labels and owner: names of ReplicaSets differ from run to run.
fn workload(pod: &Pod) -> String {
    let owner = pod.metadata.controller().map(|owner| owner.name.clone()).unwrap_or_default();
    match pod.metadata.label("pod-template-hash") {
        Some(hash) => owner.trim_end_matches(hash).to_owned(),
        None => owner,
    }
}

/// Jobs come and go by the clock.
fn is_steady(pod: &Pod) -> bool {
    pod.metadata.controller().is_none_or(|owner| owner.kind != "Job")
}

fn shape<'a>(pods: impl Iterator<Item = &'a Pod>) -> Shape {
    let mut shape = Shape::new();
    for pod in pods.filter(|pod| pod.status.phase == "Running" && is_steady(pod)) {
        let revision = status_of(pod).map(|status| status.revision).unwrap_or_default();
        let key = (pod.metadata.namespace.to_string(), workload(pod), revision, is_native(pod));
        *shape.entry(key).or_default() += 1;
    }
    shape
}

async fn pods(cluster: &Cluster) -> Vec<Pod> {
    let api: Api<ApiPod> = Api::all(cluster.client());
    let found = api.list(&ListParams::default()).await.unwrap().items;
    found.iter().map(|pod| serde_json::from_value(serde_json::to_value(pod).unwrap()).unwrap()).collect()
}

/// The mesh was recorded on 1.34; below 1.33 an istiod takes classic sidecars.
async fn has_native_sidecars(cluster: &Cluster) -> bool {
    let version = cluster.client().apiserver_version().await.unwrap();
    version.minor.parse::<u32>().unwrap() >= 33
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_mesh_is_injected_as_recorded() {
    let recording = meshlift_snapshot::fixtures::cluster("before").unwrap();
    let mut expected = shape(recording.objects.pods.iter());
    let cluster = Cluster::up(Options { nodes: 8, ..Options::default() }).await.unwrap();
    if !has_native_sidecars(&cluster).await {
        expected = expected.into_iter().map(|((a, b, c, _), count)| ((a, b, c, false), count)).collect();
    }
    let standin = Standin::start(&cluster).await.unwrap();
    standin.load(&cluster, &recording, &[]).await.unwrap();
    let looks = async {
        loop {
            if shape(pods(&cluster).await.iter()) == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    if tokio::time::timeout(WAIT, looks).await.is_err() {
        assert_eq!(shape(pods(&cluster).await.iter()), expected);
    }
}
