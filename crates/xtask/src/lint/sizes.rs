//! Files stay small enough to be read in one go.

use std::collections::BTreeMap;
use std::path::Path;

use super::{files, shown, text};

/// Lines of a Rust file at most, tests included.
pub const FILE_LINES_MAX: usize = 400;

/// Entries that [`EXCEPTIONS`] may have. Only ever lower this number.
pub const EXCEPTIONS_MAX: usize = 0;

/// Files that may be longer, one `PATH LINES` each.
pub const EXCEPTIONS: &str = "crates/xtask/lint-exceptions.txt";

/// Files that are too long, and exceptions that are not needed any more.
///
/// # Errors
/// Where the workspace cannot be read.
pub fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let mut allowed = exceptions(&text(&root.join(EXCEPTIONS))?)?;
    let mut problems = Vec::new();
    if allowed.len() > EXCEPTIONS_MAX {
        problems.push(format!(
            "{EXCEPTIONS}: {} entries, it may only shrink below {EXCEPTIONS_MAX}",
            allowed.len()
        ));
    }
    for path in files(&root.join("crates"), "rs")? {
        let name = shown(root, &path);
        let lines = text(&path)?.lines().count();
        let limit = allowed.remove(&name).unwrap_or(FILE_LINES_MAX);
        if lines > limit {
            problems.push(format!("{name}: {lines} lines, at most {limit}"));
        } else if limit > FILE_LINES_MAX && lines < limit {
            problems
                .push(format!("{EXCEPTIONS}: {name} has {lines} lines now, lower its entry from {limit}"));
        }
    }
    problems.extend(allowed.keys().map(|name| format!("{EXCEPTIONS}: {name} is not there any more")));
    Ok(problems)
}

fn exceptions(text: &str) -> Result<BTreeMap<String, usize>, String> {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, lines) = line.rsplit_once(' ').ok_or_else(|| format!("{EXCEPTIONS}: `{line}`"))?;
            let lines = lines.parse().map_err(|_| format!("{EXCEPTIONS}: `{line}`"))?;
            Ok((name.trim().to_owned(), lines))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_paths_with_a_number() {
        assert_eq!(exceptions("# why\n\ncrates/a/src/b.rs 500\n").unwrap()["crates/a/src/b.rs"], 500);
        assert!(exceptions("crates/a/src/b.rs").is_err());
    }
}
