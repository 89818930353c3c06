//! `cargo xtask cluster`: a real control plane by hand, or all tests that need one on another version.

use crate::bench::{cargo, cargo_with};

/// Read by the harness of the tests; see `meshlift_cluster::KUBERNETES_VARIABLE`.
const VERSION: &str = "MESHLIFT_TEST_KUBERNETES";
/// Tests that run on a real control plane.
const TESTS: [&str; 15] = [
    "test",
    "--locked",
    "--no-fail-fast",
    "--package=meshlift-cluster",
    "--package=meshlift-istiod-standin",
    "--package=meshlift-kube",
    "--package=meshlift-cli",
    "--bins",
    "--test=it",
    "--test=world",
    "--test=record",
    "--test=conformance",
    "--test=live",
    "--test=runs",
    "--quiet",
];

/// The verb; see [`crate::VERBS`].
///
/// # Errors
/// Where it is called otherwise, or what it calls failed.
pub fn verb(arguments: &[String]) -> Result<String, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => cargo(&TESTS),
        ["test", "--kubernetes", version] => cargo_with(&TESTS, &[(VERSION, version)]),
        ["test", ..] => Err("usage: cargo xtask cluster test [--kubernetes VERSION]".to_owned()),
        // The cluster's own binary has to outlive this one.
        words => {
            let run = ["run", "--quiet", "--package", "meshlift-cluster", "--"];
            cargo(&[&run, words].concat())
        }
    };
    done.map(|()| String::new())
}
