//! Bad input: one clear error each, exit code 2, nothing on stdout.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::common::{Said, meshlift};
use crate::golden::golden;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

/// Runs each command in `folder` and returns the transcript, for a golden file.
fn transcript(folder: &Path, commands: &[&str]) -> String {
    let mut text = String::new();
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').collect();
        let Said { exit, stdout, stderr } = meshlift(folder, &arguments);
        assert_eq!(stdout, "", "meshlift {command}: an error has no result");
        assert_eq!(exit, 2, "meshlift {command}: {stderr}");
        assert_eq!(stderr.matches("error[").count(), 1, "meshlift {command}: {stderr}");
        assert_eq!(stderr.matches("hint: ").count(), 1, "meshlift {command}: {stderr}");
        text.push_str(&format!("$ meshlift {command}\n{}\n", without_digests(&stderr)));
    }
    text
}

/// The text with `DIGEST…` for each shortened digest: they change with anything that a plan says.
fn without_digests(text: &str) -> String {
    let mut parts: Vec<String> = text.split('…').map(ToOwned::to_owned).collect();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        let kept = part.trim_end_matches(|c: char| c.is_ascii_hexdigit()).len();
        if part.len() - kept == 8 {
            part.replace_range(kept.., "DIGEST");
        }
    }
    parts.join("…")
}

/// A file whose checksum fits and that unpacks to far more than it holds.
fn bomb() -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    let chunk = b"{".repeat(1 << 20);
    for _ in 0..200 {
        packer.write_all(&chunk).unwrap();
    }
    let packed = packer.finish().unwrap();
    let mut bytes = b"meshlift snapshot 1\n".to_vec();
    bytes.extend(4u16.to_le_bytes());
    bytes.extend(b"pods");
    bytes.extend((packed.len() as u64).to_le_bytes());
    bytes.extend(packed);
    bytes.extend(0u16.to_le_bytes());
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    bytes
}

#[test]
fn snapshots_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::create_dir(place.join("empty")).unwrap();
    fs::create_dir_all(place.join("photos/2026")).unwrap();
    fs::write(place.join("photos/2026/cat.jpg"), b"\xff\xd8\xff").unwrap();
    fs::create_dir_all(place.join("truncated/api")).unwrap();
    fs::write(place.join("truncated/api/pods.json"), "{\"kind\": \"List\", \"items\": [{\"meta").unwrap();
    fs::write(place.join("newer.meshlift"), "meshlift snapshot 7\nwhatever").unwrap();
    fs::write(place.join("bomb.meshlift"), bomb()).unwrap();
    assert_eq!(meshlift(place, &["snapshot", "--demo", "--out", "good.meshlift"]).exit, 0);
    let good = fs::read(place.join("good.meshlift")).unwrap();
    fs::write(place.join("cut.meshlift"), &good[..good.len() / 2]).unwrap();
    let commands = [
        "inspect",
        "inspect --snapshot missing",
        "inspect --snapshot empty",
        "inspect --snapshot photos",
        "inspect --snapshot photos/2026/cat.jpg",
        "inspect --snapshot truncated",
        "inspect --snapshot newer.meshlift",
        "inspect --snapshot bomb.meshlift",
        "inspect --snapshot cut.meshlift",
        "snapshot --demo --out missing/mesh.meshlift",
    ];
    golden("bad-snapshots.txt", &transcript(place, &commands));
}

#[test]
fn clusters_that_cannot_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let config = "{apiVersion: v1, kind: Config, current-context: lab, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}],
        users: [{name: u, user: {}}, {name: keyless, user: {client-certificate: gone.crt, client-key: gone.key}}],
        contexts: [{name: lab, context: {cluster: c, user: u}}, {name: keyless, context: {cluster: c, user: keyless}}]}";
    fs::write(place.join("config"), config).unwrap();
    fs::write(place.join("text"), "not: [a kubeconfig").unwrap();
    fs::write(place.join("bare"), "{apiVersion: v1, kind: Config}").unwrap();
    let commands = [
        "check",
        "inspect --context prod",
        "inspect --kubeconfig missing",
        "inspect --kubeconfig text",
        "inspect --kubeconfig bare",
        "inspect --kubeconfig config --context prod",
        "inspect --kubeconfig config --context keyless",
        "inspect --kubeconfig config",
        "snapshot --kubeconfig config --out mesh.meshlift",
        "plan --kubeconfig config --to 1.30.3",
        "rehearse --kubeconfig config --to 1.30.3",
    ];
    golden("bad-clusters.txt", &transcript(place, &commands));
    assert!(!place.join("mesh.meshlift").exists());
}

