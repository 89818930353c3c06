//! Real controllers and fake kubelets: a Deployment rolls as in production, and pods take the time they were told.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use meshlift_cluster::{Cluster, Options, READY_AFTER, STAYS, STOPS_AFTER};
use serde_json::{Value, json};

const WAIT: Duration = Duration::from_secs(60);

fn deployment(name: &str, annotations: &Value) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]},
            },
        },
    }))
    .unwrap()
}

/// Looks until there is something to see.
async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let looks = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(WAIT, looks).await.unwrap()
}

/// Waits until the Deployment has that many ready replicas.
async fn until_ready(client: &Client, name: &str, ready: i32) -> Deployment {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "default");
    let look = async || {
        let found = deployments.get(name).await.unwrap();
        let status = found.status.clone().unwrap_or_default();
        (status.ready_replicas.unwrap_or(0) == ready && status.replicas == Some(3)).then_some(found)
    };
    until(look).await
}

/// Waits until a pod is Ready, or is not.
async fn until_pod_is(client: &Client, name: &str, ready: bool) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let look = async || {
        let status = pods.get(name).await.unwrap().status.unwrap();
        let is_ready = |one: &PodCondition| one.type_ == "Ready" && one.status == "True";
        (status.conditions.iter().flatten().any(is_ready) == ready).then_some(())
    };
    until(look).await;
}

async fn pods_of(client: &Client, app: &str) -> Vec<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    pods.list(&ListParams::default().labels(&format!("app={app}"))).await.unwrap().items
}

#[tokio::test]
async fn clusters_come_up_side_by_side_and_pods_behave_as_told() {
    let (one, other) = tokio::join!(Cluster::up(Options::default()), Cluster::up(Options::default()));
    let (one, other) = (one.unwrap(), other.unwrap());
    let client = one.client();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "default");
    let annotations = json!({READY_AFTER: "2s", STOPS_AFTER: "2s"});
    let staying = ["unready", "flapping", "pending"].map(|stays| deployment(stays, &json!({STAYS: stays})));
    for created in staying.iter().chain([&deployment("web", &annotations)]) {
        deployments.create(&PostParams::default(), created).await.unwrap();
    }
    until_ready(&client, "web", 3).await;
    for pod in pods_of(&client, "web").await {
        let created = pod.metadata.creation_timestamp.unwrap().0;
        let status = pod.status.unwrap();
        assert!(status.pod_ip.unwrap().starts_with("10.244."));
        let ready = status.conditions.unwrap().into_iter().find(|one| one.type_ == "Ready").unwrap();
        assert!(ready.last_transition_time.unwrap().0.duration_since(created).as_secs() >= 1);
    }
    // The other cluster knows nothing of it.
    assert_eq!(pods_of(&other.client(), "web").await.len(), 0);
    // A deleted pod is there until it has stopped; its successor comes at once.
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let gone = pods_of(&client, "web").await.swap_remove(0).metadata.name.unwrap();
    pods.delete(&gone, &DeleteParams::default()).await.unwrap();
    assert!(pods.get(&gone).await.unwrap().metadata.deletion_timestamp.is_some());
    until_ready(&client, "web", 3).await;
    for (stays, phase) in [("unready", "Running"), ("pending", "Pending")] {
        let status = until_ready(&client, stays, 0).await.status.unwrap();
        assert_eq!(status.unavailable_replicas, Some(3), "{stays}");
        let pods = pods_of(&client, stays).await;
        assert!(
            pods.iter().all(|pod| pod.status.as_ref().unwrap().phase.as_deref() == Some(phase)),
            "{pods:?}"
        );
    }
    let restless = pods_of(&client, "flapping").await.swap_remove(0).metadata.name.unwrap();
    for ready in [true, false, true, false] {
        until_pod_is(&client, &restless, ready).await;
    }
    let folder = one.folder().to_owned();
    drop((one, other));
    assert!(!folder.exists(), "{} is left", folder.display());
}
