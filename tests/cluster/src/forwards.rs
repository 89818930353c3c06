//! Port-forwards: KWOK's kubelet sends them where an object of its own kind says.

use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::cluster::client;
use crate::error::ClusterError;

/// Group and version of KWOK's kinds.
const API_VERSION: &str = "kwok.x-k8s.io/v1alpha1";
/// Time that the API server takes at most to serve a kind.
const SERVED_SECONDS_MAX: u64 = 60;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Defines KWOK's kind `PortForward` and waits until it is served.
pub(crate) fn define(kubeconfig: &Path) -> Result<(), ClusterError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ClusterError::file("tokio"))?.block_on(async {
        let client = client(kubeconfig).await?;
        let gvk = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
        let definitions: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk));
        let definition: DynamicObject = serde_json::from_value(definition()).map_err(unwritable)?;
        let failed = api("defining PortForward");
        definitions.create(&PostParams::default(), &definition).await.map_err(failed)?;
        let deadline = Instant::now() + Duration::from_secs(SERVED_SECONDS_MAX);
        loop {
            match forwards(client.clone(), "default").list(&Default::default()).await {
                Ok(_) => return Ok(()),
                Err(source) if Instant::now() >= deadline => return Err(api("serving PortForward")(source)),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    })
}

/// Lets port-forwards to the pod reach these ports of its address; ends with the pod. The pod must have an
/// address, and whatever answers there runs inside (see [`crate::Cluster::inside`]).
///
/// # Errors
/// Where the API server refuses.
pub async fn forward_ports(client: &Client, pod: &Pod, ports: &[u16]) -> Result<(), ClusterError> {
    let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap_or_default();
    let targets: Vec<Value> = ports
        .iter()
        .map(|port| json!({"ports": [port], "target": {"address": address, "port": port}}))
        .collect();
    let forward = json!({
        "apiVersion": API_VERSION,
        "kind": "PortForward",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [{
            "apiVersion": "v1", "kind": "Pod", "name": name, "uid": pod.uid().unwrap_or_default(),
        }]},
        "spec": {"forwards": targets},
    });
    let params = PatchParams::apply("meshlift-cluster").force();
    let applied = forwards(client.clone(), &namespace).patch(&name, &params, &Patch::Apply(&forward)).await;
    applied.map(drop).map_err(api("port-forwards of a pod"))
}

fn forwards(client: Client, namespace: &str) -> Api<DynamicObject> {
    let (group, version) = API_VERSION.split_once('/').unwrap_or(("", API_VERSION));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, "PortForward"));
    Api::namespaced_with(client, namespace, &resource)
}

fn api(what: &str) -> impl FnOnce(kube::Error) -> ClusterError {
    let what = what.to_owned();
    move |source| ClusterError::Api { what, source: Box::new(source) }
}

fn unwritable(error: serde_json::Error) -> ClusterError {
    api("defining PortForward")(kube::Error::SerdeError(error))
}

/// As in `kustomize/crd` of KWOK, with an open schema.
fn definition() -> Value {
    let (group, version) = API_VERSION.split_once('/').unwrap_or(("", API_VERSION));
    json!({
        "metadata": {"name": "portforwards.kwok.x-k8s.io"},
        "spec": {
            "group": group,
            "names": {"kind": "PortForward", "listKind": "PortForwardList", "plural": "portforwards", "singular": "portforward"},
            "scope": "Namespaced",
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}
