//! A plan as a file: YAML that a person can review, and that nobody can change unnoticed.

use meshlift_model::defaults::FORMAT_VERSION;
use meshlift_model::plan::Plan;
use serde::Deserialize;

use crate::digest::plan_digest;

/// Largest plan file that is read, in bytes: thousands of workloads fit in.
const PLAN_BYTES_MAX: usize = 64 << 20;

/// Why a plan file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// Larger than any plan.
    #[error("the plan is over the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// Not YAML, or not of a plan's shape.
    #[error("no plan: {what}")]
    Shape {
        /// What the parser said, with line and column.
        what: String,
    },
    /// Written by a newer meshlift.
    #[error("the plan is of format {found}, newer than this meshlift understands")]
    NewerFormat {
        /// The format found.
        found: u32,
    },
    /// Its digest does not fit what it says.
    #[error(
        "the plan was changed by hand: its digest is {}… and its content's {}…",
        short(said),
        short(found)
    )]
    Changed {
        /// Digest that it carries.
        said: String,
        /// Digest of what it says.
        found: String,
    },
    /// It was made for another mesh, or for this one as it was before.
    #[error("the plan does not fit this mesh: {}", differences.join("; "))]
    OtherMesh {
        /// What differs, a few at most.
        differences: Vec<String>,
    },
}

fn short(digest: &str) -> String {
    digest.chars().take(8).collect()
}

impl PlanFileError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "ML8201",
            Self::Shape { .. } => "ML8202",
            Self::NewerFormat { .. } => "ML8203",
            Self::Changed { .. } => "ML8204",
            Self::OtherMesh { .. } => "ML8205",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Shape { .. } => "give a file that `meshlift plan --out` wrote",
            Self::NewerFormat { .. } => "update meshlift, or plan again with this version",
            Self::Changed { .. } => "change the intent instead, and run `meshlift plan` again",
            Self::OtherMesh { .. } => "run `meshlift plan` again on this mesh",
        }
    }
}

/// The plan as YAML.
#[must_use]
pub fn write(plan: &Plan) -> String {
    // A plan is data that serializes; an empty text would be refused by every reader.
    serde_saphyr::to_string(plan).unwrap_or_default()
}

/// The version of a file that may be of any format.
#[derive(Deserialize)]
struct Format {
    format_version: u32,
}

/// Reads a plan.
///
/// # Errors
/// Where it is no plan, of a newer format, or its digest does not fit its content.
pub fn read(text: &str) -> Result<Plan, PlanFileError> {
    if text.len() > PLAN_BYTES_MAX {
        return Err(PlanFileError::TooLarge { limit_bytes: PLAN_BYTES_MAX });
    }
    let shape =
        |error: &serde_saphyr::Error| PlanFileError::Shape { what: error.without_snippet().to_string() };
    let format: Format = serde_saphyr::from_str(text).map_err(|error| shape(&error))?;
    if format.format_version != FORMAT_VERSION {
        return Err(PlanFileError::NewerFormat { found: format.format_version });
    }
    let plan: Plan = serde_saphyr::from_str(text).map_err(|error| shape(&error))?;
    let found = plan_digest(&plan);
    if plan.digest == found { Ok(plan) } else { Err(PlanFileError::Changed { said: plan.digest, found }) }
}
