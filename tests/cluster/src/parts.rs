//! The parts, built once from pinned Go modules and kept beside the build of the project.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::ClusterError;

/// Versions of Kubernetes that are pinned: the oldest and the newest that Istio 1.30 supports, and the one between
/// them that every run takes that names no other
/// (<https://istio.io/latest/docs/releases/supported-releases/#support-status-of-istio-releases>).
pub const KUBERNETES: [&str; 3] = ["1.32.9", "1.34.4", "1.36.3"];
const DEFAULT: &str = KUBERNETES[1];
/// Environment variable that names another of them.
pub const KUBERNETES_VARIABLE: &str = "MESHLIFT_TEST_KUBERNETES";
/// Module of Kubernetes: one folder for each version.
const KUBERNETES_MODULE: &str = "kubernetes";
/// Modules, each with a go.sum of its own, and the packages that are built of each.
const MODULES: [(&str, &[&str]); 3] = [
    ("etcd", &["."]),
    (
        KUBERNETES_MODULE,
        &[
            "k8s.io/kubernetes/cmd/kube-apiserver",
            "k8s.io/kubernetes/cmd/kube-controller-manager",
            "k8s.io/kubernetes/cmd/kube-scheduler",
            "k8s.io/kubernetes/cmd/kubectl",
        ],
    ),
    ("kwok", &["sigs.k8s.io/kwok/cmd/kwok"]),
];
/// Ending of the file that is written last; without it a module is built again.
const STAMP: &str = "complete";

/// The built parts.
#[derive(Clone, Debug)]
pub struct Parts {
    folder: PathBuf,
}

impl Parts {
    /// The parts, built now if no earlier run has built them: minutes, once. Several processes may ask at
    /// once; one builds, the others wait. `MESHLIFT_TEST_KUBERNETES` chooses a version of [`KUBERNETES`].
    ///
    /// # Errors
    /// Where that version is not pinned, Go is missing, or the build fails.
    pub fn built() -> Result<Self, ClusterError> {
        let version = version()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("parts");
        let folder = target_folder().join("cluster-parts").join(format!("kubernetes-{version}"));
        fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
        let lock = folder.join("lock");
        let held = File::create(&lock).map_err(ClusterError::file(&lock))?;
        held.lock().map_err(ClusterError::file(&lock))?;
        for (module, packages) in MODULES {
            let mut module_folder = source.join(module);
            if module == KUBERNETES_MODULE {
                module_folder.push(version);
            }
            let sums = module_folder.join("go.sum");
            let wanted = fs::read_to_string(&sums).map_err(ClusterError::file(&sums))?;
            let stamp = folder.join(format!("{module}.{STAMP}"));
            if !fs::read_to_string(&stamp).is_ok_and(|built| built == wanted) {
                build(&module_folder, packages, &folder, version)?;
                fs::write(&stamp, wanted).map_err(ClusterError::file(&stamp))?;
            }
        }
        Ok(Self { folder })
    }

    /// Parts that were built before, in that folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where they are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// One binary: a part of the control plane, or `kubectl`, which shares no code with meshlift.
    #[must_use]
    pub fn binary(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The version of Kubernetes that this process tests with.
pub(crate) fn version() -> Result<&'static str, ClusterError> {
    let Ok(wanted) = std::env::var(KUBERNETES_VARIABLE) else { return Ok(DEFAULT) };
    let known = KUBERNETES.into_iter().find(|version| *version == wanted);
    known.ok_or_else(|| ClusterError::NotPinned { version: wanted, pinned: KUBERNETES.join(", ") })
}

fn build(source: &Path, packages: &[&str], folder: &Path, kubernetes: &str) -> Result<(), ClusterError> {
    let version = "k8s.io/component-base/version";
    let (major, minor) = kubernetes.split_once('.').unwrap_or((kubernetes, "0"));
    let minor = minor.split('.').next().unwrap_or(minor);
    let flags = format!(
        "-s -w -X {version}.gitVersion=v{kubernetes} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
    );
    let mut go = Command::new("go");
    go.args(["build", "-mod=readonly", "-trimpath", "-ldflags", &flags, "-o"]).arg(folder).args(packages);
    go.current_dir(source).env("CGO_ENABLED", "0");
    let hint = "install Go (https://go.dev/doc/install): the control plane of the tests is built from source";
    let output =
        go.output().map_err(|source| ClusterError::Start { command: "go build".to_owned(), hint, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ClusterError::Failed { command: "go build".to_owned(), said })
}

/// Where cargo builds: the parts stay beside it and go with it.
pub(crate) fn target_folder() -> PathBuf {
    let beside = || std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.to_owned()));
    // Test binaries lie in target/debug/deps, others in target/debug.
    let folder = beside().unwrap_or_else(|| PathBuf::from("target"));
    let is_profile = folder.ends_with("debug") || folder.ends_with("release");
    if is_profile { folder.parent().map_or(folder.clone(), Path::to_owned) } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_pinned_by_sums() {
        for version in KUBERNETES {
            let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("parts/kubernetes").join(version);
            let wanted = format!("k8s.io/kubernetes v{version}");
            assert!(fs::read_to_string(module.join("go.mod")).unwrap().contains(&wanted), "{version}");
            assert!(fs::read_to_string(module.join("go.sum")).unwrap().contains(&wanted), "{version}");
        }
    }
}
