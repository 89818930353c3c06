//! A recorded mesh, brought to life by real controllers.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use meshlift_cluster::{Cluster, Options};

const WEBHOOKS: [&str; 2] = [
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
];

#[tokio::test]
async fn a_recorded_mesh_runs_on_real_controllers() {
    let recording = meshlift_snapshot::fixtures::cluster("before").unwrap();
    let expected = recording.objects.pods.iter().filter(|pod| pod.status.phase == "Running").count();
    let cluster = Cluster::up(Options { nodes: 8, ..Options::default() }).await.unwrap();
    cluster.load(&recording, &WEBHOOKS).await.unwrap();
    let pods: Api<Pod> = Api::all(cluster.client());
    let is_ready = |pod: &Pod| {
        let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
    };
    let looks = async {
        loop {
            let found = pods.list(&ListParams::default()).await.unwrap().items;
            let ready = found.iter().filter(|pod| is_ready(pod)).count();
            eprintln!("{ready} of {expected}, {} pods", found.len());
            if ready >= expected {
                return ready;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let ready = tokio::time::timeout(Duration::from_secs(90), looks).await;
    if ready.is_err() {
        for pod in pods.list(&ListParams::default()).await.unwrap().items.iter().filter(|pod| !is_ready(pod))
        {
            let status = pod.status.clone().unwrap_or_default();
            eprintln!("{:?}/{:?}: {:?}", pod.metadata.namespace, pod.metadata.name, status.conditions);
        }
    }
    assert_eq!(ready.ok(), Some(expected));
}
