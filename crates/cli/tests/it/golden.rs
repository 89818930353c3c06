//! Holds what the binary says against committed text.

use std::fs;
use std::path::{Path, PathBuf};

/// Root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Compares with `tests/golden/NAME`; with `UPDATE_GOLDEN=1` writes it instead, for a person to review.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let difference = expected.lines().zip(text.lines()).position(|(expected, found)| expected != found);
    let line = difference.unwrap_or_else(|| expected.lines().count().min(text.lines().count()));
    assert!(
        expected == text,
        "{name} differs from line {}:\n  expected {:?}\n  found    {:?}\nUPDATE_GOLDEN=1 writes it anew",
        line + 1,
        expected.lines().nth(line),
        text.lines().nth(line)
    );
}
