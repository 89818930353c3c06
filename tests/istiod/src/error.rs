//! What can go wrong with a stand-in.

use meshlift_cluster::ClusterError;

/// Why there is no stand-in, or why it does not do as told.
#[derive(Debug, thiserror::Error)]
pub enum StandinError {
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file, socket or process.
    #[error("{what}")]
    Io {
        /// Which.
        what: String,
        /// What happened.
        source: std::io::Error,
    },
    /// The API server.
    #[error("{what}")]
    Api {
        /// What was asked.
        what: String,
        /// What happened.
        source: Box<kube::Error>,
    },
    /// Keys and certificates.
    #[error("a certificate could not be made")]
    Certificate {
        /// What happened.
        #[from]
        source: rcgen::Error,
    },
    /// TLS.
    #[error("TLS could not be set up")]
    Tls {
        /// What happened.
        #[from]
        source: tokio_rustls::rustls::Error,
    },
    /// The process said something else than that it did as told, or nothing in time.
    #[error("{what}: {said}")]
    Failed {
        /// What was wanted.
        what: String,
        /// What it said.
        said: String,
    },
}

impl StandinError {
    pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn api(what: impl std::fmt::Display) -> impl FnOnce(kube::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Api { what, source: Box::new(source) }
    }
}
