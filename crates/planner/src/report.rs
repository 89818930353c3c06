//! The planning report: why the plan is as it is, stage by stage and workload by workload.

use std::collections::BTreeMap;

use meshlift_model::names::ObjectRef;
use meshlift_model::plan::Stage;
use serde::Serialize;

use crate::note::Note;

/// Why a plan is as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[must_use = "an unread report is not actionable"]
pub struct PlanningReport {
    /// What each stage came to, in their order.
    pub stages: Vec<StageReport>,
    /// What becomes of each workload.
    pub workloads: BTreeMap<ObjectRef, Fate>,
    /// Held namespaces, with the reasons.
    pub held: BTreeMap<String, Vec<String>>,
    /// Odd things about the intent, and what was not compared.
    pub notes: Vec<Note>,
}

/// What one stage came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageReport {
    /// Stage.
    pub stage: Stage,
    /// Its steps, by id.
    pub steps: Vec<String>,
    /// Why there are these, or none.
    pub reason: String,
}

/// What becomes of a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// A step moves it.
    Moves {
        /// Id of the step.
        step: String,
    },
    /// Its controller makes new pods by itself.
    ByItself {
        /// How.
        why: String,
    },
    /// It needs nothing.
    Nothing {
        /// Why.
        why: String,
    },
    /// It waits for a person.
    Waits {
        /// Why.
        why: String,
    },
    /// It is held by something else that waits.
    Held {
        /// By what.
        why: String,
    },
}

impl Fate {
    /// The reason, or the step.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Moves { step } => step,
            Self::ByItself { why } | Self::Nothing { why } | Self::Waits { why } | Self::Held { why } => why,
        }
    }
}
