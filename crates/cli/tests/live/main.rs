//! A recorded mesh on a real control plane: read live, it is what a folder of its lists is; reading takes no more than
//! the reading role, and writes nothing.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests among real clocks; one that cannot go on fails"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/users.rs"]
mod users;

mod audit;
mod mesh;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Said, meshlift};
use meshlift_cluster::Cluster;
use meshlift_kube::collect::{Options, collect};
use meshlift_kube::{Access, Connection};
use serde_json::Value;

/// Objects of a page that make every list of some length come in several.
const SMALL_PAGE: usize = 7;

/// A cluster with a mesh on it, and a place for files.
struct Lab {
    cluster: Cluster,
    runtime: tokio::runtime::Runtime,
    files: tempfile::TempDir,
}

impl Lab {
    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Runs meshlift as the user of a kubeconfig.
    fn run(&self, kubeconfig: &Path, arguments: &[&str]) -> Said {
        let mut all = arguments.to_vec();
        all.extend(["--kubeconfig", kubeconfig.to_str().unwrap()]);
        meshlift(self.files.path(), &all)
    }
}

/// Somebody with the reading role, without the resources that are not kept.
fn reader(lab: &Lab, name: &str, keep: impl Fn(&str) -> bool) -> PathBuf {
    lab.runtime.block_on(users::account(&lab.cluster, name, &[users::READ], keep))
}

