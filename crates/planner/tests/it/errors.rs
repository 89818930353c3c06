//! Bad intents and targets: one clear error each, as golden text.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use meshlift_model::k8s::Resource;
use meshlift_planner::{PlanError, intent, plan};

use crate::common::{changed, manifest, mesh, plan_of};

/// Intents that are refused, each on the mesh `before`.
const REFUSED: &[(&str, &str)] = &[
    ("unknown key", "target: 1.30.3\nmvoe: tag\n"),
    ("unknown key within", "target: 1.30.3\norder:\n  canry: [web]\n"),
    ("unknown limit", "limits: {wave_pod_max: 3}\n"),
    ("not YAML", "order: [web\n"),
    ("no mapping", "- web\n"),
    ("no version", "target: 1.30\n"),
    ("no number", "limits: {wave_pods_max: many}\n"),
    ("no such choice", "choices:\n  - {subject: Deployment/checkout/tax, choose: acept-loss, reason: x}\n"),
    (
        "choice without its number",
        "choices:\n  - {subject: Deployment/quota-tight/ads, choose: raise-quota, reason: x}\n",
    ),
    ("no reference", "choices:\n  - {subject: tax, choose: accept-loss, reason: x}\n"),
    ("no reason", "choices:\n  - {subject: Deployment/checkout/tax, choose: accept-loss}\n"),
    ("empty reason", "choices:\n  - {subject: Deployment/checkout/tax, choose: accept-loss, reason: ' '}\n"),
    ("newer format", "format_version: 2\n"),
    ("twice the same key", "move: namespace\nmove: namespace\n"),
    ("move by tag", "move: tag\n"),
    ("move one namespace by tag", "moves: {web: tag}\n"),
    ("move in no known way", "move: sideways\n"),
    ("windows", "windows: [{days: Sat-Sun, from: '02:00', to: '06:00'}]\n"),
    ("no label", "slo_critical: {label: tier}\n"),
    (
        "no day",
        "choices:\n  - {subject: Deployment/checkout/tax, choose: accept-loss, reason: x, until: soon}\n",
    ),
    (
        "run out",
        "target: 1.30.3\nchoices:\n  - {subject: Deployment/checkout/tax, choose: accept-loss, reason: x, until: 2026-01-31}\n",
    ),
    ("limit of nothing", "limits: {wave_pods_max: 0}\n"),
    ("limit below nothing", "limits: {bake_seconds_wave: -1}\n"),
    ("unknown namespace", "target: 1.30.3\norder: {canary: [wbe]}\n"),
    ("unknown critical namespace", "target: 1.30.3\nslo_critical: {namespaces: [payment]}\n"),
    ("ordered twice", "target: 1.30.3\norder: {first: [web], last: [web]}\n"),
    (
        "not offered",
        "target: 1.30.3\nchoices:\n  - {subject: Deployment/checkout/tax, choose: raise-quota 1, reason: x}\n",
    ),
    (
        "more pods than there are",
        "target: 1.30.3\nchoices:\n  - {subject: StatefulSet/payments/ledger, choose: allow-unavailable 9, reason: x}\n",
    ),
    (
        "chosen twice",
        "target: 1.30.3\nchoices:\n  - {subject: Deployment/checkout/tax, choose: accept-loss, reason: x}\n  - {subject: Deployment/checkout/tax, choose: failover-elsewhere, reason: x}\n",
    ),
    ("tag that is followed", "target: 1.30.3\nremove_tags: [prod-stable]\n"),
    ("default tag", "target: 1.30.3\nremove_tags: [default]\n"),
    (
        "relabel to nothing",
        "target: 1.30.3\nremove_tags: [prod-canary]\nchoices:\n  - {subject: Namespace/web, choose: relabel-namespace prod-stabel, reason: x}\n",
    ),
    ("no target", "order: {first: [web]}\n"),
    ("older than what runs", "target: 1.28.0\n"),
    ("too far", "target: 1.32.0\n"),
    ("not the manifest's", "target: 1.30.4\n"),
];

fn words(error: &dyn Error, code: &str, hint: &str) -> String {
    let mut text = format!("error[{code}]: {error}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!("  cause: {cause}\n"));
        source = cause.source();
    }
    text + &format!("  hint: {hint}\n")
}

fn refused(text: &str) -> String {
    let intent = match intent::parse(text) {
        Ok(intent) => intent,
        Err(error) => return words(&error, error.code(), &error.hint()),
    };
    match plan(mesh("before"), &intent, Some(manifest(false)), "digest") {
        Ok(_) => "no error\n".to_owned(),
        Err(error) => words(&error, error.code(), &error.hint()),
    }
}

#[test]
fn each_refusal_says_what_where_why_and_what_to_do() {
    let all: Vec<String> =
        REFUSED.iter().map(|(name, text)| format!("# {name}\n{}", refused(text))).collect();
    let all = all.join("\n");
    assert!(!all.contains("no error"), "{all}");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/errors.txt");
    if std::env::var_os("MESHLIFT_WRITE_GOLDEN").is_some() {
        fs::write(&path, &all).unwrap();
    }
    assert!(all == fs::read_to_string(path).unwrap_or_default(), "{all}");
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let taken = changed("before", |snapshot| {
        let tags = &mut snapshot.objects.mutating_webhooks;
        let mut tag = tags.iter().find(|one| one.object_ref().name.ends_with("prod-stable")).unwrap().clone();
        tag.metadata.name = "istio-revision-tag-1-30-3".to_owned();
        tag.metadata.labels.insert("istio.io/tag".to_owned(), "1-30-3".to_owned());
        tags.push(tag);
    });
    let error = plan_of(&taken, &crate::common::none()).unwrap_err();
    assert!(matches!(error, PlanError::NameTaken { what: "a tag", .. }), "{error}");
}

#[test]
fn any_text_is_an_intent_or_an_error() {
    use proptest::prelude::*;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let text = "(format_version|target|order|choices|limits|move)?[:\\-\\[\\]{}& *!|>'\"a-z0-9\n #]{0,60}";
    runner
        .run(&text, |text| {
            if let Err(error) = intent::parse(&text) {
                prop_assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            }
            Ok(())
        })
        .unwrap();
}
