//! Patches of recorded meshes, and of ones that were changed a little.

use std::sync::Arc;

use meshlift_checks::assess;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::Namespace;
use meshlift_model::snapshot::Snapshot;
use meshlift_testkit::edit::object;

use super::*;

/// Patches of the recording before its upgrade, for findings with one of these codes; with none, for all.
fn of(codes: &[&str], change: impl FnOnce(&mut Snapshot)) -> Patches {
    let mut snapshot = meshlift_snapshot::fixtures::cluster("before").unwrap();
    change(&mut snapshot);
    let mesh = Mesh::derive(Arc::new(snapshot));
    let assessment = assess(&mesh, &Intent::default(), None);
    let asked = |finding: &&Finding| codes.is_empty() || codes.contains(&finding.code.as_str());
    let findings: Vec<&Finding> = assessment.findings.iter().filter(asked).collect();
    patches(&mesh, &assessment, &findings)
}

fn text<'a>(patches: &'a Patches, path: &str) -> Option<&'a str> {
    patches.files.iter().find(|patch| patch.path == path).map(|patch| patch.text.as_str())
}

#[test]
fn each_patch_and_the_index_say_how_it_is_applied() {
    let two_selectors = |snapshot: &mut Snapshot| {
        let labels = &mut object::<Namespace>(snapshot, "web").metadata.labels;
        for (key, value) in [("istio-injection", "enabled"), ("istio.io/rev", "prod")] {
            labels.insert(key.to_owned(), value.to_owned());
        }
    };
    let patches = of(&[], two_selectors);
    assert!(patches.files.len() > 20);
    for Patch { path, text } in &patches.files {
        let how = text.lines().filter(|line| line.starts_with('#') && line.contains("`kubectl patch "));
        assert_eq!(how.count(), 1, "{path}: {text}");
        assert!(text.contains(&format!(" --patch-file {path}`")), "{path}: {text}");
        assert!(text.contains("never `kubectl apply -f`") && is_patch(text), "{path}: {text}");
    }
    let command = |path: &str, command: &str| {
        let text = text(&patches, path).unwrap();
        assert!(text.contains(&format!("`kubectl patch {command} --patch-file {path}`")), "{text}");
    };
    command("checkout/deployment-tax.yaml", "deployments.apps tax -n checkout");
    command("cluster/namespace-web.yaml", "namespaces web");
    command("quota-tight/resourcequota-pods.yaml", "resourcequotas pods -n quota-tight");
    let head = patches.index.text.split("| code |").next().unwrap();
    assert!(head.contains("`kubectl patch ") && head.contains("ever `kubectl apply -f`"), "{head}");
}
