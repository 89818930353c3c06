//! How far a hop may go.

use meshlift_model::names::{IstioVersion, REVISIONS_APART_MAX};

use super::path::{SUPPORT, Walk};
use super::releases::{Minor, line};

/// Where Istio tells how far apart revisions may be, and what goes on in place.
const CANARY: &str = "https://istio.io/latest/docs/setup/upgrade/canary/#before-you-upgrade";

impl Walk<'_> {
    /// The minor version of the next hop: as far on as revisions may be apart, unless something here forbids it.
    pub(super) fn next_minor(&mut self, at: &IstioVersion, target: &IstioVersion) -> u32 {
        let next = at.minor.saturating_add(1);
        let far = at.minor.saturating_add(REVISIONS_APART_MAX).min(target.minor);
        let Some(release) = self.releases.of((at.major, far)).filter(|_| far > next) else { return next };
        if let Some(why) = self.holds_back(at, release.kubernetes[0]) {
            self.refuse(format!("{at} to {} in one hop", line(release.minor)), why, SUPPORT);
            return next;
        }
        let why =
            "revisions may be two minor versions apart, and each hop restarts every workload".to_owned();
        self.refuse(format!("{} on the way", line((at.major, next))), why, CANARY);
        far
    }

    /// Why the next hop is one minor version on and not two, to one that needs that Kubernetes at least.
    fn holds_back(&self, at: &IstioVersion, kubernetes: Minor) -> Option<String> {
        let situation = self.situation;
        let agents: Vec<&str> = situation.agents.iter().map(|agent| agent.name).collect();
        if !agents.is_empty() {
            let agents = agents.join(" and ");
            return Some(format!(
                "both revisions are served by {agents}: at most one minor version behind a control plane, never ahead of it"
            ));
        }
        if situation.agents_unread {
            return Some(
                "DaemonSets were not read: istio-cni or ztunnel may run, one minor version behind at most"
                    .into(),
            );
        }
        if situation.several_clusters == Some(true) {
            return Some("the mesh's other clusters would be two minor versions behind it".to_owned());
        }
        match self.releases.of((at.major, at.minor)) {
            None => Some(format!("the catalogue does not say on which Kubernetes {} runs", at.minor_line())),
            Some(now) if now.kubernetes[1] < kubernetes => {
                Some("no Kubernetes is supported by both".to_owned())
            }
            Some(_) => None,
        }
    }

    /// What there is to say of a hop that passes a minor version over.
    pub(super) fn notes_of_jump(&self, at: &IstioVersion, to: &IstioVersion) -> Vec<String> {
        if to.minor <= at.minor.saturating_add(1) {
            return Vec::new();
        }
        let between = line((at.major, at.minor.saturating_add(1)));
        let mut notes = vec![format!(
            "as a new revision beside {at}, as meshlift does it; in place, {between} comes first"
        )];
        if self.situation.several_clusters.is_none() {
            notes.push(format!(
                "whether the mesh has other clusters is not known, Secrets were not read; if it has, {between} comes first"
            ));
        }
        notes
    }
}
