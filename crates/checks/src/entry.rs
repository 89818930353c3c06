//! An entry of the catalogue: what a hazard is, and to which versions it applies.

use std::fmt;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::IstioVersion;

use crate::context::Context;

/// What the catalogue says of a check: the same for each of its findings.
pub(crate) struct Entry {
    pub(crate) code: &'static str,
    pub(crate) layer: Layer,
    pub(crate) versions: Versions,
    pub(crate) title: &'static str,
    pub(crate) severity: Severity,
    pub(crate) consequence: Consequence,
    /// Words of the choices that decide it; `hold-namespace` is added to them.
    pub(crate) offers: &'static [&'static str],
    /// Whether a person may go on without its sources. Never for rejections, the injector, the root CA.
    pub(crate) may_accept_unknown: bool,
    /// What to do, in one sentence.
    pub(crate) hint: &'static str,
    /// Why it matters.
    pub(crate) why: &'static str,
    /// How to see it with one's own eyes.
    pub(crate) see: &'static str,
    /// How to fix it.
    pub(crate) fix: &'static str,
    /// Where the behaviour is described.
    pub(crate) sources: &'static [&'static str],
}

/// The part of a mesh that a hazard lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Custom resource definitions, and who owns them.
    Crds,
    /// istiods, their webhooks and their root.
    ControlPlane,
    /// Tags and labels: who follows what.
    Tags,
    /// Sidecars and what injection makes.
    Sidecars,
    /// Gateways and waypoints.
    Gateways,
    /// istio-cni, ztunnel, and what hangs on them.
    Ambient,
    /// How workloads are replaced.
    Rollout,
    /// Istio's configuration.
    Configuration,
    /// Kubernetes itself.
    Kubernetes,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Crds,
        Self::ControlPlane,
        Self::Tags,
        Self::Sidecars,
        Self::Gateways,
        Self::Ambient,
        Self::Rollout,
        Self::Configuration,
        Self::Kubernetes,
    ];

    /// One word, for a command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Crds => "crds",
            Self::ControlPlane => "control-plane",
            Self::Tags => "tags",
            Self::Sidecars => "sidecars",
            Self::Gateways => "gateways",
            Self::Ambient => "ambient",
            Self::Rollout => "rollout",
            Self::Configuration => "configuration",
            Self::Kubernetes => "kubernetes",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crds => "CRDs",
            Self::ControlPlane => "control plane",
            Self::Tags => "tags and labels",
            Self::Sidecars => "sidecars",
            Self::Gateways => "gateways",
            Self::Ambient => "ambient",
            Self::Rollout => "rollout",
            Self::Configuration => "configuration",
            Self::Kubernetes => "Kubernetes",
        })
    }
}

/// Versions of Istio to which an entry applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    /// All.
    Any,
    /// All, by what the target is: without one there is nothing to judge.
    Target,
    /// A change that came with 1.N.0: upgrades that begin before it and end with it or after it.
    Since(u32),
    /// A change that came with these patches of minor versions, and every minor version after the last of them.
    SincePatches(&'static [(u32, u32)]),
    /// A change that came with 1.N.0 of an agent of the nodes, which is upgraded after the control plane.
    SinceOf(Agent, u32),
    /// Control planes that run an earlier patch of these minor versions, or an earlier minor version than all of them.
    RunningBefore(&'static [(u32, u32)]),
}

/// What runs once on each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// istio-cni.
    Cni,
    /// ztunnel.
    Ztunnel,
}

impl Agent {
    /// True if it is not known to be of that minor version or a later one; `None` where there is no such agent.
    fn is_before(self, context: &Context<'_>, minor: u32) -> Option<bool> {
        let ambient = &context.mesh.ambient;
        let (agents, version) = match self {
            Self::Cni => (&ambient.cni, &ambient.cni_version),
            Self::Ztunnel => (&ambient.ztunnels, &ambient.ztunnel_version),
        };
        let is_before = version.as_ref().is_none_or(|version| !reaches(version, minor));
        (!agents.is_empty()).then_some(is_before)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cni => "istio-cni",
            Self::Ztunnel => "ztunnel",
        }
    }
}

