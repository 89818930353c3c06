//! Rendered control planes: those that are built in, and texts that are none.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::manifest::ManifestProfile;
use meshlift_model::names::IstioVersion;
use meshlift_model::outline::ENUMERATED;
use meshlift_snapshot::{parse_manifest, shipped_manifest};
use serde_json::Value;

fn version(text: &str) -> IstioVersion {
    text.parse().unwrap()
}

#[test]
fn the_built_in_manifests_say_what_they_are() {
    for (text, revision) in [("1.29.6", "1-29-6"), ("1.30.3", "1-30-3")] {
        for ambient in [false, true] {
            let manifest = shipped_manifest(&version(text), ambient).unwrap();
            assert_eq!(manifest.version, version(text));
            assert_eq!(manifest.revision.as_str(), revision);
            assert_eq!(manifest.profile == ManifestProfile::Ambient, ambient);
            assert_eq!(manifest.objects.daemon_sets.len(), if ambient { 2 } else { 0 });
            assert_eq!(manifest.objects.deployments.len(), 1);
            assert_eq!(manifest.objects.mutating_webhooks.len(), 1);
            assert!(manifest.objects.crds.len() >= 14);
            assert_eq!(manifest.digest.len(), 64);
            let values = manifest.objects.config_maps.iter().filter_map(|map| map.data.get("merged-values"));
            assert_eq!(values.count(), 1);
        }
    }
    assert!(shipped_manifest(&version("1.28.0"), false).is_none());
}

const ISTIOD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istiod-canary
  namespace: mesh
  labels: {app: istiod, istio.io/rev: canary}
spec:
  template:
    spec:
      containers:
      - name: discovery
        image: registry.example.com:5000/pilot:1.30.3-distroless@sha256:0123
        env:
        - {name: REVISION, value: canary}
        - {name: OTHER, value: secret}
";

#[test]
fn version_and_revision_come_from_istiod() {
    let text = format!(
        "# rendered\n---\n{ISTIOD}---\n\n---\napiVersion: x/v1\nkind: Thing\nmetadata: {{name: a}}\n"
    );
    let manifest = parse_manifest(&text, "m.yaml").unwrap();
    assert_eq!((manifest.version.to_string().as_str(), manifest.revision.as_str()), ("1.30.3", "canary"));
    assert_eq!(manifest.not_read.get("Thing"), Some(&1));
    let container = &manifest.objects.deployments[0].spec.template.spec.containers[0];
    assert_eq!(container.env_value("REVISION"), Some("canary"));
    assert_eq!(container.env_value("OTHER"), Some(""));
}

#[test]
fn a_text_that_is_no_manifest_is_one_clear_error() {
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: {app: istiod, istio.io/rev: b}}\n";
    let latest = ISTIOD.replace("1.30.3-distroless@sha256:0123", "latest");
    let second = ISTIOD.replace("istiod-canary", "istiod-other");
    let cases = [
        ("", "ML9014", "m.yaml is no manifest of a control plane"),
        ("hello", "ML9013", "m.yaml, document 1 cannot be read: is no Kubernetes object"),
        ("a: [", "ML9013", "m.yaml, document 1 cannot be read: "),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
            "ML9014",
            "no Deployment in it is an istiod",
        ),
        (
            &format!("{ISTIOD}---\n{service}"),
            "ML9015",
            "more than one control plane: revision b, revision canary",
        ),
        (
            &format!("{ISTIOD}---\n{second}"),
            "ML9015",
            "Deployment mesh/istiod-canary, Deployment mesh/istiod-other",
        ),
        (
            &latest,
            "ML9016",
            "does not say its version: istiod's image is `registry.example.com:5000/pilot:latest`",
        ),
        (
            &ISTIOD.replace("spec:\n  template", "spec: 3\nx:\n  template"),
            "ML9013",
            "Deployment istiod-canary: ",
        ),
    ];
    for (text, code, words) in cases {
        let error = parse_manifest(text, "m.yaml").unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains('\n') && !error.hint().is_empty(), "{error}");
    }
}

/// Adds the words that a schema enumerates.
fn enumerated(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let known = fields.get("enum").and_then(Value::as_array).into_iter().flatten();
            words.extend(known.filter_map(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| enumerated(value, words));
        }
        Value::Array(items) => items.iter().for_each(|value| enumerated(value, words)),
        _ => {}
    }
}

#[test]
fn an_outline_keeps_exactly_the_words_that_the_built_in_definitions_enumerate() {
    let mut words = BTreeSet::new();
    for text in ["1.29.6", "1.30.3"] {
        let manifest = shipped_manifest(&version(text), true).unwrap();
        let schemas = manifest.schemas.values().flat_map(BTreeMap::values);
        schemas.for_each(|schema| enumerated(schema, &mut words));
    }
    assert_eq!(Vec::from_iter(&words), Vec::from_iter(ENUMERATED.iter().copied()));
}
