//! Words for the enums of other rooms, the same in every display.

use meshlift_mesh::{Follows, GatewayKind, InstallMethod, ProxyKind, RolloutRules, RolloutState};
use meshlift_model::finding::{Consequence, Finding, Severity, TrafficVerdict, Verdict};
use meshlift_model::journal::RunResult;
use meshlift_model::names::RevisionName;

/// `tag prod-stable`, `revision 1-29-6`, `name 1-27-3`, `nothing`.
#[must_use]
pub fn follows(follows: &Follows) -> String {
    match follows {
        Follows::Tag { tag } => format!("tag {tag}"),
        Follows::Revision { revision } => format!("revision {revision}"),
        Follows::Unserved { name } => format!("name {name}"),
        Follows::Nothing => "nothing".to_owned(),
    }
}

/// A revision, or what stands for none.
#[must_use]
pub fn revision(revision: Option<&RevisionName>) -> String {
    revision.map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// A proxy's kind, before a count's noun.
#[must_use]
pub fn proxy(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Native => "native",
        ProxyKind::Classic => "classic",
        ProxyKind::Gateway => "gateway",
        ProxyKind::ManagedGateway => "managed gateway",
        ProxyKind::Waypoint => "waypoint",
        ProxyKind::Ztunnel => "ztunnel",
    }
}

/// How a gateway comes to be.
#[must_use]
pub fn gateway(kind: GatewayKind) -> &'static str {
    match kind {
        GatewayKind::Injected => "injected",
        GatewayKind::Rendered => "rendered by its installer",
        GatewayKind::Managed => "made by istiod for a Gateway",
        GatewayKind::Waypoint => "waypoint",
    }
}

/// How the mesh was installed.
#[must_use]
pub fn install(method: &InstallMethod) -> String {
    match method {
        InstallMethod::Istioctl { .. } => "installed by istioctl".to_owned(),
        InstallMethod::Unknown { reason } => format!("installed by: unknown ({reason})"),
    }
}

/// How pods are replaced.
#[must_use]
pub fn rules(rules: &RolloutRules) -> String {
    match rules {
        RolloutRules::Rolling { max_unavailable, max_surge, .. } => {
            format!("rolls with {max_unavailable} unavailable and {max_surge} on top")
        }
        RolloutRules::Recreate => "Recreate: all pods stop before the first new one".to_owned(),
        RolloutRules::Ordered { partition, max_unavailable, .. } => {
            let pace = if *max_unavailable > 1 {
                format!("{max_unavailable} at a time")
            } else {
                "one at a time".to_owned()
            };
            let end =
                if *partition > 0 { format!(", not below partition {partition}") } else { String::new() };
            format!("{pace}, highest ordinal first{end}")
        }
        RolloutRules::PerNode { max_unavailable, max_surge } => {
            format!("node by node with {max_unavailable} unavailable and {max_surge} on top")
        }
        RolloutRules::OnDelete => "OnDelete: a restart replaces no pod, each must be deleted".to_owned(),
        RolloutRules::NextRun => "new pods come with the next run".to_owned(),
        RolloutRules::Bare => "a bare pod: nothing re-creates it".to_owned(),
        RolloutRules::Foreign { owner } => format!("owned by {owner}, which meshlift does not know"),
    }
}

/// Whether a rollout runs.
#[must_use]
pub fn rollout(state: &RolloutState) -> String {
    match state {
        RolloutState::Settled => "settled".to_owned(),
        RolloutState::Running => "rollout running".to_owned(),
        RolloutState::Stuck { why } => format!("rollout stuck: {why}"),
        RolloutState::LeftBehind { pods } => format!("left on an older template: {}", pods.join(" ")),
    }
}

/// What a finding begins with: its severity, or that it is unknown.
#[must_use]
pub fn mark(finding: &Finding) -> &'static str {
    match finding.verdict {
        Verdict::Fail => severity(finding.severity),
        Verdict::Unknown => "unknown",
    }
}

/// A severity.
#[must_use]
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Block => "block",
        Severity::Warn => "warn",
        Severity::Info => "info",
    }
}

/// A traffic verdict.
#[must_use]
pub fn verdict(verdict: TrafficVerdict) -> &'static str {
    match verdict {
        TrafficVerdict::Safe => "safe",
        TrafficVerdict::Exposed => "exposed",
        TrafficVerdict::Gap => "gap",
    }
}

/// A run's result, as in JSON.
#[must_use]
pub fn result(result: RunResult) -> &'static str {
    match result {
        RunResult::Done => "done",
        RunResult::RolledBack => "rolled-back",
        RunResult::Waiting => "waiting",
        RunResult::Failed => "failed",
    }
}

/// A consequence's name and what it means for an upgrade.
#[must_use]
pub fn consequence(consequence: Consequence) -> (&'static str, &'static str) {
    match consequence {
        Consequence::Gap => ("gap", "requests are lost even if everything goes well"),
        Consequence::Stuck => ("stuck", "the rollout cannot finish"),
        Consequence::BelowPdb => ("below PDB", "the rollout has fewer ready pods than the budget promises"),
        Consequence::NotReached => ("not reached", "a restart does not replace these pods"),
        Consequence::Behaviour => ("changes behaviour", "traffic is treated differently afterwards"),
        Consequence::Unserved => ("unserved", "pods are, or will be, without a proxy or an owner"),
        Consequence::Gateway => ("gateway", "replaced in place, or lacks what it needs"),
        Consequence::Selection => ("selection", "labels and tags do not say what people may think"),
        Consequence::Shared => ("shared", "an upgrade of shared parts has side effects"),
        Consequence::Exposed => ("exposed", "something may be lost, which a snapshot cannot tell"),
        Consequence::Blind => ("blind", "could not be judged: a source is missing"),
    }
}

/// The words with a capital letter first.
#[must_use]
pub fn capitalised(words: &str) -> String {
    let mut words = words.to_owned();
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
}
