//! What is done with findings: accepted, left out, made into patches.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::meshlift;
use crate::golden::root;

fn document(arguments: &str) -> Value {
    let said = meshlift(&root(), &arguments.split(' ').collect::<Vec<_>>());
    assert!(said.exit < 2, "{arguments}: {}", said.stderr);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn what_is_accepted_is_neither_shown_nor_a_reason_to_fail() {
    let folder = tempfile::tempdir().unwrap();
    let of = |arguments: &[&str]| {
        let always = ["check", "--demo", "--to", "1.30.3", "--severity", "block", "--only", "ML1002,ML1003"];
        meshlift(folder.path(), &[&always, arguments].concat())
    };
    let entry = |code: &str, subject: &str, until: &str| {
        format!("- {{code: {code}, subject: {subject}, owner: a, until: {until}, reason: b}}\n")
    };
    assert_eq!(of(&[]).exit, 1);
    let tax = entry("ML1002", "Deployment/checkout/tax", "2099-12-31");
    let reports = |until: &str| entry("ML1003", "Deployment/payments/reports", until);
    let gone = entry("ML1002", "Deployment/checkout/nothing", "2099-12-31");
    let file = folder.path().join("accepted.yaml");
    let with = |entries: &[&str]| {
        fs::write(&file, format!("format_version: 1\naccepted:\n{}", entries.concat())).unwrap();
        of(&["--baseline", "accepted.yaml"])
    };
    let all = with(&[&tax, &reports("2099-12-31"), &gone]);
    assert_eq!(all.exit, 0, "{}{}", all.stdout, all.stderr);
    assert!(!all.stdout.contains("ML100") && all.stderr.contains("2 accepted findings are not shown"));
    assert!(
        all.stderr.contains("ML1002 Deployment/checkout/nothing is not found any more"),
        "{}",
        all.stderr
    );
    let ended = with(&[&tax, &reports("2020-01-01")]);
    assert_eq!(ended.exit, 1);
    assert!(ended.stdout.contains("ML1003") && ended.stderr.contains("it counts again"), "{}", ended.stderr);
}

#[test]
fn patches_for_git_are_fragments_that_say_what_they_are_for() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["check", "--demo", "--to", "1.30.3", "-o", "patch", "--out", "patches"];
    let said = meshlift(folder.path(), &arguments);
    assert_eq!(said.exit, 1, "{}", said.stderr);
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    let (indexes, paths): (Vec<&str>, Vec<&str>) =
        said.stdout.lines().partition(|path| path.ends_with("INDEX.md"));
    assert!(paths.len() > 20, "{paths:?}");
    for path in &paths {
        let patch: Value = serde_saphyr::from_str(&read(path)).unwrap();
        let fields = ["/apiVersion", "/kind", "/metadata/name"].map(|field| patch.pointer(field).is_some());
        assert_eq!(fields, [true; 3], "{path}");
        assert!(read(path).starts_with("# ML"), "{path}");
    }
    let indexer = read("patches/search/deployment-indexer.yaml");
    let how =
        "`kubectl patch deployments.apps indexer -n search --patch-file search/deployment-indexer.yaml`";
    assert!(indexer.contains(how) && indexer.contains("# only if two versions"), "{indexer}");
    let tax = read("patches/checkout/deployment-tax.yaml");
    assert!(tax.contains("maxUnavailable: 0") && tax.contains("# only if two versions"), "{tax}");
    for (path, field) in [
        ("patches/data/statefulset-pg.yaml", "partition: 0"),
        ("patches/data/statefulset-kafka.yaml", "type: \"RollingUpdate\""),
        ("patches/payments/poddisruptionbudget-ledger.yaml", "# ML1020 "),
        ("patches/quota-tight/resourcequota-pods.yaml", "pods: \"4\""),
    ] {
        assert!(read(path).contains(field), "{path}: {}", read(path));
    }
    assert_eq!(indexes, ["patches/INDEX.md"]);
    let index = read("patches/INDEX.md");
    let count = document("check --demo --to 1.30.3 -o json")["findings"].as_array().unwrap().len();
    assert_eq!(index.lines().filter(|line| line.starts_with("| ML")).count(), count, "{index}");
    assert!(
        index.contains("| ML1002 | Deployment/checkout/tax | `checkout/deployment-tax.yaml` |"),
        "{index}"
    );
    assert!(index.contains("| ML1003 | Deployment/payments/reports | no patch: only its owner "), "{index}");
    let again = meshlift(folder.path(), &arguments);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (said.stdout.as_str(), ""));
    let fewer = meshlift(folder.path(), &[&arguments[..], &["--only", "ML1002"]].concat());
    assert!(
        fewer.stderr.contains("patches/data/statefulset-pg.yaml is of an earlier run"),
        "{}",
        fewer.stderr
    );
    assert!(!fewer.stderr.contains("deployment-tax.yaml") && folder.path().join(paths[0]).exists());
}

