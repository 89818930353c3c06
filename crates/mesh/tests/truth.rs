//! Prediction against what pods of real meshes carry.
//!
//! In each recording every pod with a sidecar carries what the predictor says that it would get, except
//! those that were made before a tag or label moved. These are listed in `golden/restart.txt`; to write the
//! list anew, remove the file and run the test: it fails once, and leaves the list that it found.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use meshlift_mesh::{Agreement, Mesh, PodFacts, ProxyKind};
use meshlift_model::names::ObjectRef;
use meshlift_snapshot::fixtures::{CLUSTERS, cluster};

fn mesh(name: &str) -> Mesh {
    Mesh::derive(Arc::new(cluster(name).unwrap()))
}

/// Pods that a webhook injected, or could have: gateways and ztunnel carry what their makers wrote.
fn is_subject(pod: &PodFacts) -> bool {
    match pod.proxy {
        Some(ProxyKind::Native | ProxyKind::Classic | ProxyKind::Gateway) | None => true,
        Some(ProxyKind::ManagedGateway | ProxyKind::Waypoint | ProxyKind::Ztunnel) => false,
    }
}

fn differs(pod: &PodFacts) -> bool {
    pod.revision != pod.on_restart.revision
}

fn name(revision: Option<&meshlift_model::names::RevisionName>) -> &str {
    revision.map_or("no sidecar", |revision| revision.as_str())
}

fn uid(mesh: &Mesh, pod: &ObjectRef) -> Option<String> {
    let pods = &mesh.snapshot.objects.pods;
    let found =
        pods.iter().find(|one| one.metadata.namespace == pod.namespace && one.metadata.name == pod.name);
    found.map(|pod| pod.metadata.uid.clone())
}

#[test]
fn pods_carry_what_is_predicted_or_change_on_restart() {
    let mut text = String::new();
    for cluster in CLUSTERS {
        let mesh = mesh(cluster);
        let pods: Vec<&PodFacts> = mesh.pods.values().filter(|pod| is_subject(pod)).collect();
        let count = |wanted: &dyn Fn(&PodFacts) -> bool| pods.iter().filter(|pod| wanted(pod)).count();
        let as_predicted = |kind: Option<ProxyKind>| count(&|pod| pod.proxy == kind && !differs(pod));
        writeln!(
            text,
            "{cluster}: as predicted {} native, {} classic, {} gateway, {} without a sidecar; on restart {} change",
            as_predicted(Some(ProxyKind::Native)),
            as_predicted(Some(ProxyKind::Classic)),
            as_predicted(Some(ProxyKind::Gateway)),
            as_predicted(None),
            count(&differs),
        )
        .unwrap();
        let mut changes: BTreeMap<(&ObjectRef, &str, &str), usize> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| differs(pod)) {
            let change = (name(pod.revision.as_ref()), name(pod.on_restart.revision.as_ref()));
            *changes.entry((&pod.workload, change.0, change.1)).or_default() += 1;
        }
        for ((workload, now, then), pods) in changes {
            writeln!(text, "  {workload}: {pods} from {now} to {then}").unwrap();
        }
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/restart.txt");
    match std::fs::read_to_string(&path) {
        Ok(golden) => assert_eq!(text, golden),
        Err(_) => {
            std::fs::write(&path, &text).unwrap();
            panic!("{} was missing; it is written now", path.display());
        }
    }
}

/// A pod that changes on restart was there in the recording before, when its prediction still was what it
/// carries: it was made before something moved, and the predictor was right then.
#[test]
fn what_changes_on_restart_was_made_before_something_moved() {
    let stages = [
        ("canary-installed", "canary-moved"),
        ("canary-installed", "half-moved"),
        ("after", "after-broken"),
        ("ambient-canary-installed", "ambient-tag-moved"),
        ("ambient-canary-installed", "ambient-frozen-tag-moved"),
    ];
    for (earlier, later) in stages {
        let (earlier_mesh, later_mesh) = (mesh(earlier), mesh(later));
        let changing: Vec<&PodFacts> =
            later_mesh.pods.values().filter(|pod| is_subject(pod) && differs(pod)).collect();
        assert!(!changing.is_empty(), "{later} is a stage after a move");
        for pod in changing {
            let before = &earlier_mesh.pods.get(&pod.pod);
            let before = before.unwrap_or_else(|| panic!("{} was made after the move to {later}", pod.pod));
            assert_eq!(uid(&earlier_mesh, &pod.pod), uid(&later_mesh, &pod.pod), "{}", pod.pod);
            assert_eq!(before.revision, before.on_restart.revision, "{} in {earlier}", pod.pod);
        }
    }
}

/// Native or classic, too, is what the pod is.
#[test]
fn kinds_of_sidecars_are_predicted() {
    for cluster in CLUSTERS {
        for pod in mesh(cluster).pods.values().filter(|pod| pod.on_restart.revision.is_some()) {
            let native = match pod.proxy {
                Some(ProxyKind::Native) => true,
                Some(ProxyKind::Classic | ProxyKind::Gateway) => false,
                other => panic!("{}: predicted a sidecar, found {other:?}", pod.pod),
            };
            assert_eq!(pod.on_restart.native, Some(native), "{} in {cluster}", pod.pod);
            assert!(pod.on_restart.uncertain.is_empty() && pod.on_restart.also.is_empty(), "{}", pod.pod);
            assert!(!pod.on_restart.refused, "{}", pod.pod);
        }
    }
}

/// Annotation, status, image and connection agree for every running proxy, at every stage.
#[test]
fn running_proxies_agree_with_themselves() {
    for cluster in CLUSTERS {
        let mesh = mesh(cluster);
        for pod in mesh.pods.values().filter(|pod| pod.proxy.is_some() && !pod.finished) {
            let revision = pod.revision.clone().unwrap();
            assert_eq!(pod.agreement, Agreement::Agreed { revision }, "{} in {cluster}", pod.pod);
            assert!(pod.synced && pod.nack.is_none(), "{} in {cluster}", pod.pod);
        }
        let connected: usize = mesh.connected.values().map(|count| count.unwrap()).sum();
        let proxies = mesh.pods.values().filter(|pod| pod.proxy.is_some() && !pod.finished).count();
        assert_eq!(connected, proxies, "{cluster}");
    }
}

/// A pod's template gives what the pod gives: injection marks change no prediction.
#[test]
fn templates_and_pods_predict_the_same() {
    for cluster in CLUSTERS {
        let mesh = mesh(cluster);
        for pod in mesh.pods.values().filter(|pod| is_subject(pod)) {
            let workload = &mesh.workloads[&pod.workload];
            assert_eq!(pod.on_restart, workload.on_restart, "{} in {cluster}", pod.pod);
        }
    }
}
