//! Who may use whom: ARCHITECTURE.md as a table, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Rooms that each room may use. Dev-dependencies are free, but for cycles, which cargo refuses.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("snapshot", &["model"]),
    ("mesh", &["model"]),
    ("checks", &["model", "mesh"]),
    ("planner", &["model", "mesh", "checks"]),
    ("engine", &["model"]),
    ("ports", &["model"]),
    ("views", &["model"]),
    ("twin", &["model", "ports", "views"]),
    ("driver", &["model", "mesh", "checks", "ports", "engine"]),
    ("kube", &["model", "snapshot", "ports", "views"]),
    ("report", &["model", "mesh", "checks", "planner"]),
    ("rehearsal", &["model", "mesh", "checks", "engine", "ports", "twin", "driver", "report"]),
    ("live", &["model", "engine", "ports", "driver", "kube", "views"]),
    (
        "cli",
        &[
            "model",
            "snapshot",
            "mesh",
            "checks",
            "planner",
            "engine",
            "ports",
            "twin",
            "driver",
            "report",
            "rehearsal",
            "kube",
            "live",
            "views",
        ],
    ),
];

/// Rooms for work on meshlift: they may use anything, and nothing uses them but as dev-dependency.
pub const TOOLS: &[&str] = &["xtask", "testkit", "cluster", "istiod-standin", "e2e"];

/// Crates that the binary must not contain: gRPC, servers and a second HTTP client have no work in it yet, and TLS is
/// rustls on ring alone, which needs nothing but a C compiler.
pub const NOT_IN_THE_BINARY: &[&str] = &[
    "tonic",
    "axum",
    "reqwest",
    "native-tls",
    "openssl",
    "openssl-sys",
    "aws-lc-rs",
    "aws-lc-sys",
    "aws-lc-fips-sys",
];

/// Feature of deliberate mistakes, for tests of the tests.
const PLANTED: &str = "planted";

/// Arrows that the table does not draw, and crates that the binary must not contain.
///
/// # Errors
/// Where cargo cannot tell.
pub fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let metadata = metadata(root)?;
    let mut problems = workspace_breaches(&metadata);
    problems.extend(planted_breaches(&metadata));
    problems.extend(binary_breaches(&metadata));
    Ok(problems)
}

/// What cargo says of the workspace.
///
/// # Errors
/// Where cargo cannot tell.
pub fn metadata(root: &Path) -> Result<Value, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// Breaches among the rooms, from the text of `cargo metadata`.
#[must_use]
pub fn workspace_breaches(metadata: &Value) -> Vec<String> {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut problems = Vec::new();
    for package in items(metadata, "packages") {
        let Some(room) = room(package["name"].as_str()) else { continue };
        if TOOLS.contains(&room) {
            continue;
        }
        let Some(allowed) = arrows.get(room) else {
            problems.push(format!("room {room} is not in ARROWS (crates/xtask/src/lint/arrows.rs)"));
            continue;
        };
        for dependency in items(package, "dependencies") {
            let normal = dependency["kind"].is_null();
            match self::room(dependency["name"].as_str()) {
                Some(used) if normal && used != room && !allowed.contains(&used) => {
                    problems.push(format!("{room} must not use {used} (ARCHITECTURE.md)"));
                }
                _ => {}
            }
        }
    }
    problems
}

