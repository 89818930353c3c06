//! What people and programs see, over every recording.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::meshlift;
use crate::golden::{golden, root};
use serde_json::Value;

/// Columns that a screen keeps to.
const WIDTH: usize = 80;

fn recordings() -> Vec<PathBuf> {
    let folder = root().join("fixtures/clusters");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert_eq!(paths.len(), 11);
    paths
}

/// Lines that are too long. Commands are copied, so they are never wrapped.
fn too_long(screen: &str) -> Vec<&str> {
    let command = |line: &str| line.starts_with("next: ") || line.trim_start().starts_with("meshlift ");
    screen.lines().filter(|line| line.chars().count() > WIDTH && !command(line)).collect()
}

#[test]
fn screens_of_every_recording_keep_to_eighty_columns() {
    for path in recordings() {
        let path = path.to_str().unwrap();
        for verb in ["inspect", "versions", "check"] {
            let said = meshlift(&root(), &[verb, "--snapshot", path, "--to", "1.30.3"]);
            assert!(said.exit < 2, "{verb} {path}: {}", said.stderr);
            assert_eq!(too_long(&said.stdout), Vec::<&str>::new(), "{verb} {path}");
            assert!(said.stdout.contains("\nnext: meshlift "), "{verb} {path} names no next command");
            assert!(!said.stdout.to_lowercase().contains("zero downtime"), "{verb} {path}");
        }
    }
}

#[test]
fn both_forms_of_every_recording_give_the_same_documents() {
    let folder = tempfile::tempdir().unwrap();
    for path in recordings() {
        let lists = folder.path().join(path.file_stem().unwrap());
        let (path, lists) = (path.to_str().unwrap(), lists.to_str().unwrap());
        let said = meshlift(&root(), &["snapshot", "--snapshot", path, "--folder", "--out", lists]);
        assert_eq!(said.exit, 0, "{}", said.stderr);
        for verb in ["inspect", "check"] {
            let of =
                |mesh: &str| meshlift(&root(), &[verb, "--snapshot", mesh, "-o", "json", "--to", "1.30.3"]);
            let (packed, listed) = (of(path), of(lists));
            assert_eq!(packed.exit, listed.exit, "{verb} {path}");
            assert!(packed.stdout == listed.stdout, "{verb} {path} differs between file and folder");
        }
    }
}

