//! Law 10: no proxy is newer than the control plane that it is connected to, and none is too old for it.
//!
//! Istio supports a control plane that is one minor version ahead of its proxies, never behind
//! (<https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew>); patch versions may
//! differ either way.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::injection::proxy_version;
use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use meshlift_model::run_report::Violation;

use super::shadow::Shadow;
use super::{Checker, violation};
use crate::admission::injector::revision_of_istiod;
use crate::istiod::LinkEvent;
use crate::store::Change;

const LAW: &str = "10";
/// Minor versions that an istiod may be ahead of its proxies.
const MINORS_AHEAD_MAX: u32 = 1;

/// Major and minor number.
type Minor = (u32, u32);

/// Versions of the control planes, by revision.
pub(super) struct Skew<'a> {
    at_start: &'a BTreeMap<ObjectRef, RevisionName>,
    control_planes: BTreeMap<RevisionName, IstioVersion>,
    /// Proxy and control plane that were connected before us, whatever one thinks of it.
    pairs_before: Option<BTreeSet<(Minor, Minor)>>,
    found: Vec<Violation>,
}

impl<'a> Skew<'a> {
    pub(super) fn new(at_start: &'a BTreeMap<ObjectRef, RevisionName>) -> Self {
        Self { at_start, control_planes: BTreeMap::new(), pairs_before: None, found: Vec::new() }
    }

    fn pair(
        &self,
        pod: &ObjectRef,
        revision: &RevisionName,
        now: &Shadow,
    ) -> Option<(IstioVersion, &IstioVersion)> {
        let proxy = proxy_version(now.object(pod).and_then(Pod::from_object)?)?;
        Some((proxy, self.control_planes.get(revision)?))
    }

    fn pairs_at_start(&self, now: &Shadow) -> BTreeSet<(Minor, Minor)> {
        let pairs = self.at_start.iter().filter_map(|(pod, revision)| self.pair(pod, revision, now));
        pairs.map(|(proxy, control_plane)| (minor(&proxy), minor(control_plane))).collect()
    }
}

fn minor(version: &IstioVersion) -> Minor {
    (version.major, version.minor)
}

fn is_supported(proxy: Minor, control_plane: Minor) -> bool {
    proxy.0 == control_plane.0
        && control_plane.1.checked_sub(proxy.1).is_some_and(|ahead| ahead <= MINORS_AHEAD_MAX)
}

impl Checker for Skew<'_> {
    fn change(&mut self, change: &Change, now: &Shadow) {
        if !now.is_loading && self.pairs_before.is_none() {
            self.pairs_before = Some(self.pairs_at_start(now));
        }
        let Some(pod) = change.of::<Pod>().filter(|_| !change.is_deletion()) else { return };
        let Some(revision) = revision_of_istiod(pod) else { return };
        let images = pod.spec.containers.iter().filter_map(|container| container.image.rsplit_once(':'));
        if let Some(version) = images.filter_map(|(_, tag)| IstioVersion::from_loose(tag)).next() {
            self.control_planes.insert(revision, version);
        }
    }

    fn link(&mut self, event: &LinkEvent, now: &Shadow) {
        if !event.connected {
            return;
        }
        let Some((proxy, control_plane)) = self.pair(&event.pod, &event.revision, now) else { return };
        let pair = (minor(&proxy), minor(control_plane));
        let before = self.pairs_before.as_ref().is_some_and(|before| before.contains(&pair));
        if !is_supported(pair.0, pair.1) && !before {
            let revision = &event.revision;
            let detail = format!("proxy {proxy} is connected to istiod {control_plane} of {revision}");
            self.found.push(violation(LAW, event.at, event.pod.clone(), detail));
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