#[test]
fn patches_for_a_snapshot_of_others_stay_in_their_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b");
    fs::create_dir_all(&folder).unwrap();
    let mut snapshot = meshlift_snapshot::fixtures::cluster("before").unwrap();
    for (namespace, evil) in [("checkout", "../../evil"), ("payments", "..")] {
        snapshot.objects.for_each_meta(|meta| {
            if meta.namespace == namespace {
                meta.namespace = evil.into();
            }
        });
        let mut namespaces = snapshot.objects.namespaces.iter_mut();
        namespaces.find(|one| one.metadata.name == namespace).unwrap().metadata.name = evil.into();
    }
    meshlift_snapshot::write_file(&snapshot, &folder.join("mesh.meshlift")).unwrap();
    let arguments = ["check", "--snapshot", "mesh.meshlift", "-o", "patch", "--out", "patches"];
    let said = meshlift(&folder, &arguments);
    assert_eq!(said.exit, 1, "{}", said.stderr);
    assert!(said.stdout.contains("patches/web/") && !said.stdout.contains(".."), "{}", said.stdout);
    let below = |path: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).collect()
    };
    assert_eq!(below(outer.path()), ["a".to_owned()].into());
    assert_eq!(below(&outer.path().join("a")), ["b".to_owned()].into());
    assert_eq!(below(&folder), ["mesh.meshlift".to_owned(), "patches".to_owned()].into());
    let index = fs::read_to_string(folder.join("patches/INDEX.md")).unwrap();
    let refused = "| ML1002 | Deployment/../../evil/tax | no patch: its namespace or its name is none that ";
    assert!(index.contains(refused), "{index}");
}

#[test]
fn an_entry_of_another_check_is_not_gone_and_owners_are_told_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let entries = "- {code: ML1002, subject: Deployment/checkout/tax, owner: rates, until: 2099-12-31, reason: b}\n\
                   - {code: ML4101, subject: Service/a/b, owner: mesh, until: 2099-12-31, reason: b}\n";
    fs::write(folder.path().join("accepted.yaml"), format!("format_version: 1\naccepted:\n{entries}"))
        .unwrap();
    let of = |arguments: &str| {
        let always = ["check", "--snapshot", "mesh.meshlift", "--baseline", "accepted.yaml"];
        meshlift(folder.path(), &[&always, arguments.split(' ').collect::<Vec<_>>().as_slice()].concat())
    };
    fs::copy(root().join("fixtures/clusters/before.meshlift"), folder.path().join("mesh.meshlift")).unwrap();
    let said = of("--only ML1001");
    assert_eq!(said.stderr, "", "neither is gone: one is not asked for, the other's check was not run");
    assert!(!said.stdout.contains("ACCEPTED"), "{}", said.stdout);
    let table = of("--only ML1002");
    assert_eq!(table.exit, 0, "{}", table.stderr);
    assert!(
        table.stdout.contains("ACCEPTED  1 finding not shown: 1 by rates until 2099-12-31\n"),
        "{}",
        table.stdout
    );
    let json: Value = serde_json::from_str(&of("-o json").stdout).unwrap();
    assert_eq!(
        (&json["accepted"][0]["code"], &json["accepted"][0]["owner"]),
        (&"ML1002".into(), &"rates".into())
    );
    assert_eq!(json["accepted"][0]["until"], "2099-12-31");
    let junit = of("-o junit --only ML1002").stdout;
    assert!(junit.contains("<skipped message=\"accepted by rates until 2099-12-31: b\"/>"), "{junit}");
    assert!(
        junit.contains("tests=\"1\"") && of("-o markdown").stdout.contains("1 by rates until"),
        "{junit}"
    );
}

#[test]
fn without_a_target_its_checks_did_not_pass() {
    let json = document("check --demo -o json");
    let not_run = json["not_run"].as_array().unwrap();
    let of = |code: &str| not_run.iter().find(|one| one["code"] == code).map(|one| one["why"].clone());
    // The demo names a target.
    assert_eq!((json["target"].as_str(), of("ML0005")), (Some("1.30.3"), None));
    let snapshot = "check --snapshot fixtures/clusters/before.meshlift";
    let said = meshlift(&root(), &format!("{snapshot} -o junit").split(' ').collect::<Vec<_>>());
    for code in ["ML0005", "ML4101", "ML5008", "ML5025"] {
        let case = said.stdout.split("<testcase ").find(|case| case.contains(code)).unwrap();
        assert!(case.contains("<skipped message=\"not run: it is about the target"), "{code}: {case}");
    }
    let rollout =
        meshlift(&root(), &format!("{snapshot} -o junit --skip rollout").split(' ').collect::<Vec<_>>());
    assert!(!rollout.stdout.contains("ML1001") && rollout.stdout.contains("ML2001"), "{}", rollout.stdout);
    let table = meshlift(&root(), &snapshot.split(' ').collect::<Vec<_>>());
    assert!(table.stdout.contains("\nNOT RUN  without --to, "), "{}", table.stdout);
}

#[test]
fn what_is_exposed_is_listed_by_its_code_and_restarts_are_counted_whatever_is_shown() {
    let of = |arguments: &str| meshlift(&root(), &arguments.split(' ').collect::<Vec<_>>()).stdout;
    let restarts = |text: &str| text.split("RESTARTS").nth(1).map(ToOwned::to_owned);
    let (all, one) = (of("check --demo"), of("check --demo --only ML1001"));
    assert_eq!(restarts(&all), restarts(&one));
    let count = |text: &str| text.lines().filter(|line| line.contains(" ML1040 Deployment/")).count();
    let listed = of("check --demo --only ML1040 --severity warn");
    assert!(count(&all) == 0 && count(&listed) >= 5 && !listed.contains("EXPOSED  6"), "{listed}");
    let said = all.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("`--only ML1040,"), "{all}");
}
