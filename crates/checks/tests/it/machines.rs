//! ML5021: machines outside Kubernetes.

use meshlift_model::finding::{Severity, Verdict};
use meshlift_model::k8s::{Secret, WorkloadEntry};
use meshlift_model::snapshot::{Connection, ProxyStatus, Snapshot, SourceStatus};

use crate::common::{assess, cluster, found, of, stays_away, subjects, unchanged, version};

/// A proxy of this name and version is connected, from an address.
fn connect(s: &mut Snapshot, proxy: &str, version: &str) {
    let answers = s.istiods.values_mut().find(|answers| answers.syncz.is_some()).unwrap();
    answers.syncz.as_mut().unwrap().push(ProxyStatus {
        proxy: proxy.into(),
        proxy_type: "sidecar".into(),
        istio_version: version.into(),
        ..ProxyStatus::default()
    });
    answers.connections.get_or_insert_default().push(Connection {
        connection_id: format!("{proxy}-77"),
        address: "192.168.7.9:50312".into(),
        ..Connection::default()
    });
}

fn entry(s: &mut Snapshot, name: &str, address: &str) {
    let mut entry = WorkloadEntry::default();
    entry.metadata.namespace = "web".into();
    entry.metadata.name = name.into();
    entry.metadata.annotations.insert("istio.io/autoRegistrationGroup".into(), "legacy".into());
    entry.spec.address = address.into();
    s.objects.workload_entries.push(entry);
}

fn other_cluster(s: &mut Snapshot) {
    let mut secret = Secret::default();
    secret.metadata.namespace = "istio-system".into();
    secret.metadata.name = "east".into();
    secret.metadata.labels.insert("istio/multiCluster".into(), "true".into());
    s.objects.secrets.push(secret);
}

#[test]
fn recordings_have_no_machines() {
    for recording in ["before", "canary-installed", "half-moved", "after", "ambient-before"] {
        assert!(subjects(&unchanged(recording), "ML5021").is_empty(), "{recording}");
    }
}

#[test]
fn a_machine_is_named_with_its_entry_where_it_has_one() {
    let machine = "Machine/web/vm-1";
    assert!(found("ML5021", "before", |s| connect(s, "vm-1.web", "1.29.6")).contains(machine));
    for (name, address) in [("vm-1", "10.0.0.1"), ("legacy-192.168.7.9", "192.168.7.9")] {
        let mut snapshot = cluster("before");
        connect(&mut snapshot, "vm-1.web", "1.29.6");
        entry(&mut snapshot, name, address);
        let assessment = assess(snapshot, Some(&version("1.30.3")));
        let hit = of(&assessment, "ML5021")[0];
        assert_eq!(hit.subject.to_string(), format!("WorkloadEntry/web/{name}"));
        assert!(hit.evidence.contains(&"WorkloadGroup/web/legacy".to_owned()), "{:?}", hit.evidence);
        assert_eq!(hit.severity, Severity::Info);
    }
    // An entry without a connection says nothing of a proxy.
    stays_away("ML5021", "before", "WorkloadEntry/web/vm-1", |s| entry(s, "vm-1", "10.0.0.1"));
    // Names of machines may be those of workloads.
    assert!(found("ML5021", "before", |s| connect(s, "bff.web", "1.29.6")).contains("Machine/web/bff"));
}

#[test]
fn a_machine_that_falls_too_far_behind_is_a_warning() {
    let severity = |version_of_it: &str, target: &str| {
        let mut snapshot = cluster("before");
        connect(&mut snapshot, "vm-1.web", version_of_it);
        let assessment = assess(snapshot, Some(&version(target)));
        of(&assessment, "ML5021").first().map(|finding| finding.severity)
    };
    assert_eq!(severity("1.29.6", "1.30.3"), Some(Severity::Info));
    assert_eq!(severity("1.28.9", "1.30.3"), Some(Severity::Warn));
    assert_eq!(severity("1.29.6", "1.31.1"), Some(Severity::Warn));
    assert_eq!(severity("", "1.30.3"), Some(Severity::Info));
    // It is where it should be.
    assert_eq!(severity("1.29.6", "1.29.6"), None);
    assert_eq!(severity("1.28.9", "1.29.6"), Some(Severity::Info));
}

#[test]
fn pods_that_are_gone_and_pods_of_other_clusters_are_no_machines() {
    for proxy in [
        "bff-6d4cf56db6-zw9xk.web",
        // Of a Deployment that was removed.
        "gone-6d4cf56db6-zw9xk.web",
        "pg-17.data",
        "log-agent-x7k2w.data",
    ] {
        assert!(found("ML5021", "before", |s| connect(s, proxy, "1.29.6")).is_empty(), "{proxy}");
    }
    let elsewhere = |s: &mut Snapshot| {
        connect(s, "vm-1.web", "1.29.6");
        other_cluster(s);
    };
    assert!(found("ML5021", "before", elsewhere).is_empty());
    let registered = |s: &mut Snapshot| {
        elsewhere(s);
        entry(s, "vm-1", "10.0.0.1");
    };
    assert!(found("ML5021", "before", registered).contains("WorkloadEntry/web/vm-1"));
    // Whether there are other clusters is said by Secrets.
    let mut snapshot = cluster("before");
    connect(&mut snapshot, "vm-1.web", "1.29.6");
    snapshot.sources.insert("secrets".into(), SourceStatus::Refused { reason: "forbidden".into() });
    snapshot.objects.secrets.clear();
    let assessment = assess(snapshot, Some(&version("1.30.3")));
    assert_eq!(of(&assessment, "ML5021")[0].verdict, Verdict::Unknown);
}
