//! Every recording survives both forms without loss.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::fs;

use meshlift_model::snapshot::{Snapshot, SourceStatus};
use meshlift_snapshot::fixtures::{CLUSTERS, cluster, path};
use meshlift_snapshot::{demo, digest, read, read_bytes, to_bytes, write_file, write_folder};

fn through_folder(snapshot: &Snapshot) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    write_folder(snapshot, folder.path()).unwrap();
    read(folder.path()).unwrap()
}

#[test]
fn file_and_folder_hold_the_same_as_the_fixture() {
    for name in CLUSTERS {
        let snapshot = cluster(name).unwrap();
        assert!(snapshot.problems.is_empty(), "{name}: {:?}", snapshot.problems);
        let bytes = to_bytes(&snapshot).unwrap();
        assert!(bytes == fs::read(path("clusters", name)).unwrap(), "{name}: other bytes than the fixture");
        assert!(read_bytes(&bytes, name).unwrap() == snapshot, "{name}: file");
        let expanded = through_folder(&snapshot);
        assert_eq!(expanded.sources, snapshot.sources, "{name}");
        assert_eq!(expanded.problems, snapshot.problems, "{name}");
        assert!(expanded == snapshot, "{name}: folder");
        assert_eq!(digest(&expanded), digest(&snapshot), "{name}");
    }
}

#[test]
fn the_demo_is_the_mesh_before_its_upgrade() {
    let demo = demo().unwrap();
    assert!(demo == cluster("before").unwrap());
    assert_eq!(demo.kubernetes_version.as_deref(), Some("v1.34.4"));
    assert_eq!((demo.objects.pods.len(), demo.objects.namespaces.len()), (190, 32));
    let proxies: usize = demo.istiods.values().map(|answers| answers.syncz.as_ref().unwrap().len()).sum();
    assert_eq!(proxies, 174);
    let synced = |answers: &meshlift_model::snapshot::IstiodAnswers| {
        answers.syncz.iter().flatten().all(|proxy| proxy.is_synced() && !proxy.types.is_empty())
    };
    assert!(demo.istiods.values().all(synced));
    for answers in demo.istiods.values() {
        assert_eq!(answers.version.as_deref(), Some("1.29.6-lab-Clean"));
        let connections = answers.connections.as_ref().unwrap();
        assert_eq!(answers.metrics.as_ref().unwrap()["pilot_xds"], connections.len() as f64);
    }
}

#[test]
fn sources_that_are_not_read_keep_their_status() {
    let demo = demo().unwrap();
    assert_eq!(demo.source("endpoints"), SourceStatus::Read { count: 80 });
    assert_eq!(demo.source("applications.argoproj.io"), SourceStatus::Absent);
    assert_eq!(demo.source("jobs.batch"), SourceStatus::Read { count: 0 });
    let left_out = SourceStatus::Broken { reason: "left out on purpose: churn".into() };
    assert_eq!(demo.source("events"), left_out);
    assert!(!demo.source("never.heard.of").is_known());
}

#[test]
fn nothing_of_others_is_kept() {
    for name in CLUSTERS {
        let snapshot = cluster(name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write_folder(&snapshot, folder.path()).unwrap();
        for entry in fs::read_dir(folder.path().join("api")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            for word in ["openAPIV3Schema", "last-applied-configuration\":", "managedFields", "{{ "] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
        let maps = snapshot.objects.config_maps.iter().filter(|map| !map.data.is_empty());
        let namespaces: Vec<_> = maps.filter(|map| map.metadata.name != "istio-ca-root-cert").collect();
        assert!(namespaces.iter().all(|map| map.metadata.namespace == "istio-system"), "{name}");
        assert!(namespaces.len() >= 3, "{name}");
    }
}

#[test]
fn the_digest_ignores_order_and_sees_every_object() {
    let snapshot = cluster("ambient-before").unwrap();
    let mut shuffled = snapshot.clone();
    shuffled.objects.pods.reverse();
    shuffled.istiods.values_mut().flat_map(|answers| &mut answers.syncz).for_each(|syncz| syncz.reverse());
    assert_eq!(digest(&shuffled), digest(&snapshot));
    let mut other = snapshot.clone();
    other.objects.services.pop();
    assert_ne!(digest(&other), digest(&snapshot));
    let mut other = snapshot.clone();
    other.sources.insert("pods".into(), SourceStatus::Absent);
    assert_ne!(digest(&other), digest(&snapshot));
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let snapshot = cluster("ambient-before").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mesh.meshlift");
    write_file(&snapshot, &path).unwrap();
    assert!(read(&path).unwrap() == snapshot);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    let error = write_file(&snapshot, &folder.path().join("missing/mesh.meshlift")).unwrap_err();
    assert_eq!(error.code(), "ML9009");
    let error = write_folder(&snapshot, folder.path()).unwrap_err();
    assert_eq!(error.code(), "ML9010");
}
