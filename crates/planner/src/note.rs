//! Short remarks with a code: of the planner beside its plan, and of the audit about any plan.

use serde::Serialize;

/// How much a note weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteSeverity {
    /// Worth knowing.
    Note,
    /// Such a plan must not be carried out.
    Fatal,
}

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// How much it weighs.
    pub severity: NoteSeverity,
    /// Stable code, for `meshlift explain`.
    pub code: &'static str,
    /// One sentence.
    pub text: String,
}

impl Note {
    pub(crate) fn remark(code: &'static str, text: impl Into<String>) -> Self {
        Self { severity: NoteSeverity::Note, code, text: text.into() }
    }

    pub(crate) fn fatal(code: &'static str, text: impl Into<String>) -> Self {
        Self { severity: NoteSeverity::Fatal, code, text: text.into() }
    }
}
