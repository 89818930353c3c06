//! What a person wants from an upgrade: target, order, limits, and a choice for each hazard.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::k8s::ObjectMeta;
use crate::names::{IstioVersion, ObjectRef, TagName};
use crate::text::read_text;

/// The intent file. Unknown keys are errors; every field but the format has a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Intent {
    /// Format of the file; 1.
    pub format_version: u32,
    /// Version to move to; `--to` may give it instead.
    pub target: Option<IstioVersion>,
    /// By namespace selector (default) or by tag.
    #[serde(rename = "move")]
    pub move_by: MoveBy,
    /// Exceptions for single namespaces.
    pub moves: BTreeMap<String, MoveBy>,
    /// Order among namespaces.
    pub order: Order,
    /// Limits and times that replace defaults.
    pub limits: Limits,
    /// Maintenance windows and freezes.
    pub windows: Vec<Window>,
    /// Tags to remove at the end; each of their followers needs a `relabel-namespace`.
    pub remove_tags: Vec<TagName>,
    /// What matters most: last among the waves, longer bake.
    pub slo_critical: SloCritical,
    /// One decision per hazard.
    pub choices: Vec<Choice>,
}

/// How followers move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveBy {
    /// Each namespace by its own selector.
    #[default]
    Namespace,
    /// The tag first, its followers after it.
    Tag,
}

/// Order among namespaces; what is not named keeps the planner's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// Namespaces of the canary wave.
    pub canary: Vec<String>,
    /// Namespaces right after it.
    pub first: Vec<String>,
    /// Namespaces at the end.
    pub last: Vec<String>,
}

/// Limits and times; each is a constant of [`crate::defaults`] in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// See [`crate::defaults::CANARY_PODS_MAX`].
    pub canary_pods_max: Option<usize>,
    /// See [`crate::defaults::WAVE_PODS_MAX`].
    pub wave_pods_max: Option<usize>,
    /// See [`crate::defaults::CONCURRENT_WORKLOADS_MAX`].
    pub concurrent_workloads_max: Option<usize>,
    /// See [`crate::defaults::SELECTOR_SETTLE_SECONDS`].
    pub selector_settle_seconds: Option<i64>,
    /// See [`crate::defaults::BAKE_SECONDS_CANARY`].
    pub bake_seconds_canary: Option<i64>,
    /// See [`crate::defaults::BAKE_SECONDS_WAVE`].
    pub bake_seconds_wave: Option<i64>,
    /// See [`crate::defaults::BAKE_SECONDS_SLO_CRITICAL`].
    pub bake_seconds_slo_critical: Option<i64>,
    /// See [`crate::defaults::BAKE_SECONDS_GATEWAY`].
    pub bake_seconds_gateway: Option<i64>,
    /// See [`crate::defaults::BAKE_SECONDS_CONTROL_PLANE`].
    pub bake_seconds_control_plane: Option<i64>,
    /// See [`crate::defaults::OBSERVATION_SECONDS`].
    pub observation_seconds: Option<i64>,
    /// See [`crate::defaults::OLD_ISTIOD_DARK_SECONDS`].
    pub old_istiod_dark_seconds: Option<i64>,
}

/// A maintenance window or a freeze, as text for now: `Sat-Sun 02:00-06:00 Europe/Berlin`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Window {
    /// Days, such as `Mon-Fri`.
    pub days: String,
    /// Start, `HH:MM`.
    pub from: String,
    /// End, `HH:MM`.
    pub to: String,
    /// IANA zone; UTC when absent.
    pub zone: Option<String>,
    /// True for a freeze: nothing starts in it.
    pub freeze: bool,
}

/// What matters most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SloCritical {
    /// Namespaces by name.
    pub namespaces: Vec<String>,
    /// Namespaces by label, `key=value`.
    pub label: Option<String>,
}

impl SloCritical {
    /// The label that counts, `key=value`: the one that was given, else
    /// [`SLO_CRITICAL_LABEL`](crate::defaults::SLO_CRITICAL_LABEL).
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or(crate::defaults::SLO_CRITICAL_LABEL)
    }

    /// True if the namespace is among what matters most, by name or by label.
    #[must_use]
    pub fn covers(&self, namespace: &ObjectMeta) -> bool {
        let (key, value) = self.label().split_once('=').unwrap_or((self.label(), ""));
        self.namespaces.contains(&namespace.name) || namespace.label(key) == Some(value)
    }
}

