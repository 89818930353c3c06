//! What can go wrong with a run that is kept in the cluster.

use meshlift_ports::JournalError;

/// Why a run in the cluster cannot be read, extended or taken over.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The API server refused, or did not answer in time.
    #[error("{what} failed")]
    Api {
        /// What was asked: verb and object.
        what: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// No answer in time.
    #[error("{what} got no answer within {seconds} s")]
    Late {
        /// What was asked: verb and object.
        what: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is no such run.
    #[error("there is no run `{run}` in namespace {namespace}")]
    NoRun {
        /// Its name.
        run: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// A run of that name is there already.
    #[error("run `{run}` is in namespace {namespace} already")]
    Taken {
        /// Its name.
        run: String,
        /// Where.
        namespace: String,
    },
    /// Somebody else executes the run.
    #[error("run `{run}` is executed by {holder} since {since}, last heard of at {renewed}")]
    Held {
        /// The run.
        run: String,
        /// Who.
        holder: String,
        /// Since when, RFC 3339.
        since: String,
        /// Last sign of life, RFC 3339.
        renewed: String,
    },
    /// Its objects do not fit together.
    #[error("run `{run}` is damaged: {reason}")]
    Damaged {
        /// The run.
        run: String,
        /// What is wrong.
        reason: String,
    },
    /// Its lines cannot be read.
    #[error("the journal of run `{run}` cannot be used")]
    Journal {
        /// The run.
        run: String,
        /// What happened.
        source: JournalError,
    },
}

impl RecordError {
    /// Stable code for `explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Api { .. } | Self::Late { .. } => "ML9520",
            Self::NoRun { .. } => "ML9521",
            Self::Taken { .. } => "ML9522",
            Self::Held { .. } => "ML9523",
            Self::Damaged { .. } | Self::Journal { .. } => "ML9524",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Api { .. } => {
                "check access with `kubectl auth can-i --list -n istio-system`; deploy/rbac/apply.yaml is the role \
                 that applying needs"
                    .to_owned()
            }
            Self::Late { .. } => "is the API server well? the run goes on where it stands: try again".to_owned(),
            Self::NoRun { .. } => "`meshlift status` lists the runs of this cluster".to_owned(),
            Self::Taken { run, .. } => {
                format!("`meshlift resume --run {run}` goes on with it; --run NAME names another one")
            }
            Self::Held { run, .. } => format!(
                "`meshlift status --run {run} --watch` follows it; if that process is gone for good, \
                 `meshlift resume --run {run} --take-over` goes on in its place"
            ),
            Self::Damaged { run, .. } | Self::Journal { run, .. } => format!(
                "somebody or something wrote to ConfigMap meshlift-run-{run}; restore it from a backup. \
                 Until then undo by hand: `meshlift explain ML9524`"
            ),
        }
    }
}