#[test]
fn catalogues_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::write(place.join("text"), "releases: all").unwrap();
    fs::write(place.join("newer"), "{format_version: 7, date: 2026-11-27, minors: [], regressions: []}")
        .unwrap();
    fs::write(place.join("undated"), "{format_version: 1, date: today, minors: [], regressions: []}")
        .unwrap();
    let minor = "{minor: \"1.30\", kubernetes: [\"1.32\", \"1.36\"], newest_patch: 4}";
    let twice =
        format!("{{format_version: 1, date: 2026-11-27, minors: [{minor}, {minor}], regressions: []}}");
    fs::write(place.join("twice"), twice).unwrap();
    let of = |date: &str, kubernetes: &str| {
        let minor = format!("{{minor: \"1.30\", kubernetes: {kubernetes}, newest_patch: 4}}");
        format!("{{format_version: 1, date: {date}, minors: [{minor}], regressions: []}}")
    };
    fs::write(place.join("reversed"), of("2026-11-27", "[\"1.36\", \"1.32\"]")).unwrap();
    // The day on which it is refused changes: only that it is.
    fs::write(place.join("future"), of("9999-12-31", "[\"1.32\", \"1.36\"]")).unwrap();
    let future = transcript(place, &["versions --demo --to 1.30.3 --catalogue future"]);
    assert!(
        future.contains(
            "error[ML9516]: future: the catalogue of releases is of 9999-12-31, a day in the future"
        ),
        "{future}"
    );
    let commands = [
        "versions --demo --to 1.30.3 --catalogue missing",
        "versions --demo --to 1.30.3 --catalogue text",
        "versions --demo --to 1.30.3 --catalogue newer",
        "versions --demo --to 1.30.3 --catalogue undated",
        "versions --demo --to 1.30.3 --catalogue twice",
        "versions --demo --to 1.30.3 --catalogue reversed",
    ];
    golden("bad-catalogues.txt", &transcript(place, &commands));
}

#[test]
fn baselines_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let entry =
        "{code: ML1002, subject: Deployment/checkout/tax, owner: rates, until: 2099-01-01, reason: agreed}";
    let file = |name: &str, entries: &str| {
        fs::write(place.join(name), format!("format_version: 1\naccepted: [{entries}]\n")).unwrap();
    };
    fs::write(place.join("text"), "all: fine").unwrap();
    file("twice", &format!("{entry}, {entry}"));
    file("nobody", &entry.replace("rates", "''"));
    file("unheard", &entry.replace("ML1002", "ML1400"));
    file("forever", &entry.replace("2099-01-01", "never"));
    let commands = [
        "check --demo --baseline missing",
        "check --demo --baseline text",
        "check --demo --baseline twice",
        "check --demo --baseline nobody",
        "check --demo --baseline forever",
        "check --demo --baseline unheard",
        "check --demo --only ML1002,routes",
        "check --demo -o patch",
        "check --demo -o patch --out text",
    ];
    golden("bad-baselines.txt", &transcript(place, &commands));
}

#[test]
fn arguments_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "inspekt --demo",
        "inspect --demo --snapshot x",
        "inspect web --demo",
        "inspect secret/web/x --demo",
        "inspect deployment/web/nothing --demo",
        "check --demo --to 1.30",
        "check --demo --severity awful",
        "explain ML0000",
    ];
    golden("bad-arguments.txt", &transcript(folder.path(), &commands));
}

