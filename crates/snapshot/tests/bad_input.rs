//! Input that is no snapshot: one clear error each, and never a panic or a shorter snapshot.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::fs;
use std::sync::LazyLock;

use meshlift_model::k8s::{ConfigMap, Deployment, Objects};
use meshlift_model::snapshot::Snapshot;
use meshlift_snapshot::fixtures::{cluster, path};
use meshlift_snapshot::{SnapshotError, read, read_bytes, to_bytes, write_folder};
use proptest::prelude::*;

/// A small recording, packed.
static PACKED: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read(path("clusters", "ambient-before")).unwrap());

fn check(error: &SnapshotError, code: &str, words: &str) {
    assert_eq!(error.code(), code, "{error}");
    let text = error.to_string();
    assert!(text.contains(words) && !text.contains('\n'), "{text}");
    assert!(!error.hint().is_empty());
}

#[test]
fn folders_that_hold_no_recording() {
    let folder = tempfile::tempdir().unwrap();
    check(&read(folder.path()).unwrap_err(), "ML9006", "it has no folder api/");
    fs::create_dir(folder.path().join("api")).unwrap();
    check(&read(folder.path()).unwrap_err(), "ML9006", "its folder api/ has no file RESOURCE.json");
    fs::write(folder.path().join("api/openapi.txt"), "x").unwrap();
    check(&read(folder.path()).unwrap_err(), "ML9006", "its folder api/ has no file RESOURCE.json");
    fs::write(folder.path().join("api/users.json"), "{\"users\":[]}").unwrap();
    check(&read(folder.path()).unwrap_err(), "ML9008", "nothing in ");
    fs::write(folder.path().join("sources.json"), "{\"resources\":3}").unwrap();
    let error = read(folder.path()).unwrap_err();
    check(&error, "ML9007", "sources.json is no list of sources");
    assert!(std::error::Error::source(&error).is_some());
    check(&read(&folder.path().join("missing")).unwrap_err(), "ML9001", "cannot read ");
}

#[test]
fn a_folder_of_truncated_lists_is_one_error() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(&cluster("ambient-before").unwrap(), folder.path()).unwrap();
    for entry in fs::read_dir(folder.path().join("api")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    fs::remove_file(folder.path().join("sources.json")).unwrap();
    let error = read(folder.path()).unwrap_err();
    check(&error, "ML9008", "first authorizationpolicies.security.istio.io (api/");
    check(&error, "ML9008", "is cut off (EOF");
}

#[test]
fn files_that_are_no_snapshot() {
    let manifest = fs::read(path("manifests", "1.30.3-default")).unwrap();
    let cases: &[(&[u8], &str, &str)] = &[
        (b"", "ML9002", "x is no snapshot: it is empty"),
        (b"{\"kind\":\"List\"}", "ML9002", "it looks like JSON"),
        (b"PK\x03\x04", "ML9002", "it looks like an archive"),
        (b"\x1f\x8b\x08", "ML9002", "it looks like an archive"),
        (b"\xff\xfe\x00", "ML9002", "it does not start with meshlift's header"),
        (b"meshlift snapshot 0\n", "ML9002", "it does not start with meshlift's header"),
        (b"meshlift snapshot 9\nanything", "ML9003", "x has format 9; this meshlift reads formats up to 3"),
        (b"meshlift snapshot 1\n", "ML9004", "it ends in its header"),
        (&manifest, "ML9002", "it is a meshlift manifest, not a snapshot"),
    ];
    for (bytes, code, words) in cases {
        check(&read_bytes(bytes, "x").unwrap_err(), code, words);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_cut_file_is_never_read(share in 0.0..1.0_f64) {
        let length = (PACKED.len() as f64 * share) as usize;
        prop_assert!(read_bytes(&PACKED[..length], "x").is_err());
    }

    #[test]
    fn a_changed_file_is_never_read(share in 0.0..1.0_f64, flip in 1..=255_u8) {
        let mut bytes = PACKED.clone();
        let at = (bytes.len() as f64 * share) as usize;
        bytes[at] ^= flip;
        prop_assert!(read_bytes(&bytes, "x").is_err(), "byte {at}");
    }

    #[test]
    fn a_longer_file_is_never_read(tail in prop::collection::vec(any::<u8>(), 1..80)) {
        prop_assert!(read_bytes(&[PACKED.as_slice(), &tail].concat(), "x").is_err());
    }

    #[test]
    fn garbage_never_panics(garbage in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_bytes(&garbage, "x");
        let _ = read_bytes(&[b"meshlift snapshot 1\n".as_slice(), &garbage].concat(), "x");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("api")).unwrap();
        fs::write(folder.path().join("api/pods.json"), &garbage).unwrap();
        prop_assert!(read(folder.path()).is_err());
    }

    #[test]
    fn objects_of_any_text_survive_both_forms(
        names in prop::collection::btree_set(".{1,12}", 1..6),
        text in any::<String>(),
        replicas in any::<Option<i32>>(),
    ) {
        let mut objects = Objects::default();
        for name in names {
            let mut deployment = Deployment::default();
            deployment.metadata.name.clone_from(&name);
            deployment.metadata.namespace = "n".into();
            deployment.metadata.labels.insert(name.clone(), text.clone());
            deployment.spec.replicas = replicas;
            objects.deployments.push(deployment);
            let mut map = ConfigMap::default();
            map.metadata.name = name;
            map.metadata.namespace = "n".into();
            map.data.insert("secret".into(), text.clone());
            objects.config_maps.push(map);
        }
        let bytes = to_bytes(&Snapshot { objects, ..Snapshot::default() }).unwrap();
        let snapshot = read_bytes(&bytes, "x").unwrap();
        prop_assert!(snapshot.objects.config_maps.iter().all(|map| map.data.is_empty()));
        prop_assert_eq!(to_bytes(&snapshot).unwrap(), bytes);
        let folder = tempfile::tempdir().unwrap();
        write_folder(&snapshot, folder.path()).unwrap();
        prop_assert_eq!(read(folder.path()).unwrap().objects, snapshot.objects);
    }
}
