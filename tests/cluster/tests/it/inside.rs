//! What else a test can do with a cluster: run programs inside, forward ports of pods, let parts fail.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Client;
use kube::api::{Api, ListParams, PostParams};
use meshlift_cluster::{Cluster, Options, forward_ports};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const WAIT: Duration = Duration::from_secs(60);
/// Port of the fake kubelets: it answers on every local address, a pod's too.
const KUBELET: u16 = 10250;

async fn running_pod(client: &Client) -> Pod {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let pod = json!({
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    });
    // The namespace's account comes from a controller.
    let created = async {
        while pods
            .create(&PostParams::default(), &serde_json::from_value(pod.clone()).unwrap())
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        loop {
            let found = pods.get("web").await.unwrap();
            if found.status.as_ref().is_some_and(|status| status.pod_ip.is_some()) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(WAIT, created).await.unwrap()
}

/// What the port of the pod answers through the API server and the node's kubelet.
async fn ask_forwarded(client: &Client) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let mut forwarder = pods.portforward("web", &[KUBELET]).await.ok()?;
    let mut stream = forwarder.take_stream(KUBELET)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n").await.ok()?;
    // A port-forward over a WebSocket has no end of one direction: what came first must do.
    let mut said = [0; 64];
    let read = stream.read(&mut said).await.ok().filter(|read| *read > 0)?;
    Some(String::from_utf8_lossy(&said[..read]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_run_inside_ports_are_forwarded_and_parts_come_back() {
    let cluster = Cluster::up(Options::default()).await.unwrap();
    let client = cluster.client();
    let routes = cluster.inside("ip").unwrap().args(["route", "show", "table", "local"]).output().unwrap();
    let routes = String::from_utf8(routes.stdout).unwrap();
    assert!(routes.contains("10.244.0.0/16"), "{routes}");

    let pod = running_pod(&client).await;
    forward_ports(&client, &pod, &[KUBELET]).await.unwrap();
    let said = tokio::time::timeout(WAIT, async {
        loop {
            if let Some(said) = ask_forwarded(&client).await {
                return said;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let said = said.await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");

    cluster.order("freeze etcd").unwrap();
    cluster.order("thaw etcd").unwrap();
    cluster.restart_api_server().unwrap();
    let nodes: Api<Node> = Api::all(client.clone());
    assert_eq!(nodes.list(&ListParams::default()).await.unwrap().items.len(), 4);
    let unknown = cluster.order("restart nothing").unwrap_err().to_string();
    assert!(unknown.contains("no such part"), "{unknown}");
}
