//! Why there is no snapshot at all.

use meshlift_model::k8s::KINDS;
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use super::request::NoAnswer;
use crate::refusal::request_chain;

/// Why nothing of a cluster could be read.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Nobody answers there.
    #[error("the API server {server} cannot be reached: {why}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What happened.
        why: String,
    },
    /// Somebody answers who cannot prove to be the API server.
    #[error("the certificate of the API server {server} is not trusted: {why}")]
    Certificate {
        /// Its address.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// The credentials are not accepted, or there are none.
    #[error("the API server {server} does not accept the credentials: {why}")]
    Credentials {
        /// Its address.
        server: String,
        /// What it said, or why there are none.
        why: String,
    },
    /// It answers, but not as an API server.
    #[error("{server} does not answer as an API server: {why}")]
    NoApiServer {
        /// Its address.
        server: String,
        /// What it said.
        why: String,
    },
    /// Not one list could be read.
    #[error("nothing on {server} could be read: {failed} sources are refused or broken, first {first}")]
    NothingRead {
        /// Its address.
        server: String,
        /// Sources that could not be read.
        failed: usize,
        /// The first of them, and why.
        first: String,
    },
}

impl CollectError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "ML9702",
            Self::Certificate { .. } => "ML9703",
            Self::Credentials { .. } => "ML9704",
            Self::NoApiServer { .. } => "ML9705",
            Self::NothingRead { .. } => "ML9706",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "check that `kubectl version` answers with the same --kubeconfig and --context; without a cluster, \
                 --snapshot PATH reads a recording and --demo the built-in one"
            }
            Self::Certificate { .. } => {
                "check `certificate-authority` of the cluster in the kubeconfig, and that nobody stands between: \
                 `kubectl version` must work with it"
            }
            Self::Credentials { .. } => {
                "log in again, or renew the token or certificate of the kubeconfig's user: `kubectl auth whoami` \
                 must work with it"
            }
            Self::NoApiServer { .. } => "check `server` of the cluster in the kubeconfig",
            Self::NothingRead { .. } => {
                "grant the ClusterRole of deploy/rbac/read.yaml to whoever asks: `kubectl auth can-i list pods -A` \
                 must say yes"
            }
        }
    }

    /// What the failure of the first question means.
    pub(super) fn of_first(server: &str, why: NoAnswer) -> Self {
        let server = server.to_owned();
        match why {
            NoAnswer::Unreachable(error) => {
                let is_login = matches!(error, kube::Error::Auth(_));
                let why = request_chain(&error);
                if is_login {
                    Self::Credentials { server, why }
                } else if why.contains("certificate") {
                    Self::Certificate { server, why }
                } else {
                    Self::Unreachable { server, why }
                }
            }
            NoAnswer::Refused { words, .. } => Self::Credentials { server, why: words },
            NoAnswer::Broken(why) => Self::NoApiServer { server, why },
            NoAnswer::NotFound | NoAnswer::Expired => {
                Self::NoApiServer { server, why: "it has no /version".to_owned() }
            }
        }
    }

    /// An error where not one list was read.
    pub(super) fn if_nothing_was_read(server: &str, snapshot: &Snapshot) -> Result<(), Self> {
        let mut reasons = Vec::new();
        for kind in KINDS {
            match snapshot.source(kind.resource) {
                SourceStatus::Read { .. } => return Ok(()),
                SourceStatus::Absent => {}
                SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => {
                    reasons.push(format!("{} ({reason})", kind.resource));
                }
            }
        }
        let first = reasons.first().cloned().unwrap_or_default();
        Err(Self::NothingRead { server: server.to_owned(), failed: reasons.len(), first })
    }
}
