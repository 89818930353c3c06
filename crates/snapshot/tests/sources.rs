//! What could not be read never reads as empty: every status, from hand-made folders.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::fs;
use std::path::Path;

use meshlift_model::snapshot::{Snapshot, SourceStatus, SyncState};
use meshlift_snapshot::{read, read_with_report, write_folder};
use serde_json::{Value, json};
use tempfile::TempDir;

const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";
const GATEWAYS: &str = "gateways.gateway.networking.k8s.io";

/// A folder of `(file, text)`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn list(items: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

fn pod(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "web" } })
}

fn crd(name: &str) -> Value {
    json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": name } })
}

/// Reads it, and proves that both forms that are written of it hold the same.
fn read_both(path: &Path) -> Snapshot {
    let snapshot = read(path).unwrap();
    let again = tempfile::tempdir().unwrap();
    write_folder(&snapshot, again.path()).unwrap();
    assert_eq!(read(again.path()).unwrap(), snapshot);
    let bytes = meshlift_snapshot::to_bytes(&snapshot).unwrap();
    assert_eq!(meshlift_snapshot::read_bytes(&bytes, "x").unwrap(), snapshot);
    snapshot
}

fn reason(snapshot: &Snapshot, source: &str) -> String {
    match snapshot.source(source) {
        SourceStatus::Broken { reason } | SourceStatus::Refused { reason } => reason,
        known @ (SourceStatus::Read { .. } | SourceStatus::Absent) => format!("{known:?}"),
    }
}

#[test]
fn without_sources_json_missing_files_are_unknown_or_absent() {
    let files = folder(&[
        ("api/pods.json", &list(&[pod("a")])),
        ("api/customresourcedefinitions.apiextensions.k8s.io.json", &list(&[crd(GATEWAYS)])),
    ]);
    let snapshot = read_both(files.path());
    assert_eq!(snapshot.source("pods"), SourceStatus::Read { count: 1 });
    assert_eq!(reason(&snapshot, "services"), "it was not recorded");
    assert_eq!(reason(&snapshot, GATEWAYS), "it was not recorded");
    assert_eq!(snapshot.source("gateways.networking.istio.io"), SourceStatus::Absent);
    assert_eq!(snapshot.source("applications.argoproj.io"), SourceStatus::Absent);
    assert_eq!(reason(&snapshot, "version"), "version.json is not there");
}

#[test]
fn without_crds_nothing_is_absent() {
    let files = folder(&[("api/pods.json", &list(&[pod("a")]))]);
    let snapshot = read_both(files.path());
    assert!(!snapshot.sources.values().any(|status| *status == SourceStatus::Absent));
    assert_eq!(reason(&snapshot, "gateways.networking.istio.io"), "it was not recorded");
}

#[test]
fn sources_json_and_files_are_taken_together() {
    let sources = json!({
        "resources": [
            { "resource": "pods", "status": "read", "count": 2 },
            { "resource": "services", "status": "read", "count": 1 },
            { "resource": "configmaps", "status": "read", "count": 0 },
            { "resource": "secrets", "status": "refused", "reason": "forbidden" },
            { "resource": "nodes", "status": "broken", "reason": "timeout" },
            { "resource": "namespaces", "status": "read", "count": 3 },
            { "resource": "jobs.batch", "status": "read", "count": 1 },
            { "resource": "deployments.apps", "status": "maybe" },
            { "resource": "httproutes.gateway.networking.k8s.io", "status": "absent" },
            { "resource": "endpoints", "status": "read", "count": 9 },
        ],
        "left_out": { "events": "churn" },
        "istiod": [{ "pod": "istiod-a", "endpoint": "syncz", "status": "refused", "reason": "401" }],
    });
    let files = folder(&[
        ("sources.json", &sources.to_string()),
        ("api/pods.json", &list(&[pod("b"), pod("a")])),
        ("api/services.json", "{\"kind\":\"List\",\"items\":[{\"kind\""),
        ("api/jobs.batch.json", &list(&[])),
        ("api/httproutes.gateway.networking.k8s.io.json", &list(&[json!({})])),
    ]);
    let snapshot = read_both(files.path());
    assert_eq!(snapshot.source("pods"), SourceStatus::Read { count: 2 });
    assert_eq!(snapshot.objects.pods[0].metadata.name, "a", "sorted");
    let cut_off = reason(&snapshot, "services");
    assert!(cut_off.starts_with("api/services.json is cut off (EOF"), "{cut_off}");
    assert_eq!(snapshot.source("configmaps"), SourceStatus::Read { count: 0 });
    assert_eq!(snapshot.source("secrets"), SourceStatus::Refused { reason: "forbidden".into() });
    assert_eq!(reason(&snapshot, "nodes"), "timeout");
    assert!(reason(&snapshot, "namespaces").ends_with("but api/namespaces.json is not there"));
    assert_eq!(reason(&snapshot, "jobs.batch"), "sources.json counts 1, api/jobs.batch.json holds 0");
    assert!(reason(&snapshot, "deployments.apps").contains("unknown status `maybe`"));
    assert!(reason(&snapshot, "httproutes.gateway.networking.k8s.io").contains("says that it is absent"));
    assert_eq!(snapshot.source("endpoints"), SourceStatus::Read { count: 9 });
    assert_eq!(reason(&snapshot, "events"), "left out on purpose: churn");
    assert_eq!(reason(&snapshot, "istiod/istiod-a/syncz"), "401");
    assert_eq!(snapshot.istiods["istiod-a"].syncz, None);
}

