//! Runs the binary and holds what it says against committed text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What one run said.
pub(crate) struct Said {
    /// Exit code.
    pub(crate) exit: i32,
    /// Result.
    pub(crate) stdout: String,
    /// Talk.
    pub(crate) stderr: String,
}

/// Runs meshlift with these arguments, in a folder, as a program would: no terminal.
pub(crate) fn meshlift(folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_meshlift"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("KUBECONFIG")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    Said {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

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