/// A decision about one hazard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The object that the finding names.
    pub subject: ObjectRef,
    /// What to do.
    pub choose: ChoiceKind,
    /// Why; mandatory.
    pub reason: String,
    /// Which finding is meant, where the subject has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hazard: Option<String>,
    /// Last day on which the choice holds, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What may be chosen; written as `word` or `word ARGUMENT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChoiceKind {
    /// Requests may be lost, as announced.
    AcceptLoss,
    /// A second ready replica for the step.
    ScaleUpFirst,
    /// Roll with so many unavailable.
    AllowUnavailable(i32),
    /// Raise the quota by so many pods for the step.
    RaiseQuota(i32),
    /// Delete pods one by one, under their PDB.
    DeletePods,
    /// Set a StatefulSet's partition to 0.
    SetPartitionZero,
    /// Point the namespace at this revision or tag.
    RelabelNamespace(String),
    /// Delete the bare pod and create it anew.
    DeleteBarePod,
    /// Leave what nothing injects as it is.
    LeaveUninjected,
    /// Keep the namespace on the old revision.
    HoldNamespace,
    /// A person confirms that traffic is elsewhere.
    FailoverElsewhere,
    /// Go on without a source.
    AcceptUnknown(String),
    /// Accept a named behaviour change.
    AcceptChange,
}

impl ChoiceKind {
    /// The word of this choice, without its argument.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::AcceptLoss => "accept-loss",
            Self::ScaleUpFirst => "scale-up-first",
            Self::AllowUnavailable(_) => "allow-unavailable",
            Self::RaiseQuota(_) => "raise-quota",
            Self::DeletePods => "delete-pods",
            Self::SetPartitionZero => "set-partition",
            Self::RelabelNamespace(_) => "relabel-namespace",
            Self::DeleteBarePod => "delete-bare-pod",
            Self::LeaveUninjected => "leave-uninjected",
            Self::HoldNamespace => "hold-namespace",
            Self::FailoverElsewhere => "failover-elsewhere",
            Self::AcceptUnknown(_) => "accept-unknown",
            Self::AcceptChange => "accept-change",
        }
    }

    /// All words, for hints.
    pub const WORDS: [&'static str; 13] = [
        "accept-loss",
        "scale-up-first",
        "allow-unavailable",
        "raise-quota",
        "delete-pods",
        "set-partition",
        "relabel-namespace",
        "delete-bare-pod",
        "leave-uninjected",
        "hold-namespace",
        "failover-elsewhere",
        "accept-unknown",
        "accept-change",
    ];
}

impl fmt::Display for ChoiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::AllowUnavailable(count) | Self::RaiseQuota(count) => write!(f, " {count}"),
            Self::RelabelNamespace(name) | Self::AcceptUnknown(name) => write!(f, " {name}"),
            Self::SetPartitionZero => f.write_str(" 0"),
            Self::AcceptLoss
            | Self::ScaleUpFirst
            | Self::DeletePods
            | Self::DeleteBarePod
            | Self::LeaveUninjected
            | Self::HoldNamespace
            | Self::FailoverElsewhere
            | Self::AcceptChange => Ok(()),
        }
    }
}

/// A text that is no choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no choice; choices are {words}", words = ChoiceKind::WORDS.join(", "))]
pub struct ChoiceError(String);

impl FromStr for ChoiceKind {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ChoiceError(text.to_owned());
        let (word, argument) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let argument = argument.trim();
        let count = || argument.parse::<i32>().ok().filter(|count| *count > 0).ok_or_else(error);
        let name = || if argument.is_empty() { Err(error()) } else { Ok(argument.to_owned()) };
        let bare = |kind: Self| if argument.is_empty() { Ok(kind) } else { Err(error()) };
        match word {
            "accept-loss" => bare(Self::AcceptLoss),
            "scale-up-first" => bare(Self::ScaleUpFirst),
            "allow-unavailable" => Ok(Self::AllowUnavailable(count()?)),
            "raise-quota" => Ok(Self::RaiseQuota(count()?)),
            "delete-pods" => bare(Self::DeletePods),
            "set-partition" if argument == "0" => Ok(Self::SetPartitionZero),
            "relabel-namespace" => Ok(Self::RelabelNamespace(name()?)),
            "delete-bare-pod" => bare(Self::DeleteBarePod),
            "leave-uninjected" => bare(Self::LeaveUninjected),
            "hold-namespace" => bare(Self::HoldNamespace),
            "failover-elsewhere" => bare(Self::FailoverElsewhere),
            "accept-unknown" => Ok(Self::AcceptUnknown(name()?)),
            "accept-change" => bare(Self::AcceptChange),
            _ => Err(error()),
        }
    }
}

impl Serialize for ChoiceKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChoiceKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, str::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_round_trip_and_refuse_missing_arguments() {
        for text in ["accept-loss", "raise-quota 1", "set-partition 0", "relabel-namespace prod"] {
            assert_eq!(text.parse::<ChoiceKind>().unwrap().to_string(), text);
        }
        for text in ["raise-quota", "raise-quota 0", "set-partition 1", "accept-loss now", "hope"] {
            assert!(text.parse::<ChoiceKind>().is_err(), "{text}");
        }
    }
}