#[test]
fn intents_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let write = |name: &str, text: &str| fs::write(place.join(name), text).unwrap();
    write("typo.yaml", "format_version: 1\ntarget: 1.30.3\nremove_tag: [prod-canary]\n");
    write("word.yaml", "format_version: 1\nchoices:\n- {subject: Pod/a/b, choose: accept-los, reason: r}\n");
    write("newer.yaml", "format_version: 9\n");
    write("shape.yaml", "- a\n- b\n");
    let commands = [
        "check --demo --intent missing.yaml",
        "check --demo --intent typo.yaml",
        "check --demo --intent word.yaml",
        "check --demo --intent newer.yaml",
        "check --demo --intent shape.yaml",
    ];
    golden("bad-intents.txt", &transcript(place, &commands));
}

#[test]
fn plans_and_targets_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let made = meshlift(place, &["plan", "--demo", "--out", "plan.yaml", "-o", "yaml"]);
    assert_eq!(made.exit, 0, "{}", made.stderr);
    let plan = fs::read_to_string(place.join("plan.yaml")).unwrap();
    assert_eq!(plan, made.stdout, "--out and -o yaml give the same file");
    let changed = plan.replacen("bake_seconds: ", "bake_seconds: 1", 1);
    assert_ne!(plan, changed);
    fs::write(place.join("changed.yaml"), changed).unwrap();
    fs::write(place.join("newer.yaml"), plan.replacen("format_version: 1", "format_version: 2", 1)).unwrap();
    fs::write(place.join("cut.yaml"), &plan[..plan.len() / 2]).unwrap();
    let other = crate::golden::root().join("fixtures/clusters/moved.meshlift");
    fs::copy(other, place.join("other.meshlift")).unwrap();
    fs::write(place.join("no-manifest.yaml"), "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n")
        .unwrap();
    fs::write(
        place.join("offers.yaml"),
        "format_version: 1\ntarget: 1.30.3\nchoices:\n\
         - {subject: Deployment/checkout/tax, choose: scale-up-first, reason: two may run together}\n",
    )
    .unwrap();
    let commands = [
        "plan show missing.yaml",
        "plan show cut.yaml",
        "plan show newer.yaml",
        "plan show changed.yaml",
        "rehearse --demo --plan changed.yaml",
        "rehearse --snapshot other.meshlift --to 1.30.3 --plan plan.yaml",
        "plan --demo --intent offers.yaml",
        "plan --snapshot other.meshlift",
        "plan --demo --to banana",
        "plan --demo --to 1.28.0",
        "plan --demo --to 1.39.0",
        "plan --demo --manifest no-manifest.yaml",
        "rehearse --demo --to 1.30.9",
        "check --demo --manifest no-manifest.yaml",
        "check --demo -o html --out page.html",
        "check --demo -o json --group-by layer",
        "check --snapshot other.meshlift --manifest no-manifest.yaml",
    ];
    golden("bad-plans.txt", &transcript(place, &commands));
}

#[test]
fn a_link_that_is_written_to_stays_one_and_nothing_half_written_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::create_dir(place.join("kept")).unwrap();
    fs::write(place.join("kept/plan.yaml"), "old").unwrap();
    std::os::unix::fs::symlink("kept/plan.yaml", place.join("plan.yaml")).unwrap();
    let said = meshlift(place, &["plan", "--demo", "--out", "plan.yaml"]);
    assert_eq!(said.exit, 0, "{}", said.stderr);
    assert!(place.join("plan.yaml").is_symlink());
    assert!(fs::read_to_string(place.join("kept/plan.yaml")).unwrap().starts_with("format_version"));
    assert_eq!(fs::read_dir(place.join("kept")).unwrap().count(), 1);
    let said = meshlift(place, &["snapshot", "--demo", "--out", "plan.yaml"]);
    assert!(said.exit == 0 && place.join("plan.yaml").is_symlink(), "{}", said.stderr);
    let said = meshlift(place, &["plan", "--demo", "--out", "kept"]);
    assert!(said.exit == 2 && said.stderr.contains("cannot write kept"), "{} {}", said.exit, said.stderr);
    let said = meshlift(place, &["plan", "--demo", "--out", "/dev/stdout"]);
    assert!(said.exit == 0 && said.stdout.contains("format_version"), "{}", said.stderr);
}
