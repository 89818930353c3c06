//! What can be wrong with an intent: what, where, why, and what to do.

use std::fmt;

use meshlift_model::names::{ObjectRef, TagName};

/// Line and column in a file, from 1; 0 where the parser did not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why an intent cannot be carried out as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// The file is larger than any intent.
    #[error("the intent is over the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A key that the format does not have.
    #[error("{place}: unknown key `{key}`")]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// The right key that is nearest.
        nearest: String,
    },
    /// Not YAML, or a value that does not fit its key.
    #[error("{place}: {what}")]
    Value {
        /// Where.
        place: Place,
        /// What is wrong.
        what: String,
        /// A right value that is near.
        nearest: Option<String>,
    },
    /// A key that must be there.
    #[error("{place}: `{key}` is missing")]
    Missing {
        /// Where.
        place: Place,
        /// The key.
        key: String,
    },
    /// Written for a newer meshlift.
    #[error("format_version: {found} is newer than this meshlift understands")]
    NewerFormat {
        /// The version found.
        found: u32,
    },
    /// Moving by tag comes later.
    #[error("{path}: `tag` is not built yet")]
    MoveByTag {
        /// Where.
        path: String,
    },
    /// Maintenance windows come later; ignoring them would be worse than refusing them.
    #[error("windows: maintenance windows are not built yet")]
    Windows,
    /// A label that is no `key=value`.
    #[error("slo_critical.label: `{label}` is no label")]
    Label {
        /// The text.
        label: String,
    },
    /// A choice without a reason.
    #[error("{path}: the choice for {subject} has no reason")]
    NoReason {
        /// Where.
        path: String,
        /// Subject of the choice.
        subject: Box<ObjectRef>,
    },
    /// A day that is none.
    #[error("{path}.until: `{until}` is no day")]
    Until {
        /// Where.
        path: String,
        /// The text.
        until: String,
    },
    /// A choice that has run out.
    #[error("{path}: the choice for {subject} held until {until}")]
    Expired {
        /// Where.
        path: String,
        /// Subject of the choice.
        subject: Box<ObjectRef>,
        /// Its last day.
        until: String,
    },
    /// A limit out of range.
    #[error("limits.{name}: out of range")]
    Limit {
        /// Key.
        name: &'static str,
        /// The range, in words.
        range: &'static str,
    },
    /// A namespace that the mesh does not have.
    #[error("{path}: namespace `{namespace}` is not in the mesh")]
    UnknownNamespace {
        /// Where.
        path: String,
        /// The name.
        namespace: String,
        /// The namespace that is nearest.
        nearest: Option<String>,
    },
    /// A namespace that is to go at two places of the order.
    #[error("{path}: namespace `{namespace}` is in the order twice")]
    OrderedTwice {
        /// Where.
        path: String,
        /// The name.
        namespace: String,
    },
    /// A choice that its hazard does not offer.
    #[error("{path}: {code} at {subject} does not offer `{choice}`")]
    NotOffered {
        /// Where.
        path: String,
        /// Subject of the choice.
        subject: Box<ObjectRef>,
        /// Code of the hazard.
        code: String,
        /// What was chosen.
        choice: String,
        /// What it offers.
        offers: Vec<String>,
    },
    /// A choice whose preconditions the mesh does not meet.
    #[error("{path}: `{choice}` cannot be done for {subject}: {why}")]
    Impossible {
        /// Where.
        path: String,
        /// Subject of the choice.
        subject: Box<ObjectRef>,
        /// What was chosen.
        choice: String,
        /// Why not.
        why: String,
    },
    /// Two choices for one hazard.
    #[error("{path}: {subject} has a choice for this hazard already")]
    Twice {
        /// Where.
        path: String,
        /// Subject of the choice.
        subject: Box<ObjectRef>,
    },
    /// A tag to be removed that something would still follow.
    #[error("remove_tags: {follower} follows tag `{tag}`")]
    TagFollowed {
        /// The tag.
        tag: TagName,
        /// Who follows it.
        follower: Box<ObjectRef>,
    },
    /// A tag that may not be removed.
    #[error("remove_tags: tag `default` decides what `istio-injection=enabled` means")]
    DefaultTag,
    /// A name that is neither a tag nor a revision.
    #[error("{path}: `{name}` is neither a tag of this mesh nor the new revision")]
    UnknownRevision {
        /// Where.
        path: String,
        /// The name.
        name: String,
        /// Names that would do.
        known: Vec<String>,
    },
}

impl IntentError {
    /// Stable code, for `meshlift explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "ML8001",
            Self::Value { .. } | Self::Missing { .. } => "ML8002",
            Self::NewerFormat { .. } => "ML8003",
            Self::TooLarge { .. } => "ML8004",
            Self::MoveByTag { .. } => "ML8005",
            Self::Windows => "ML8006",
            Self::Label { .. } => "ML8007",
            Self::NoReason { .. } => "ML8008",
            Self::Until { .. } => "ML8009",
            Self::Expired { .. } => "ML8010",
            Self::Limit { .. } => "ML8011",
            Self::UnknownNamespace { .. } => "ML8012",
            Self::OrderedTwice { .. } => "ML8013",
            Self::NotOffered { .. } => "ML8014",
            Self::Impossible { .. } => "ML8015",
            Self::Twice { .. } => "ML8016",
            Self::TagFollowed { .. } => "ML8017",
            Self::DefaultTag => "ML8018",
            Self::UnknownRevision { .. } => "ML8019",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownKey { nearest, .. } => format!("did you mean `{nearest}`?"),
            Self::Value { nearest: Some(word), .. } => format!("did you mean `{word}`?"),
            Self::Value { nearest: None, .. } => "docs/reference/intent.md shows the format".to_owned(),
            Self::Missing { key, .. } => format!("add `{key}: …`"),
            Self::NewerFormat { .. } => "update meshlift, or write `format_version: 1`".to_owned(),
            Self::TooLarge { .. } => {
                "an intent holds one choice per hazard; is this another file?".to_owned()
            }
            Self::MoveByTag { .. } => "leave it out: namespaces move by their own label".to_owned(),
            Self::Windows => "leave `windows` out, and start the run inside your window".to_owned(),
            Self::Label { .. } => "write `key=value`, such as `tier=slo-critical`".to_owned(),
            Self::NoReason { .. } => "say why, for whoever reads the plan: `reason: …`".to_owned(),
            Self::Until { .. } => "write `YYYY-MM-DD`".to_owned(),
            Self::Expired { .. } => "decide again: give it a later `until`, or take it out".to_owned(),
            Self::Limit { range, .. } => format!("write a number {range}"),
            Self::UnknownNamespace { nearest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::UnknownNamespace { nearest: None, .. } => "take it out".to_owned(),
            Self::OrderedTwice { .. } => "leave it at one place of `order`".to_owned(),
            Self::NotOffered { offers, .. } => format!("it offers {}", offers.join(", ")),
            Self::Impossible { .. } => "choose something else that the hazard offers".to_owned(),
            Self::Twice { .. } => "keep one, or tell them apart by `hazard: CODE`".to_owned(),
            Self::TagFollowed { tag, follower } if follower.kind == "Namespace" => format!(
                "say where it goes: `{{subject: {follower}, choose: relabel-namespace NAME, reason: …}}`, or take \
                 `{tag}` out of remove_tags"
            ),
            Self::TagFollowed { tag, .. } => {
                format!("only its owner can change what it follows: take `{tag}` out of remove_tags")
            }
            Self::DefaultTag => "take it out of remove_tags".to_owned(),
            Self::UnknownRevision { known, .. } => format!("name one of {}", known.join(", ")),
        }
    }
}
