//! Makes `fixtures/` from recordings: packed, trimmed to what meshlift reads.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use meshlift_snapshot::fixtures::{CLUSTERS, ROLLOUTS, pack_manifest, pack_rollout, path};
use meshlift_snapshot::{parse_manifest, read, read_bytes, to_bytes};

/// Rendered control planes: name of the recording, and of the fixture.
const MANIFESTS: &[(&str, &str)] = &[
    ("manifest-1.29.6.yaml", "1.29.6-default"),
    ("manifest-ambient-1.29.6.yaml", "1.29.6-ambient"),
    ("manifest-1.30.3.yaml", "1.30.3-default"),
    ("manifest-ambient-1.30.3.yaml", "1.30.3-ambient"),
];

/// `cargo xtask fixtures --from DIR`: what was written, a line each.
///
/// # Errors
/// Where a recording is missing or does not read without a problem.
pub fn verb(arguments: &[String]) -> Result<String, String> {
    match arguments {
        [flag, from] if flag == "--from" => make(Path::new(from)),
        _ => Err("usage: cargo xtask fixtures --from DIR".to_owned()),
    }
}

fn make(from: &Path) -> Result<String, String> {
    let mut written = Vec::new();
    for name in CLUSTERS {
        let snapshot = read(&from.join("clusters").join(name)).map_err(at(name))?;
        if let Some(problem) = snapshot.problems.first() {
            return Err(format!("{name}: {problem:?}"));
        }
        let bytes = to_bytes(&snapshot).map_err(at(name))?;
        if read_bytes(&bytes, name).map_err(at(name))? != snapshot {
            return Err(format!("{name}: the packed file does not hold what the recording holds"));
        }
        written.push(write("clusters", name, &bytes)?);
    }
    let golden = from.join("golden");
    for (recording, name) in MANIFESTS {
        let text = fs::read_to_string(golden.join(recording)).map_err(at(recording))?;
        let manifest = parse_manifest(&text, recording).map_err(at(recording))?;
        written.push(write("manifests", name, &pack_manifest(&manifest).map_err(at(name))?)?);
    }
    for namespace in ROLLOUTS {
        let recording = golden.join("rollouts").join(format!("{namespace}.jsonl"));
        let text = fs::read_to_string(&recording).map_err(at(namespace))?;
        written.push(write("rollouts", namespace, &pack_rollout(&text).map_err(at(namespace))?)?);
    }
    let commands = golden.join("rollouts/commands.txt");
    fs::copy(commands, path("rollouts", "commands").with_extension("txt")).map_err(at("commands.txt"))?;
    Ok(written.join("\n"))
}

fn write(folder: &str, name: &str, bytes: &[u8]) -> Result<String, String> {
    let path = path(folder, name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(at(folder))?;
    }
    fs::write(&path, bytes).map_err(at(name))?;
    Ok(format!("{folder}/{name}: {} bytes", bytes.len()))
}

/// Says where an error was.
fn at<E: Display>(place: &str) -> impl Fn(E) -> String {
    move |error| format!("{place}: {error}")
}
