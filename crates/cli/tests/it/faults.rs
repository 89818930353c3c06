//! `rehearse --faults`: what was played is said, on the screen and to programs.

use crate::common::meshlift;
use crate::golden::root;

const SEED: &str = "8";

fn rehearse(form: &str) -> crate::common::Said {
    let flags = ["rehearse", "--demo", "--no-report", "--faults", "light", "--seed", SEED, "-o", form];
    meshlift(&root(), &flags)
}

#[test]
fn faults_that_were_played_are_told_with_their_seed() {
    let screen = rehearse("table");
    let text = screen.stdout.split_once("\nFAULTS  ").map(|(_, text)| text).unwrap_or_default();
    let line = text.split("\nREQUESTS LOST").next().unwrap_or_default().replace("\n  ", " ");
    assert!(line.starts_with(&format!("seed {SEED}: ")), "{}", screen.stdout);
    let report: serde_json::Value = serde_json::from_str(&rehearse("json").stdout).unwrap();
    let faults = report["faults"].as_array().unwrap();
    assert!(!faults.is_empty());
    for fault in faults {
        assert_eq!(fault["seed"].to_string(), SEED);
        assert!(fault["persists"].is_boolean() && fault["at"].is_string(), "{fault}");
        let (kind, object) = (fault["kind"].as_str().unwrap(), fault["object"].as_str().unwrap());
        assert!(line.contains(&format!("{kind} {object}")), "{fault}");
    }
    let passes = faults.iter().all(|fault| fault["persists"] == false);
    assert!(!passes || screen.exit == 0, "{}", screen.stdout);
}

#[test]
fn heavier_faults_are_refused_by_name() {
    let said = meshlift(&root(), &["rehearse", "--demo", "--faults", "heavy"]);
    assert_eq!((said.exit, said.stdout.as_str()), (2, ""));
    assert!(said.stderr.contains("heavy") && said.stderr.contains("none, light"), "{}", said.stderr);
}
