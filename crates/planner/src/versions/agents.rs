//! Agents of the nodes on the way: istio-cni and ztunnel may be one minor version behind the control plane, never ahead of it.

use meshlift_model::names::IstioVersion;
use meshlift_model::upgrade_path::Part;

use super::path::Walk;

impl Walk<'_> {
    /// What no order of hops helps against: agents ahead of the control plane or of the target, or of unknown versions.
    pub(super) fn judge_agents(&mut self, from: &IstioVersion, target: &IstioVersion) {
        for agent in &self.situation.agents {
            let name = agent.name;
            let Some(version) = &agent.version else {
                self.path.notes.push(format!(
                    "which one version {name} runs is not known: see that all of it is at most one minor version behind \
                     each hop, `kubectl get daemonset -A -o wide`"
                ));
                continue;
            };
            if version.is_ahead_of(from) {
                let why = format!("{name} runs {version}, ahead of a control plane that runs {from}");
                self.path.blocked.push(format!("{why}: bring it to {from} first"));
            } else if (target.minor, target.patch) < (version.minor, version.patch) {
                self.path.blocked.push(format!("{target} is older than {name}, which runs {version}"));
            }
        }
    }

    /// Agents that the hop would leave too far behind come to where the control plane is before it.
    pub(super) fn agents_first(&mut self, at: &IstioVersion, to: &IstioVersion) {
        let is_late = |version: &IstioVersion| version < at && version.too_far_from(to).is_some();
        let late: Vec<(&str, IstioVersion)> = self
            .agents
            .iter()
            .filter_map(|agent| Some((agent.name, agent.version.clone().filter(is_late)?)))
            .collect();
        if late.is_empty() {
            return;
        }
        let words: Vec<String> =
            late.iter().map(|(name, version)| format!("{name} runs {version}")).collect();
        let untested = late.iter().any(|(_, version)| version.too_far_from(at).is_some());
        let mut notes = Vec::new();
        if untested {
            notes
                .push(format!("they are already too far behind {at}, which nobody has tested: do this soon"));
        }
        if late.len() > 1 {
            notes.push("istio-cni first, then ztunnel node by node".to_owned());
        }
        let why = format!(
            "{}: the agents of the nodes may be at most one minor version behind the control plane, and {to} is next",
            words.join(", ")
        );
        self.first(Part::NodeAgents, at.to_string(), why, notes);
        self.agents_follow(at);
    }

    /// From here on the agents run that version; one of an unknown version stays unknown.
    pub(super) fn agents_follow(&mut self, to: &IstioVersion) {
        for version in self.agents.iter_mut().filter_map(|agent| agent.version.as_mut()) {
            if *version < *to {
                version.clone_from(to);
            }
        }
    }

    /// In which order a hop goes through what there is.
    pub(super) fn order_of_agents(&self) -> Option<String> {
        if self.situation.ambient {
            return Some("control plane first, then istio-cni, then ztunnel node by node".to_owned());
        }
        let has_agents = !self.agents.is_empty();
        has_agents.then(|| "control plane first, then istio-cni".to_owned())
    }
}