#[test]
fn lists_that_are_not_whole_are_broken() {
    let page = json!({ "kind": "PodList", "metadata": { "continue": "abc" }, "items": [] }).to_string();
    let wrong = list(&vec![json!(1); 2000]);
    let cases = [
        (wrong.as_str(), "api/pods.json holds more than 1000 objects that cannot be read"),
        ("", "api/pods.json is empty"),
        ("[]", "api/pods.json is no list"),
        ("{}", "api/pods.json holds something without a kind, not a list"),
        (&pod("a").to_string(), "api/pods.json holds Pod, not a list"),
        (&page, "api/pods.json holds only the first page"),
        ("{\"kind\":\"Status\",\"message\":\"Forbidden\"}", "api/pods.json holds Status, not a list"),
    ];
    for (text, words) in cases {
        let nodes = list(&[]);
        let files = folder(&[("api/pods.json", text), ("api/nodes.json", &nodes)]);
        let reason = reason(&read_both(files.path()), "pods");
        assert!(reason.starts_with(words), "{reason}");
    }
}

#[test]
fn single_broken_objects_are_told_and_skipped() {
    let items = [
        pod("a"),
        json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "b", "namespace": "web" }, "spec": 3 }),
        json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "namespace": "web" } }),
        json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "c" } }),
        json!({ "kind": "Node", "apiVersion": "v1", "metadata": { "name": "d" } }),
        json!("text"),
        pod("a"),
        json!({ "metadata": { "name": "z", "namespace": "web" } }),
    ];
    let files = folder(&[("api/pods.json", &list(&items))]);
    let snapshot = read_both(files.path());
    let names: Vec<_> = snapshot.objects.pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    assert_eq!(names, ["a", "z"]);
    assert_eq!(snapshot.source("pods"), SourceStatus::Read { count: 8 });
    let problems: Vec<_> =
        snapshot.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.problem)).collect();
    let expected = [
        "items[1] web/b: invalid type: integer `3`",
        "items[2] web: has no metadata.name",
        "items[3] c: has no metadata.namespace",
        "items[4] d: is a Node of v1, not one of pods",
        "items[5]: invalid type: string \"text\"",
        "items[] web/a: is in the list more than once",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, words) in problems.iter().zip(expected) {
        assert!(problem.starts_with(words), "{problem}");
    }
}

#[test]
fn what_is_not_read_is_counted() {
    let mut known = pod("a");
    known["spec"] =
        json!({ "tomorrow": [1], "containers": [{ "name": "x", "new": 1 }, { "name": "y", "new": 2 }] });
    let files = folder(&[
        ("api/pods.json", &list(&[known, pod("b")])),
        ("api/widgets.example.com.json", &list(&[json!({}), json!({})])),
        ("api/notes.txt", "hello"),
    ]);
    let (snapshot, report) = read_with_report(files.path()).unwrap();
    assert!(snapshot.problems.is_empty());
    let fields: Vec<_> = report.unread_fields["pods"].iter().collect();
    assert_eq!(fields, [(&"spec.containers[].new".to_owned(), &1), (&"spec.tomorrow".to_owned(), &1)]);
    assert_eq!(report.unread_kinds["widgets.example.com"], 2);
    assert_eq!(report.unread_files, ["api/notes.txt"]);
    assert_eq!(snapshot.source("widgets.example.com"), SourceStatus::Read { count: 2 });
}

#[test]
fn both_kinds_called_gateway_are_told_apart() {
    let gateway = |api_version: &str| json!({ "apiVersion": api_version, "kind": "Gateway", "metadata": { "name": "a", "namespace": "b" } });
    let istio = gateway("networking.istio.io/v1beta1");
    let files = folder(&[
        ("api/gateways.networking.istio.io.json", &list(std::slice::from_ref(&istio))),
        (
            "api/gateways.gateway.networking.k8s.io.json",
            &list(&[istio, gateway("gateway.networking.k8s.io/v1")]),
        ),
    ]);
    let snapshot = read_both(files.path());
    assert_eq!((snapshot.objects.istio_gateways.len(), snapshot.objects.gateways.len()), (1, 1));
    assert_eq!(snapshot.problems.len(), 1);
}

