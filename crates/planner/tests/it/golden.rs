//! Plans of all recordings, with and without the demo's intent: `MESHLIFT_WRITE_GOLDEN=1` writes them anew.

use std::fs;
use std::path::PathBuf;

use meshlift_model::intent::Intent;
use meshlift_planner::{audit, is_fatal, read, write};
use meshlift_snapshot::fixtures::CLUSTERS;

use crate::common::{demo, is_ambient, mesh, none, planned};
use crate::summary::summary;

fn holds(name: &str, file: &str, intent: &Intent) {
    let (plan, report) = planned(name, intent);
    let text = summary(&plan, &report);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{file}.txt"));
    if std::env::var_os("MESHLIFT_WRITE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(golden.lines()).find(|(now, then)| now != then);
    assert!(text == golden, "{file}: {differs:?}; look, then write with MESHLIFT_WRITE_GOLDEN=1");
    let notes = audit(&plan, Some(mesh(name)));
    assert!(!is_fatal(&notes), "{file}: {notes:#?}");
    assert_eq!(read(&write(&plan)).unwrap(), plan, "{file}");
    assert_eq!(planned(name, intent), (plan, report), "{file}: twice the same");
}

#[test]
fn without_an_intent() {
    for name in CLUSTERS {
        holds(name, name, &none());
    }
}

#[test]
fn with_the_intent_of_the_demo() {
    for name in CLUSTERS.iter().filter(|name| !is_ambient(name)) {
        holds(name, &format!("{name}.demo"), &demo());
    }
}