/// Ways by which planted bugs could get into a build: their feature is asked for by dev-dependencies alone, no other
/// feature brings it along, and the binary's crate does not know it. From the text of `cargo metadata`.
#[must_use]
pub fn planted_breaches(metadata: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for package in items(metadata, "packages") {
        let Some(room) = room(package["name"].as_str()) else { continue };
        let asks = |dependency: &&Value| {
            let planted = items(dependency, "features").any(|feature| feature == PLANTED);
            planted && dependency["kind"] != "dev"
        };
        for dependency in items(package, "dependencies").filter(asks) {
            let name = dependency["name"].as_str().unwrap_or_default();
            problems.push(format!("{room} turns {PLANTED} on in {name}, and not as a dev-dependency alone"));
        }
        for (feature, brings) in package["features"].as_object().into_iter().flatten() {
            let brings = brings.as_array().map(Vec::as_slice).unwrap_or_default();
            let is_planted =
                |one: &Value| one.as_str().is_some_and(|one| one.rsplit(['/', ':']).next() == Some(PLANTED));
            if feature != PLANTED && brings.iter().any(is_planted) {
                problems.push(format!("feature {feature} of {room} turns {PLANTED} on"));
            } else if feature == PLANTED && room == "cli" {
                problems.push(format!("the binary's crate has a feature {PLANTED}"));
            }
        }
    }
    problems
}

fn binary_breaches(metadata: &Value) -> Vec<String> {
    let nodes: BTreeMap<&str, &Value> =
        items(&metadata["resolve"], "nodes").filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let names: BTreeMap<&str, &str> = items(metadata, "packages")
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let mut seen = BTreeSet::new();
    let mut queue: Vec<&str> =
        names.iter().filter(|(_, name)| **name == "meshlift-cli").map(|(id, _)| *id).collect();
    while let Some(id) = queue.pop() {
        if seen.insert(id)
            && let Some(node) = nodes.get(id)
        {
            let normal = items(node, "deps")
                .filter(|dep| items(dep, "dep_kinds").any(|kind| kind["kind"].is_null() && linux(kind)));
            queue.extend(normal.filter_map(|dep| dep["pkg"].as_str()));
        }
    }
    seen.iter()
        .filter_map(|id| names.get(id))
        .filter(|name| NOT_IN_THE_BINARY.contains(name))
        .map(|name| {
            format!("the binary contains {name} (NOT_IN_THE_BINARY in crates/xtask/src/lint/arrows.rs)")
        })
        .collect()
}

/// False for dependencies of Windows and WebAssembly alone.
fn linux(kind: &Value) -> bool {
    kind["target"].as_str().is_none_or(|target| !target.contains("windows") && !target.contains("wasm"))
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn room(package: Option<&str>) -> Option<&str> {
    package?.strip_prefix("meshlift-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_arrow_that_is_not_drawn_is_found_and_tests_are_free() {
        let metadata = json!({"packages": [
            {"name": "meshlift-twin", "dependencies": [
                {"name": "meshlift-mesh", "kind": null},
                {"name": "meshlift-checks", "kind": "dev"},
                {"name": "serde", "kind": null}]},
            {"name": "meshlift-garage", "dependencies": []},
            {"name": "serde", "dependencies": []}]});
        let problems = workspace_breaches(&metadata);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("twin must not use mesh"));
        assert!(problems[1].contains("garage"));
    }

    #[test]
    fn planted_bugs_are_for_dev_dependencies_alone() {
        let of = |kind: Value, features: Value| {
            let dependency = json!({"name": "meshlift-engine", "kind": kind, "features": ["planted"]});
            json!({"packages": [
                {"name": "meshlift-cli", "dependencies": [dependency], "features": features},
                {"name": "meshlift-engine", "dependencies": [], "features": {"planted": ["meshlift-model/planted"]}}]})
        };
        assert_eq!(planted_breaches(&of(json!("dev"), json!({}))), Vec::<String>::new());
        assert_eq!(planted_breaches(&of(Value::Null, json!({}))).len(), 1);
        assert_eq!(planted_breaches(&of(json!("build"), json!({}))).len(), 1);
        let forwarded = json!({"default": ["all"], "all": ["meshlift-engine/planted"]});
        assert_eq!(planted_breaches(&of(json!("dev"), forwarded)).len(), 1);
        assert_eq!(planted_breaches(&of(json!("dev"), json!({"planted": []}))).len(), 1);
    }
}
