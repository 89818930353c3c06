//! What can go wrong with a run on a live cluster.

use meshlift_driver::DriveError;
use meshlift_engine::IllegalRecord;
use meshlift_kube::record::RecordError;

/// Why a run cannot be found, begun, steered or driven on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Its objects in the cluster.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its journal makes no sense to this meshlift.
    #[error("the journal of run `{run}` is not understood")]
    Illegal {
        /// The run.
        run: String,
        /// Which line, and why.
        source: IllegalRecord,
    },
    /// It stopped while it was driven.
    #[error("run `{run}` stopped")]
    Stopped {
        /// The run.
        run: String,
        /// What happened.
        source: DriveError,
    },
    /// No run was named, and none waits or runs.
    #[error("no run of namespace {namespace} is under way")]
    NoneOpen {
        /// Where it was looked for.
        namespace: String,
    },
    /// No run was named, and several wait or run.
    #[error("several runs are under way: {names}")]
    Several {
        /// Their names.
        names: String,
    },
    /// A new run would meet one that is not over.
    #[error("run `{run}` is not over: {stands}")]
    Unfinished {
        /// The one that is there.
        run: String,
        /// Where it stands and who executes it, in words.
        stands: String,
    },
    /// Whoever executes the run did not take a command in time.
    #[error("{executor} executes run `{run}` and did not take `{command}` within {seconds} s")]
    Unanswered {
        /// The run.
        run: String,
        /// Who executes it.
        executor: String,
        /// The command.
        command: &'static str,
        /// How long it was waited for.
        seconds: i64,
    },
    /// A command that the run cannot take as it stands.
    #[error("`{command}` does not fit how run `{run}` stands: {why}")]
    Unfit {
        /// The run.
        run: String,
        /// The command.
        command: &'static str,
        /// Why not.
        why: String,
    },
    /// Something is to be installed, and its manifest was not given whole.
    #[error("run `{run}` installs {what}, and its whole manifest was not given")]
    NoManifest {
        /// The run.
        run: String,
        /// What is installed.
        what: String,
    },
    /// A person holds every run.
    #[error("annotation meshlift.dev/hold on namespace {namespace} holds every run: {why}")]
    OnHold {
        /// Where.
        namespace: String,
        /// Why, as the annotation says.
        why: String,
    },
}

impl LiveError {
    /// Stable code for `explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Record(error) => error.code(),
            Self::Illegal { .. } => "ML9524",
            Self::Stopped { .. } => "ML9525",
            Self::NoneOpen { .. } | Self::Several { .. } => "ML9526",
            Self::Unfinished { .. } => "ML9527",
            Self::Unanswered { .. } => "ML9528",
            Self::Unfit { .. } => "ML9529",
            Self::NoManifest { .. } => "ML9530",
            Self::OnHold { .. } => "ML9531",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Record(error) => error.hint(),
            Self::Illegal { .. } => "use the version of meshlift that wrote it, or a newer one".to_owned(),
            Self::Stopped { run, .. } => format!(
                "nothing was done that the journal does not say: `meshlift status --run {run}` shows where it \
                 stands, `meshlift resume --run {run}` goes on"
            ),
            Self::NoneOpen { .. } => {
                "`meshlift status` lists all runs; --run NAME means one that is over".to_owned()
            }
            Self::Several { .. } => "name one with --run NAME".to_owned(),
            Self::Unfinished { run, .. } => format!(
                "`meshlift status --run {run}` shows it, `meshlift resume --run {run}` goes on with it, \
                 `meshlift rollback --run {run}` takes it back; one run at a time changes a mesh"
            ),
            Self::Unanswered { run, .. } => format!(
                "it stays in the mailbox and counts once it is taken; if that process is gone for good, \
                 `meshlift resume --run {run} --take-over` goes on in its place"
            ),
            Self::Unfit { run, .. } => format!("`meshlift status --run {run}` shows where it stands"),
            Self::NoManifest { .. } => {
                "give --manifest FILE: the output of `istioctl manifest generate` that the plan was made with; \
                 what meshlift has built in lacks fields that it does not read"
                    .to_owned()
            }
            Self::OnHold { namespace, .. } => {
                format!("`kubectl annotate namespace {namespace} meshlift.dev/hold-` lets runs go on")
            }
        }
    }
}
