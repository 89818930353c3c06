//! Law 10: no proxy is newer than the control plane that it is connected to.
//!
//! Istio supports a control plane that is ahead of its proxies, never behind
//! (<https://istio.io/latest/docs/releases/supported-releases/>); patch versions may differ either way.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::{IstioVersion, RevisionName};
use meshlift_model::run_report::Violation;

use super::shadow::Shadow;
use super::{Checker, violation};
use crate::admission::injector::revision_of_istiod;
use crate::istiod::{LinkEvent, proxy_version};
use crate::store::Change;

const LAW: &str = "10";

/// Versions of the control planes, by revision.
#[derive(Default)]
pub(super) struct Skew {
    control_planes: BTreeMap<RevisionName, IstioVersion>,
    found: Vec<Violation>,
}

impl Checker for Skew {
    fn change(&mut self, change: &Change, _now: &Shadow) {
        let Some(pod) = change.of::<Pod>().filter(|_| !change.is_deletion()) else { return };
        let Some(revision) = revision_of_istiod(pod) else { return };
        let images = pod.spec.containers.iter().filter_map(|container| container.image.rsplit_once(':'));
        if let Some(version) = images.filter_map(|(_, tag)| IstioVersion::from_loose(tag)).next() {
            self.control_planes.insert(revision, version);
        }
    }

    fn link(&mut self, event: &LinkEvent, now: &Shadow) {
        let Some(pod) = now.object(&event.pod).and_then(Pod::from_object).filter(|_| event.connected) else {
            return;
        };
        let versions = proxy_version(pod).zip(self.control_planes.get(&event.revision));
        let Some((proxy, control_plane)) = versions else { return };
        if (proxy.major, proxy.minor) > (control_plane.major, control_plane.minor) {
            let revision = &event.revision;
            let detail = format!("proxy {proxy} is connected to istiod {control_plane} of {revision}");
            self.found.push(violation(LAW, event.at, event.pod.clone(), detail));
        }
    }

    fn found(self: Box<Self>) -> Vec<Violation> {
        self.found
    }
}
