//! What the scenarios begin with.

use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use meshlift_cluster::{Cluster, READY_AFTER};
use serde_json::{Value, json};

/// Seconds that pods take to become Ready: long enough to be seen. KWOK reads an annotation, the twin a probe.
const READY_SECONDS: i32 = 2;
/// More than any scenario lasts.
const NEVER_SECONDS: i32 = 100_000;
/// Longest that workloads are waited for.
const UP: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// Pods that become Ready so many seconds after they started.
fn template(name: &str, ready_seconds: i32) -> Value {
    let probe = json!({"tcpSocket": {"port": 80}, "initialDelaySeconds": ready_seconds, "periodSeconds": 1});
    json!({
        "metadata": {"labels": {"app": name}, "annotations": {READY_AFTER: format!("{ready_seconds}s")}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "app", "image": "app:1", "readinessProbe": probe}],
        },
    })
}

fn workload(kind: &str, name: &str, replicas: i32, spec: &Value) -> Value {
    let mut all = json!({
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, READY_SECONDS),
    });
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": name}, "spec": all})
}

fn rolling(unavailable: i32, surge: i32) -> Value {
    json!({"strategy": {"rollingUpdate": {"maxUnavailable": unavailable, "maxSurge": surge}}})
}

fn set(strategy: &Value) -> Value {
    json!({"serviceName": "x", "updateStrategy": strategy})
}

fn workloads() -> Vec<Value> {
    vec![
        workload("Deployment", "surge", 3, &rolling(0, 1)),
        workload("Deployment", "no-surge", 3, &rolling(1, 0)),
        workload("Deployment", "quota", 3, &rolling(0, 1)),
        workload("Deployment", "budget", 2, &rolling(0, 1)),
        workload("StatefulSet", "partition", 3, &set(&json!({"rollingUpdate": {"partition": 2}}))),
        workload("StatefulSet", "on-delete", 2, &set(&json!({"type": "OnDelete"}))),
        workload("StatefulSet", "never-ready", 3, &set(&json!({"rollingUpdate": {"partition": 3}}))),
        workload("Deployment", "relabelled", 1, &rolling(0, 1)),
        workload("Deployment", "no-injector", 2, &rolling(0, 1)),
    ]
}

/// What holds back: created once everything runs.
fn obstacles() -> Vec<Value> {
    vec![
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "pods", "namespace": "quota"}, "spec": {"hard": {"pods": "3"}},
        }),
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": "all", "namespace": "budget"},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "budget"}}},
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {
                "name": "istio-sidecar-injector-7-7-7",
                "labels": {"app": "sidecar-injector", "istio.io/rev": "7-7-7"},
            },
            "webhooks": [{
                "name": "rev.namespace.sidecar-injector.istio.io",
                "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
                "clientConfig": {
                    "service": {"name": "istiod-7-7-7", "namespace": "istio-system", "path": "/inject", "port": 443},
                },
                "namespaceSelector": {"matchLabels": {"istio.io/rev": "7-7-7"}},
                "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                }],
            }],
        }),
    ]
}

/// Creates all, and waits until every workload is Ready and every budget and quota is counted.
pub(crate) async fn create(cluster: &Cluster) {
    for one in workloads() {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one["metadata"]["name"]}});
        post(cluster, &namespace).await;
        post(cluster, &one).await;
    }
    for one in workloads() {
        until(cluster, &one, |live| live["status"]["availableReplicas"] == live["spec"]["replicas"]).await;
    }
    spoil(cluster).await;
    for one in obstacles() {
        post(cluster, &one).await;
    }
    until(cluster, &obstacles()[0], |quota| quota["status"]["used"]["pods"] == "3").await;
    until(cluster, &obstacles()[1], |budget| budget["status"]["currentHealthy"] == 2).await;
}

/// A newer template, whose pods are never Ready: the partition keeps it from every pod.
async fn spoil(cluster: &Cluster) {
    let found = workloads().into_iter().find(|one| one["metadata"]["name"] == "never-ready");
    let set = found.unwrap();
    let patch = json!({"spec": {"template": template("never-ready", NEVER_SECONDS)}});
    let all = api(cluster, &set);
    all.patch("never-ready", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    until(cluster, &set, |live| {
        let status = &live["status"];
        status["observedGeneration"] == live["metadata"]["generation"]
            && status["updateRevision"] != status["currentRevision"]
    })
    .await;
}

fn api(cluster: &Cluster, object: &Value) -> Api<DynamicObject> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&object["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &text(&object["kind"])));
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(cluster.client(), namespace, &resource),
        None => Api::all_with(cluster.client(), &resource),
    }
}

async fn post(cluster: &Cluster, object: &Value) {
    let created: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    api(cluster, object).create(&PostParams::default(), &created).await.unwrap();
}

async fn until(cluster: &Cluster, object: &Value, holds: impl Fn(&Value) -> bool) {
    let (api, name) = (api(cluster, object), object["metadata"]["name"].as_str().unwrap());
    let wait = async {
        while !holds(&serde_json::to_value(api.get(name).await.unwrap()).unwrap()) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(UP, wait).await.unwrap();
}