impl Versions {
    /// True if it can apply: to the versions that carry proxies now, and to the target.
    pub(crate) fn apply(self, context: &Context<'_>) -> bool {
        if !self.need_target() {
            return true;
        }
        let Some(target) = context.target else { return false };
        if self == Self::Target {
            return true;
        }
        if let Self::SinceOf(agent, minor) = self
            && let Some(is_before) = agent.is_before(context, minor)
        {
            return is_before && self.has(target);
        }
        let revisions = || context.mesh.revisions.values();
        // Where nothing is known to be in use, anything that is there may be; where nothing is there, any version may run.
        let is_known = revisions().any(|revision| revision.pods > 0 && revision.version.is_some());
        let mut running = revisions().filter(|revision| revision.pods > 0 || !is_known).peekable();
        let before = running.peek().is_none()
            || running.any(|revision| revision.version.as_ref().is_none_or(|version| !self.has(version)));
        before && self.has(target)
    }

    /// True if it cannot be judged without a target.
    pub(crate) fn need_target(self) -> bool {
        !matches!(self, Self::Any | Self::RunningBefore(_))
    }

    /// True for a version with the change.
    pub(crate) fn has(self, version: &IstioVersion) -> bool {
        match self {
            Self::Any | Self::Target | Self::RunningBefore(_) => true,
            Self::Since(minor) | Self::SinceOf(_, minor) => reaches(version, minor),
            Self::SincePatches(patches) => match patches.iter().find(|(minor, _)| *minor == version.minor) {
                Some((_, patch)) => version.major > 1 || version.patch >= *patch,
                None => version.major > 1 || patches.iter().all(|(minor, _)| version.minor > *minor),
            },
        }
    }

    /// True if it names a version that runs.
    pub(crate) fn names(self, version: &IstioVersion) -> bool {
        let Self::RunningBefore(fixed) = self else { return true };
        match fixed.iter().find(|(minor, _)| *minor == version.minor) {
            Some((_, patch)) => version.patch < *patch,
            None => version.major == 1 && fixed.iter().all(|(minor, _)| version.minor < *minor),
        }
    }
}

fn reaches(version: &IstioVersion, minor: u32) -> bool {
    (version.major, version.minor) >= (1, minor)
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("all versions"),
            Self::Target => f.write_str("upgrades to any version"),
            Self::Since(minor) => write!(f, "upgrades from before 1.{minor} to 1.{minor} or later"),
            Self::SinceOf(agent, minor) => {
                write!(f, "upgrades of {} from before 1.{minor} to 1.{minor} or later", agent.name())
            }
            Self::SincePatches(patches) => {
                let patches = names(patches);
                write!(f, "upgrades from before {patches} to one of them or later")
            }
            Self::RunningBefore(fixed) => write!(f, "control planes before {}", names(fixed)),
        }
    }
}

fn names(patches: &[(u32, u32)]) -> String {
    patches.iter().map(|(minor, patch)| format!("1.{minor}.{patch}")).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_before_the_fix_are_named_and_later_ones_are_not() {
        let fixed = Versions::RunningBefore(&[(29, 5), (30, 2)]);
        let named = |text: &str| fixed.names(&text.parse().unwrap());
        for version in ["1.28.10", "1.29.4", "1.30.1"] {
            assert!(named(version), "{version}");
        }
        for version in ["1.29.5", "1.30.2", "1.31.0", "2.0.0"] {
            assert!(!named(version), "{version}");
        }
    }

    #[test]
    fn a_change_that_came_with_patches_is_in_them_and_in_what_follows() {
        let change = Versions::SincePatches(&[(29, 7), (30, 4), (31, 1)]);
        let has = |text: &str| change.has(&text.parse().unwrap());
        for version in ["1.29.7", "1.29.9", "1.30.4", "1.31.1", "1.32.0", "2.0.0"] {
            assert!(has(version), "{version}");
        }
        for version in ["1.28.10", "1.29.6", "1.30.0", "1.30.3", "1.31.0"] {
            assert!(!has(version), "{version}");
        }
    }
}
