//! Whatever selects a revision by a name.

use meshlift_model::action::Selector;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use serde::Serialize;

/// What a name resolves to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "follows", rename_all = "kebab-case")]
pub enum Follows {
    /// A tag.
    Tag {
        /// Tag.
        tag: TagName,
    },
    /// A bare revision.
    Revision {
        /// Revision.
        revision: RevisionName,
    },
    /// A name that nothing serves.
    Unserved {
        /// Name.
        name: String,
    },
    /// Nothing: it selects no revision.
    Nothing,
}

/// Something that selects a revision by a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Follower {
    /// Namespace, workload (its pod template) or Gateway.
    pub subject: ObjectRef,
    /// What it follows.
    pub follows: Follows,
    /// Revision that this resolves to now.
    pub revision: Option<RevisionName>,
    /// Pods that it decides: injected ones, or those that a gateway owner made.
    pub pods: usize,
    /// A selector that is there but has no say, in words (`istio.io/rev=prod-stable is ignored: …`).
    pub ignored: Option<String>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamespaceFacts {
    /// Name.
    pub name: String,
    /// Injection labels.
    pub selector: Selector,
    /// What they follow.
    pub follows: Follows,
    /// True if both `istio-injection` and `istio.io/rev` are set.
    pub two_selectors: bool,
    /// `istio.io/dataplane-mode=ambient`.
    pub ambient: bool,
    /// Workloads in it.
    pub workloads: Vec<ObjectRef>,
    /// Pods in it that are not finished.
    pub pods: usize,
    /// GitOps controller that owns its labels, in words.
    pub managed_by: Option<String>,
}
