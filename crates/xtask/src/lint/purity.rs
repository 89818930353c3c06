//! Pure rooms touch nothing but their arguments, and iterate nothing whose order changes.

use std::path::Path;

use super::{files, shown, text};

/// Rooms that decide or compute.
pub const PURE: &[&str] =
    &["model", "mesh", "checks", "planner", "engine", "ports", "views", "twin", "rehearsal", "report"];

/// What their sources must not name, and why.
pub const FORBIDDEN: &[(&str, &str)] = &[
    ("std::fs", "files are read by snapshot, driver and cli"),
    ("std::env", "the environment is read by cli"),
    ("std::net", "the world is behind ports"),
    ("std::process", "the world is behind ports"),
    ("std::thread", "threads are cli's: a pure function has no order of its own"),
    ("Instant::now", "time arrives as a value"),
    ("SystemTime", "time arrives as a value"),
    ("Timestamp::now", "time arrives as a value"),
    ("Zoned::now", "time arrives as a value"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("println!", "cli prints; rooms return text"),
    ("tokio", "ports are synchronous; adapters own their runtime"),
];

/// Forbidden names in the sources of pure rooms (their tests may read files).
///
/// # Errors
/// Where the workspace cannot be read.
pub fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for room in PURE {
        let folder = root.join("crates").join(room).join("src");
        for path in if folder.is_dir() { files(&folder, "rs")? } else { Vec::new() } {
            problems.extend(of_text(&shown(root, &path), &text(&path)?));
        }
    }
    Ok(problems)
}

fn of_text(name: &str, text: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(index, line)| {
            let hits = FORBIDDEN.iter().filter(move |(word, _)| line.contains(word));
            hits.map(move |(word, why)| format!("{name}:{}: {word}: {why}", index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_counts_and_comments_and_tests_do_not() {
        let text = "// std::fs\nuse std::collections::HashMap;\n#[cfg(test)]\nuse std::fs;\n";
        let problems = of_text("a.rs", text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("a.rs:2: HashMap"));
    }
}
