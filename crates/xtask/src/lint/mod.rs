//! Rules of the house that the compiler does not know. Each returns one line per breach.

pub mod arrows;
pub mod codes;
pub mod purity;
pub mod sizes;

use std::fs;
use std::path::{Path, PathBuf};

/// All rules.
///
/// # Errors
/// Where the workspace cannot be read.
pub fn all(root: &Path) -> Result<Vec<String>, String> {
    let mut problems = sizes::breaches(root)?;
    problems.extend(arrows::breaches(root)?);
    problems.extend(purity::breaches(root)?);
    problems.extend(codes::breaches(root)?);
    Ok(problems)
}

/// All files below `folder` with this extension, sorted, without build output.
///
/// # Errors
/// Where a folder cannot be listed.
pub fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
            if path.is_dir() && !hidden && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Text of a file.
///
/// # Errors
/// Where it cannot be read.
pub fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Path as people write it, from the root.
#[must_use]
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
