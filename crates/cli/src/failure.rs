//! Every failure that ends a verb: what, where, why, what to do, under a code that `explain` opens.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use meshlift_driver::DriveError;
use meshlift_kube::{CollectError, ConnectError};
use meshlift_live::LiveError;
use meshlift_model::names::IstioVersion;
use meshlift_planner::baseline::BaselineError;
use meshlift_planner::intent::IntentError;
use meshlift_planner::versions::ReleasesError;
use meshlift_planner::{PlanError, PlanFileError};
use meshlift_report::failure::error_text;
use meshlift_report::inspect::SubjectError;
use meshlift_snapshot::{ManifestError, SnapshotError};

use crate::console::Console;

/// A failure with its code and its hint.
#[derive(Debug)]
pub(crate) struct Failure {
    code: &'static str,
    hint: String,
    error: Box<dyn Error + 'static>,
}

/// What only the command line can get wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Arguments that the grammar refuses.
    #[error("{what}")]
    Usage {
        /// What is wrong with them.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// `--help` or `--version`: a result.
    #[error("{0}")]
    Help(String),
    /// A result could not be written.
    #[error("cannot write to stdout")]
    Stdout(#[source] io::Error),
    /// A result could not be put into JSON.
    #[error("cannot write JSON")]
    Json(#[source] serde_json::Error),
    /// A result could not be put into YAML.
    #[error("cannot write YAML: {0}")]
    Yaml(String),
    /// Neither flag nor intent names a target.
    #[error("no version to go to: neither --to nor the intent's `target` names one")]
    NoTarget,
    /// No version to start from.
    #[error("no version was found that runs: no istiod says or shows its version")]
    NothingRuns,
    /// The audit refuses what the planner made.
    #[error("the audit refuses the plan: {0}")]
    Audit(String),
    /// The target's objects are not known.
    #[error("no manifest of {0} is built in, and none was given")]
    NoManifest(IstioVersion),
    /// A step that the plan does not have.
    #[error("the plan has no step `{step}`")]
    UnknownStep {
        /// The step.
        step: String,
        /// Ids of the plan's steps, in order.
        known: Vec<String>,
        /// Why the plan has none, where it waits for somebody.
        waits: Option<String>,
    },
    /// Nobody said yes.
    #[error("nothing was done: nobody said yes")]
    NotConfirmed,
    /// Another manifest than the plan was made with.
    #[error("{path} has digest {found}…, the plan was made with {wanted}…")]
    OtherManifest {
        /// The file.
        path: String,
        /// Its digest.
        found: String,
        /// The plan's.
        wanted: String,
    },
    /// A code that nothing prints.
    #[error("`{0}` is no code of meshlift")]
    UnknownCode(String),
}

impl CliError {
    fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } | Self::Help(_) => "ML9501",
            Self::Stdout(_) => "ML9503",
            Self::Json(_) | Self::Yaml(_) => "ML9504",
            Self::UnknownCode(_) => "ML9505",
            Self::NoTarget => "ML9508",
            Self::NoManifest(_) => "ML9509",
            Self::NothingRuns => "ML9515",
            Self::Audit(_) => "ML9511",
            Self::UnknownStep { .. } => "ML9512",
            Self::NotConfirmed => "ML9513",
            Self::OtherManifest { .. } => "ML9514",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Usage { hint, .. } => hint.clone(),
            Self::Help(_) => String::new(),
            Self::Stdout(_) => "check where stdout goes: a full disk, a closed file".to_owned(),
            Self::Json(_) | Self::Yaml(_) => {
                "this is a bug of meshlift: please report it with the command".to_owned()
            }
            Self::NoTarget => "add --to VERSION, such as --to 1.30.3".to_owned(),
            Self::NothingRuns => {
                "see `meshlift inspect` for what was read; record pods, deployments and istiods' answers"
                    .to_owned()
            }
            Self::Audit(_) => {
                "this is a bug of meshlift: please report it with the snapshot and the intent".to_owned()
            }
            Self::NoManifest(version) => format!(
                "give --manifest FILE with the output of `istioctl manifest generate --set revision={}`",
                version.revision()
            ),
            Self::UnknownStep { step, known, waits } => {
                match (meshlift_planner::nearest(step, known.iter().map(String::as_str)), waits) {
                    (Some(nearest), _) => {
                        format!("nearest is `{nearest}`; its steps are {}", known.join(", "))
                    }
                    (None, Some(why)) => {
                        format!("it has no steps at all, for it waits: {why}; settle that and plan again")
                    }
                    (None, None) => {
                        "it has no steps at all: there is nothing to do, and nothing to roll back".to_owned()
                    }
                }
            }
            Self::NotConfirmed => {
                "review it with `meshlift plan show`, then answer yes, or give --yes where nobody can answer"
                    .to_owned()
            }
            Self::OtherManifest { .. } => {
                "give --manifest the file that the plan was made with, or plan again with this one".to_owned()
            }
            Self::UnknownCode(_) => {
                "codes look like ML1001; `meshlift explain` without a code lists all".to_owned()
            }
        }
    }
}

