//! Why there is no plan.

use meshlift_model::names::{IstioVersion, REVISIONS_APART_MAX, RevisionName};

use crate::intent::IntentError;

/// Why a mesh and an intent give no plan. What only waits is in the plan; this is what makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Nobody said where to go.
    #[error("no target version")]
    NoTarget,
    /// No istiod in the mesh.
    #[error("no control plane was found: no revision has an istiod with a version that can be told")]
    NoControlPlane,
    /// Backwards.
    #[error("target {target} is older than {found}, which runs already")]
    Older {
        /// The target.
        target: IstioVersion,
        /// Oldest version that runs.
        found: IstioVersion,
    },
    /// Further than Istio supports in one step.
    #[error("target {target} is more than two minor versions ahead of {found}")]
    TooFar {
        /// The target.
        target: IstioVersion,
        /// Oldest version that runs.
        found: IstioVersion,
    },
    /// The name of the new revision is taken.
    #[error("{what} named {revision} is there and is not {target}")]
    NameTaken {
        /// A revision or a tag.
        what: &'static str,
        /// The name.
        revision: RevisionName,
        /// The target.
        target: IstioVersion,
    },
    /// The name of the new revision cannot be one.
    #[error("`{revision}` cannot name a revision")]
    Name {
        /// The name.
        revision: RevisionName,
    },
    /// The manifest is of another version.
    #[error("the manifest is of {found}, the target is {target}")]
    ManifestVersion {
        /// Version of the manifest.
        found: IstioVersion,
        /// The target.
        target: IstioVersion,
    },
    /// The manifest is of another revision.
    #[error("the manifest is of revision {found}, the plan needs {revision}")]
    ManifestRevision {
        /// Revision of the manifest.
        found: RevisionName,
        /// Revision that the plan installs.
        revision: RevisionName,
    },
    /// The intent cannot be carried out.
    #[error(transparent)]
    Intent(IntentError),
}

impl From<IntentError> for PlanError {
    fn from(error: IntentError) -> Self {
        Self::Intent(error)
    }
}

impl PlanError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoTarget => "ML8101",
            Self::NoControlPlane => "ML8102",
            Self::Older { .. } => "ML8103",
            Self::TooFar { .. } => "ML8104",
            Self::NameTaken { .. } => "ML8105",
            Self::Name { .. } => "ML8106",
            Self::ManifestVersion { .. } => "ML8107",
            Self::ManifestRevision { .. } => "ML8108",
            Self::Intent(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoTarget => "give `--to VERSION`, or `target: VERSION` in the intent".to_owned(),
            Self::NoControlPlane => {
                "record istiod's Deployment and pods too; `meshlift inspect` tells what was read".to_owned()
            }
            Self::Older { .. } => {
                "meshlift never downgrades; what a run did is undone from its journal".to_owned()
            }
            Self::TooFar { found, .. } => {
                format!(
                    "Istio supports revisions that are two minor versions apart, {}.{} at most; `meshlift versions` names \
                     the way",
                    found.major,
                    found.minor.saturating_add(REVISIONS_APART_MAX)
                )
            }
            Self::NameTaken { revision, .. } => {
                format!("find out who uses `{revision}` (`meshlift inspect`) and remove or rename it")
            }
            Self::Name { .. } => {
                "a revision's name is an RFC 1123 label, short enough for what is named after it".to_owned()
            }
            Self::ManifestVersion { target, .. } => {
                format!("render the manifest with {target}, or change the target")
            }
            Self::ManifestRevision { revision, .. } => {
                format!("render the manifest with `--revision {revision}`")
            }
            Self::Intent(error) => error.hint(),
        }
    }
}
