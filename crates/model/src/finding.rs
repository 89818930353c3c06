//! What a check says about the mesh.

use std::borrow::Cow;

use ecow::EcoString;
use serde::{Deserialize, Serialize};

use crate::names::ObjectRef;

/// One finding: a hazard at one object, or a check that could not judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code, `MLnnnn`.
    pub code: EcoString,
    /// How bad it is.
    pub severity: Severity,
    /// Failed, or unknown for lack of a source.
    pub verdict: Verdict,
    /// The object it is about.
    pub subject: ObjectRef,
    /// A few words, the same for every finding of the code.
    pub title: Cow<'static, str>,
    /// One sentence with the facts of this subject.
    pub detail: String,
    /// What to do about it.
    pub hint: Cow<'static, str>,
    /// Facts that it rests on: `Deployment/web/bff spec.strategy.type=Recreate`.
    pub evidence: Vec<String>,
    /// Anchor of its documentation: `docs/reference/checks.md#mlnnnn`.
    pub docs: EcoString,
    /// What follows for an upgrade; groups the output.
    pub consequence: Consequence,
    /// Words of the choices that decide it; empty where none is needed.
    pub offers: Vec<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Needs attention; the upgrade can go on around it.
    Warn,
    /// Holds the namespace of its subject, or the run.
    Block,
}

/// What the check could say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The hazard is there.
    Fail,
    /// A source is missing: it may be there.
    Unknown,
}

/// What follows from a finding for an upgrade, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// Requests are lost even in the best corner.
    Gap,
    /// The rollout cannot finish.
    Stuck,
    /// The rollout goes below a PodDisruptionBudget.
    BelowPdb,
    /// A restart does not reach all pods.
    NotReached,
    /// Traffic behaves differently afterwards.
    Behaviour,
    /// Pods are, or will be, without a proxy or an owner.
    Unserved,
    /// A gateway is replaced in place or loses what it needs.
    Gateway,
    /// Labels and tags say something other than people think.
    Selection,
    /// An upgrade of shared parts has side effects.
    Shared,
    /// Something may be lost, depending on what a snapshot cannot tell.
    Exposed,
    /// Could not be judged.
    Blind,
}

/// Rule or simulation verdict on one workload's restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrafficVerdict {
    /// Nothing lost in any corner.
    Safe,
    /// Nothing lost in the best corner, something in another.
    Exposed,
    /// Something lost even in the best corner.
    Gap,
}

impl Finding {
    /// Identity of a finding across runs: code, subject and verdict.
    #[must_use]
    pub fn key(&self) -> String {
        let mark = if self.verdict == Verdict::Unknown { "?" } else { "" };
        format!("{}{mark} {}", self.code, self.subject)
    }

    /// True if the hazard waits for a person's choice: it offers some, and none of them is a default
    /// (`leave-uninjected` is what happens to what nothing injects anyway).
    #[must_use]
    pub fn needs_choice(&self) -> bool {
        let default = self.offers.iter().any(|offer| offer == "leave-uninjected");
        !self.offers.is_empty() && !default && self.severity > Severity::Info
    }
}