/// An error and the file that it is in.
#[derive(Debug)]
struct Located {
    path: PathBuf,
    error: Box<dyn Error + 'static>,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl Error for Located {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl Failure {
    /// The same failure, naming the file that it is in.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self { error: Box::new(Located { path: path.to_owned(), error: self.error }), ..self }
    }

    /// The text for stderr, or (as `Err`) text that was asked for and belongs on stdout.
    pub(crate) fn for_people(&self, console: &Console) -> Result<String, String> {
        if let Some(CliError::Help(text)) = self.error.downcast_ref() {
            return Err(text.clone());
        }
        Ok(error_text(self.code, &*self.error, &self.hint, console.stderr))
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self { code: error.code(), hint: error.hint(), error: Box::new(error) }
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        Self { code: error.code(), hint: error.hint().to_owned(), error: Box::new(error) }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self { code: error.code(), hint: error.hint().to_owned(), error: Box::new(error) }
    }
}

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Self {
        Self { code: error.code(), hint: error.hint(), error: Box::new(error) }
    }
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        Self { code: error.code(), hint: error.hint().to_owned(), error: Box::new(error) }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self { code: error.code(), hint: error.hint().to_owned(), error: Box::new(error) }
    }
}

impl From<IntentError> for Failure {
    fn from(error: IntentError) -> Self {
        Self { code: error.code(), hint: error.hint(), error: Box::new(error) }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self { code: error.code(), hint: error.hint(), error: Box::new(error) }
    }
}

impl From<PlanFileError> for Failure {
    fn from(error: PlanFileError) -> Self {
        Self { code: error.code(), hint: error.hint().to_owned(), error: Box::new(error) }
    }
}

impl From<BaselineError> for Failure {
    fn from(error: BaselineError) -> Self {
        let hint =
            "docs/reference/baseline.md shows the form: code, subject, owner, until and reason of each entry";
        Self { code: "ML9517", hint: hint.to_owned(), error: Box::new(error) }
    }
}

impl From<ReleasesError> for Failure {
    fn from(error: ReleasesError) -> Self {
        let hint = "start from crates/planner/data/releases.yaml of this version, and change what is new";
        Self { code: "ML9516", hint: hint.to_owned(), error: Box::new(error) }
    }
}

impl From<DriveError> for Failure {
    fn from(error: DriveError) -> Self {
        let hint = "this is a bug of meshlift: please report it with the command and the seed";
        Self { code: "ML9510", hint: hint.to_owned(), error: Box::new(error) }
    }
}

impl From<SubjectError> for Failure {
    fn from(error: SubjectError) -> Self {
        let hint = "`meshlift inspect` without a subject shows what there is; `-o json` lists all workloads";
        Self { code: "ML9506", hint: hint.to_owned(), error: Box::new(error) }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        use clap::error::ErrorKind;
        let text = error.render().to_string();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => CliError::Help(text).into(),
            _ => usage(&text).into(),
        }
    }
}

/// clap's message (`error: what`, tips, usage) as one of ours: what in one line, the tip or the usage as hint.
fn usage(text: &str) -> CliError {
    let body = text.strip_prefix("error: ").unwrap_or(text);
    let (what, rest) = body.split_once("\n\n").unwrap_or((body, ""));
    let tip = rest.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let usage = rest.lines().find_map(|line| line.trim().strip_prefix("Usage: "));
    let hint = match (tip, usage) {
        (Some(tip), _) => tip.to_owned(),
        (None, Some(usage)) => format!("usage: {usage}; --help says more"),
        (None, None) => "--help after the verb says what it takes".to_owned(),
    };
    // Without a verb clap prints its help instead of a message.
    let what = if text.starts_with("error: ") { what.to_owned() } else { "no verb given".to_owned() };
    CliError::Usage { what, hint }
}

/// A file and what was to be done with it, for errors.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}", path.display())]
pub(crate) struct FileError {
    /// `read` or `write`.
    pub(crate) verb: &'static str,
    /// The file.
    pub(crate) path: PathBuf,
    /// What the system said.
    pub(crate) source: io::Error,
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let hint = format!(
            "check that the path is right and may be {}",
            if error.verb == "read" { "read" } else { "written to" }
        );
        Self { code: "ML9507", hint, error: Box::new(error) }
    }
}