/// JSON that a command printed.
fn json(said: &Said) -> Value {
    assert!(said.exit < 2, "{}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

const VERBS: [&[&str]; 3] = [
    &["inspect", "-o", "json"],
    &["check", "-o", "json", "--to", "1.30.3"],
    &["plan", "-o", "json", "--to", "1.30.3"],
];

#[test]
fn a_live_mesh_is_read_with_the_reading_role_alone_and_is_what_its_lists_say() {
    let lab = mesh::up();
    let admin = lab.cluster.kubeconfig();
    let reader = reader(&lab, "reader", |_| true);

    a_live_mesh_is_what_its_lists_say(&lab, &admin);
    a_recorded_file_says_the_same(&lab, &admin);
    the_reading_role_is_enough(&lab, &admin, &reader);
    pages_change_nothing(&admin);
    a_role_short_of_one_rule_names_it(&lab);
    credentials_and_certificates_are_told_apart(&lab, &reader);
    audit::wrote_nothing(&lab, "reader");
    let version = json(&lab.run(&admin, VERBS[0]))["mesh"]["kubernetes_version"].as_str().unwrap().to_owned();
    if !version.starts_with("v1.32.") {
        audit::read_long_lists_at_once(&lab, "reader");
    }
}

fn a_live_mesh_is_what_its_lists_say(lab: &Lab, admin: &Path) {
    let live = json(&lab.run(admin, VERBS[0]));
    let folder = mesh::lists(lab, &live);
    for verb in VERBS {
        let live = json(&lab.run(admin, verb));
        let arguments = [verb, &["--snapshot", folder.to_str().unwrap()]].concat();
        let recorded = json(&meshlift(lab.files.path(), &arguments));
        same(verb[0], &live, &recorded);
    }
}

/// Compares, and shows only where they part.
fn same(what: &str, one: &Value, other: &Value) {
    let equal = one == other;
    let lines = |value: &Value| -> Vec<String> {
        serde_json::to_string_pretty(value).unwrap().lines().map(str::to_owned).collect()
    };
    let (one, other) = (lines(one), lines(other));
    let at =
        one.iter().zip(&other).position(|(one, other)| one != other).unwrap_or(one.len().min(other.len()));
    let around = |lines: &[String]| lines[at.saturating_sub(6)..(at + 3).min(lines.len())].join("\n");
    assert!(equal, "{what} differs from line {at}:\n{}\n--- but\n{}", around(&one), around(&other));
}

fn a_recorded_file_says_the_same(lab: &Lab, admin: &Path) {
    let file = lab.path("mesh.snapshot");
    let said = lab.run(admin, &["snapshot", "--out", file.to_str().unwrap()]);
    assert_eq!(said.exit, 0, "{}", said.stderr);
    let recorded =
        meshlift(lab.files.path(), &["inspect", "-o", "json", "--snapshot", file.to_str().unwrap()]);
    same("snapshot", &json(&lab.run(admin, VERBS[0])), &json(&recorded));
}

fn the_reading_role_is_enough(lab: &Lab, admin: &Path, reader: &Path) {
    for verb in VERBS {
        same(verb[0], &json(&lab.run(admin, verb)), &json(&lab.run(reader, verb)));
    }
    let rehearsed = lab.run(reader, &["rehearse", "-o", "json", "--no-report", "--to", "1.30.3"]);
    // No istiod answers here, and unknown blocks: nothing moves, and that is said.
    assert_eq!(json(&rehearsed)["result"], "waiting");
}

fn pages_change_nothing(admin: &Path) {
    let access = Access { kubeconfig: Some(admin.to_owned()), context: None };
    let connection = Connection::open(&access).unwrap();
    let mut sources = 0;
    let whole = collect(&connection, &Options::default(), &mut |_| ()).unwrap();
    let small = collect(&connection, &Options { page: SMALL_PAGE, at_once: false }, &mut |progress| {
        sources += usize::from(progress.ended);
    })
    .unwrap();
    assert!(whole.objects.pods.len() > 10 * SMALL_PAGE);
    assert!(whole.objects == small.objects && whole.sources == small.sources);
    assert!(sources > 30, "{sources}");
}

fn a_role_short_of_one_rule_names_it(lab: &Lab) {
    let short = reader(lab, "short", |resource| resource != "poddisruptionbudgets");
    let inspected = json(&lab.run(&short, VERBS[0]));
    let source = inspected["mesh"]["sources"].as_array().unwrap().iter();
    let source = source.into_iter().find(|source| source["name"] == "poddisruptionbudgets.policy").unwrap();
    assert_eq!(source["status"], "refused");
    let reason = source["reason"].as_str().unwrap();
    assert!(
        reason.contains(
            r#"User "system:serviceaccount:default:short" cannot list resource "poddisruptionbudgets""#
        ) && reason
            .contains(r#"{apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: ["list"]}"#),
        "{reason}"
    );
    let checked = json(&lab.run(&short, VERBS[1]));
    let findings = checked["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["verdict"] == "unknown"
        && finding.to_string().contains("poddisruptionbudgets.policy")));
}

fn credentials_and_certificates_are_told_apart(lab: &Lab, reader: &Path) {
    let text = fs::read_to_string(reader).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    let ended = lab.path("ended");
    config["users"][0]["user"]["token"] = "e30.e30.e30".into();
    fs::write(&ended, config.to_string()).unwrap();
    refused(&lab.run(&ended, VERBS[0]), "ML9704", "does not accept the credentials");
    // Some other cluster's authority.
    let foreign = rcgen::generate_simple_self_signed(["elsewhere".to_owned()]).unwrap();
    let other = lab.path("foreign.crt");
    fs::write(&other, foreign.cert.pem()).unwrap();
    let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
    cluster.remove("certificate-authority-data");
    cluster.insert("certificate-authority".to_owned(), other.to_str().unwrap().into());
    let distrusted = lab.path("distrusted");
    fs::write(&distrusted, config.to_string()).unwrap();
    refused(&lab.run(&distrusted, VERBS[0]), "ML9703", "is not trusted");
}

fn refused(said: &Said, code: &str, words: &str) {
    assert_eq!(said.exit, 2, "{}", said.stderr);
    assert!(
        said.stderr.contains(&format!("error[{code}]")) && said.stderr.contains(words),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("hint:") && said.stdout.is_empty(), "{}", said.stderr);
}