#[test]
fn sync_states_follow_the_rule_of_istioctl() {
    let url = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    let entry = |resource: Value| json!({ "proxy": "a.web", "resources": { url: resource } });
    let state = |resource: Value| {
        let syncz = Value::from(vec![entry(resource)]).to_string();
        let files = folder(&[("api/pods.json", &list(&[])), ("istiod/istiod-a/syncz.json", &syncz)]);
        read_both(files.path()).istiods["istiod-a"].syncz.as_ref().unwrap()[0].types[url].clone()
    };
    assert_eq!(state(json!({ "sent": "n1", "acked": "n1" })), SyncState::Synced);
    assert_eq!(state(json!({ "sent": "n2", "acked": "n1" })), SyncState::Stale);
    assert_eq!(state(json!({ "sent": "n2" })), SyncState::Stale);
    assert_eq!(state(json!({})), SyncState::NotSent);
    let error = state(json!({ "sent": "n1", "acked": "n1", "lastError": "bad" }));
    assert_eq!(error, SyncState::Error("bad".into()));
}

#[test]
fn answers_that_make_no_sense_are_broken() {
    let files = folder(&[
        ("api/pods.json", &list(&[])),
        ("istiod/istiod-a/syncz.json", "Unauthorized"),
        ("istiod/istiod-a/connections.json", "{\"totalClients\":2,\"clients\":[]}"),
        ("istiod/istiod-a/metrics.txt", "401 Unauthorized"),
        ("istiod/istiod-a/version", " \n"),
        ("istiod/istiod-b/connections.json", "{\"totalClients\":0,\"clients\":null}"),
        (
            "istiod/istiod-b/syncz.json",
            "[{\"proxy\":\"a.b\",\"cluster_sent\":\"1\",\"cluster_acked\":\"2\"}]",
        ),
        ("istiod/notes.txt", ""),
    ]);
    let snapshot = read_both(files.path());
    for endpoint in ["syncz", "connections", "metrics", "version"] {
        assert!(!snapshot.source(&format!("istiod/istiod-a/{endpoint}")).is_known(), "{endpoint}");
    }
    assert_eq!(snapshot.istiods["istiod-a"], Default::default());
    assert_eq!(snapshot.source("istiod/istiod-b/connections"), SourceStatus::Read { count: 0 });
    let former = &snapshot.istiods["istiod-b"].syncz.as_ref().unwrap()[0];
    assert!(!former.is_synced(), "fields of former times are read where there is no map");
    assert_eq!(reason(&snapshot, "istiod/istiod-b/metrics"), "it was not recorded");
    assert_eq!(snapshot.problems.len(), 1);
    assert!(!snapshot.source(CRDS).is_known());
}

#[test]
fn names_never_lead_out_of_the_folder() {
    let istiod = json!([{ "pod": "../../elsewhere", "endpoint": "version", "status": "read" }]);
    let sources = json!({ "resources": [], "istiod": istiod }).to_string();
    let files = folder(&[("api/pods.json", &list(&[])), ("sources.json", &sources)]);
    let snapshot = read_both(files.path());
    assert!(snapshot.istiods.is_empty());
    assert_eq!(snapshot.problems[0].problem, "`../../elsewhere` is no name of a pod; skipped");

    let mut snapshot = snapshot;
    snapshot.istiods.insert("../elsewhere".into(), Default::default());
    let target = tempfile::tempdir().unwrap();
    assert_eq!(write_folder(&snapshot, &target.path().join("a")).unwrap_err().code(), "ML9009");
    let bytes = meshlift_snapshot::to_bytes(&snapshot).unwrap();
    let again = meshlift_snapshot::read_bytes(&bytes, "x").unwrap();
    assert!(again.istiods.is_empty() && again.problems.len() == 2);
}

#[test]
fn fields_of_configuration_are_kept_without_their_words() {
    let service = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "pay", "namespace": "shop" },
        "spec": { "hosts": ["pay"], "http": [{ "unheardOf": { "token": "secret" } }] } });
    let files = folder(&[("api/virtualservices.networking.istio.io.json", &list(&[service]))]);
    let snapshot = read_both(files.path());
    let (object, outline) = snapshot.outlines.first_key_value().unwrap();
    assert_eq!(object.to_string(), "VirtualService/shop/pay");
    assert_eq!(**outline, json!({ "hosts": [""], "http": [{ "unheardOf": { "token": "" } }] }));

    fs::write(files.path().join("outlines.json"), "[").unwrap();
    let snapshot = read(files.path()).unwrap();
    assert!(snapshot.outlines.is_empty());
    assert!(snapshot.problems.iter().any(|problem| problem.place == "outlines.json"));
}
