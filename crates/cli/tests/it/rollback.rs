//! `--rollback-after`: what it says, and how it ends.

use std::fs;

use serde_json::Value;

use crate::common::{Said, meshlift};
use crate::golden::root;

fn rehearse(flags: &[&str]) -> Said {
    let arguments: Vec<&str> = ["rehearse", "--no-report"].iter().chain(flags).copied().collect();
    meshlift(&root(), &arguments)
}

#[test]
fn a_rollback_says_what_was_put_back_and_what_stays() {
    let said = rehearse(&["--demo", "--rollback-after", "wave-2", "-o", "json"]);
    assert_eq!(said.exit, 1, "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&report["result"], &report["violations"]), (&"rolled-back".into(), &Value::Array(vec![])));
    let state = |id: &str| {
        let steps = report["steps"].as_array().unwrap();
        steps.iter().find(|step| step["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
    };
    let states = ["crds", "control-plane", "wave-1", "wave-2", "wave-3"].map(state);
    assert_eq!(states, ["done", "undone", "undone", "undone", "waiting"]);
    assert_eq!(report["figures"]["pods_moved"], 0);
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.contains("everything was taken back but crds, which is forward-only"), "{reason}");
    assert!(reason.ends_with("compared with the same mesh without us, nothing else differs"), "{reason}");
    let tried = report["tried"].to_string();
    assert!(tried.contains("everything taken back once step wave-2 was done"), "{tried}");
    for progress in ["wave-2 is undone: ", "wave-1 is undone: ", "the run ends rolled-back: "] {
        assert!(said.stderr.contains(progress), "{progress} is missing: {}", said.stderr);
    }
}

#[test]
fn a_step_that_the_plan_does_not_have_is_one_clear_error() {
    let said = rehearse(&["--demo", "--rollback-after", "wave2"]);
    assert_eq!((said.exit, said.stdout.as_str()), (2, ""), "{}", said.stderr);
    let error = said.stderr.split("error[").nth(1).unwrap();
    assert!(error.starts_with("ML9512]: the plan has no step `wave2`\n"), "{error}");
    assert!(error.contains("hint: nearest is `wave-2`; its steps are preflight, crds, "), "{error}");
    let explained = meshlift(&root(), &["explain", "ML9512"]);
    assert!(explained.stdout.contains("--rollback-after"), "{}", explained.stdout);
}

#[test]
fn a_plan_without_steps_says_what_it_waits_for() {
    let broken = ["--snapshot", "fixtures/clusters/after-broken.meshlift", "--to", "1.30.3"];
    let said = rehearse(&[&broken[..], &["--rollback-after", "wave-1"]].concat());
    assert!(said.stderr.contains("hint: it has no steps at all, for it waits: "), "{}", said.stderr);
    let said = meshlift(&root(), &[&["plan"], &broken[..]].concat());
    assert!(said.stdout.contains("STEPS  none: all that is left to do waits for you\n"), "{}", said.stdout);
}

#[test]
fn a_step_that_is_never_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let intent = folder.path().join("intent.yaml");
    fs::write(&intent, "format_version: 1\ntarget: 1.30.3\n").unwrap();
    let step = "gateway-istio-ingress-istio-ingressgateway";
    let intent = intent.to_str().unwrap();
    let said = rehearse(&["--demo", "--intent", intent, "--rollback-after", step, "-o", "json"]);
    assert_eq!(said.exit, 1, "{}", said.stderr);
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["result"], "waiting");
    let reason = report["reason"].as_str().unwrap();
    assert!(reason.ends_with(&format!("step {step} was never done, so nothing was rolled back")), "{reason}");
    assert!(!report["tried"].to_string().contains("taken back"), "{}", report["tried"]);
}
