//! Runs the binary as a program would.

use std::path::Path;
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
        // No test reads the cluster of whoever runs it.
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env("HOME", "/nobody")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    Said {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
