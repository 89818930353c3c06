//! What can go wrong with a cluster for tests.

use std::path::PathBuf;

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file or folder.
    #[error("{path}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("`{command}` could not be started; {hint}")]
    Start {
        /// The program.
        command: String,
        /// What to do.
        hint: &'static str,
        /// What happened.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// The program.
        command: String,
        /// What it said last.
        said: String,
    },
    /// Another Kubernetes was asked for than can be built.
    #[error(
        "Kubernetes {version} is not pinned; set MESHLIFT_TEST_KUBERNETES to one of {pinned}, or to nothing"
    )]
    NotPinned {
        /// What was asked for.
        version: String,
        /// What there is.
        pinned: String,
    },
    /// Keys and certificates.
    #[error("a certificate could not be made")]
    Certificate {
        /// What happened.
        #[from]
        source: rcgen::Error,
    },
    /// A part did not come up in time.
    #[error("{part} {why}; the end of its log:\n{log}")]
    NotReady {
        /// Which.
        part: String,
        /// It ended, or its time is up.
        why: String,
        /// Last lines of its log.
        log: String,
    },
    /// The API server refused or did not answer.
    #[error("the API server: {what}")]
    Api {
        /// What was asked.
        what: String,
        /// What happened.
        source: Box<kube::Error>,
    },
    /// The kubeconfig that was written is not understood: a mistake here.
    #[error("the kubeconfig is not understood")]
    Kubeconfig {
        /// What happened.
        #[from]
        source: Box<kube::config::KubeconfigError>,
    },
}

impl ClusterError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