#[test]
fn the_demo_looks_as_reviewed() {
    for (name, arguments) in [
        ("inspect-demo.txt", "inspect --demo"),
        ("inspect-pod.txt", "inspect pod/batch/debug-shell --demo"),
        ("inspect-namespace.txt", "inspect ns/search --demo"),
        ("inspect-gateway.txt", "inspect gateway/istio-ingress/istio-ingressgateway --demo"),
        ("check-demo.txt", "check --demo"),
    ] {
        let said = meshlift(&root(), &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(said.stderr, "", "{arguments}");
        golden(name, &said.stdout);
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn document(arguments: &str) -> Value {
    let said = meshlift(&root(), &arguments.split(' ').collect::<Vec<_>>());
    assert!(said.exit < 2, "{arguments}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn documents_have_the_shape_that_scripts_rely_on() {
    let inspect = document("inspect --demo -o json");
    assert_eq!(
        keys(&inspect),
        BTreeSet::from(["format_version", "mesh", "workloads", "gateways", "ambient"])
    );
    assert!(keys(&inspect["mesh"]).is_superset(&BTreeSet::from([
        "kubernetes_version",
        "istio_versions",
        "revisions",
        "sources"
    ])));
    assert!(
        keys(&inspect["mesh"]["revisions"][0])
            .is_superset(&BTreeSet::from(["name", "version", "tags", "pods"]))
    );
    assert_eq!(inspect["mesh"]["revisions"][0]["pods"], 174);
    assert!(keys(&inspect["workloads"][0]).is_superset(&BTreeSet::from([
        "kind",
        "namespace",
        "name",
        "follows",
        "revision_now",
        "revision_on_restart",
        "native_sidecar",
        "reason"
    ])));
    let check = document("check --demo -o json");
    assert_eq!(
        keys(&check),
        BTreeSet::from([
            "format_version",
            "mesh",
            "target",
            "findings",
            "accepted",
            "not_run",
            "flags",
            "summary"
        ])
    );
    assert_eq!(keys(&check["summary"]), BTreeSet::from(["block", "warn", "info", "unknown"]));
    assert!(keys(&check["findings"][0]).is_superset(&BTreeSet::from([
        "code", "severity", "verdict", "subject", "title", "detail", "hint", "evidence", "docs"
    ])));
    let severe = document("check --demo -o json --severity block");
    let severities: BTreeSet<&str> =
        severe["findings"].as_array().unwrap().iter().map(|f| f["severity"].as_str().unwrap()).collect();
    assert_eq!(severities, BTreeSet::from(["block"]));
}

#[test]
fn every_code_that_a_finding_carries_is_explained() {
    for path in recordings() {
        let check = document(&format!("check --snapshot {} -o json --to 1.30.3", path.display()));
        let findings = check["findings"].as_array().unwrap();
        let codes: BTreeSet<&str> =
            findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
        for code in codes {
            let said = meshlift(&root(), &["explain", code]);
            assert!(said.exit == 0 && said.stdout.starts_with(code), "{code}: {}", said.stderr);
        }
    }
}

#[test]
fn exit_codes_say_what_the_mesh_says() {
    for (exit, arguments) in [
        (1, "check --demo"),
        (0, "check --demo --fail-on never"),
        (1, "check --demo --fail-on info"),
        // No definitions of this target are known: that is not well.
        (1, "check --demo --to 1.31.0 --only ML0005"),
        (0, "check --demo --to 1.31.0 --only ML0005 --fail-on never"),
        (0, "check --demo --to 1.30.3 --only ML0005"),
        (0, "inspect --demo"),
        (0, "--help"),
        (0, "check --help"),
        (0, "--version"),
        (0, "completions bash"),
        (2, "check"),
    ] {
        let said = meshlift(&root(), &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(said.exit, exit, "{arguments}: {}", said.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_has_what_it_wanted() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_meshlift"))
        .args(["inspect", "--demo", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[cfg(unix)]
#[test]
fn as_a_kubectl_plugin_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-meshlift");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_meshlift"), &plugin).unwrap();
    let output = Command::new(plugin).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Usage: kubectl meshlift <COMMAND>"), "{text}");
}

#[test]
fn findings_come_in_every_form_and_alike() {
    let of = |form: &str| meshlift(&root(), &["check", "--demo", "--to", "1.30.3", "-o", form]);
    let json: Value = serde_json::from_str(&of("json").stdout).unwrap();
    let count = json["findings"].as_array().unwrap().len();
    let yaml: Value = serde_saphyr::from_str(&of("yaml").stdout).unwrap();
    assert_eq!(yaml, json);
    let sarif: Value = serde_json::from_str(&of("sarif").stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), count);
    let junit = of("junit");
    let blocks = json["summary"]["block"].as_u64().unwrap();
    assert!(junit.stdout.contains(&format!("failures=\"{blocks}\" errors=\"0\"")), "{}", junit.stdout);
    let summary = of("summary");
    assert!(
        summary.stdout.lines().count() < 50 && too_long(&summary.stdout).is_empty(),
        "{}",
        summary.stdout
    );
    for form in ["json", "yaml", "sarif", "junit", "summary", "markdown", "table"] {
        assert_eq!(of(form).exit, 1, "{form}");
    }
}

#[test]
fn fields_are_held_against_definitions_that_are_known_and_said_to_be_unknown_else() {
    let of = |to: &str| document(&format!("check --demo -o json --only ML0005 --to {to}"));
    assert_eq!(of("1.30.3")["findings"], serde_json::json!([]));
    let unknown = of("1.31.0")["findings"].clone();
    assert_eq!(unknown[0]["verdict"], "unknown", "{unknown}");
    assert_eq!(unknown.as_array().unwrap().len(), 1, "{unknown}");
}
