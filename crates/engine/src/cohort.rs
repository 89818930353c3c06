//! A workload's pods, judged: which moved, which are new, and what is wrong with the new ones.

use meshlift_model::defaults::APP_RESTARTS_MAX;
use meshlift_model::effect::{PodView, WorkloadView};
use meshlift_model::names::{IstioVersion, RevisionName};
use meshlift_model::time::Time;

use crate::next::{Judged, Next};

/// A workload's pods against the revision that they should carry.
pub(crate) struct Cohort<'a> {
    pub(crate) view: &'a WorkloadView,
    pub(crate) revision: &'a RevisionName,
    pub(crate) version: &'a IstioVersion,
    pub(crate) now: Time,
    /// Pods get their time to become Ready from here, if they are older.
    pub(crate) patient_since: Option<Time>,
}

impl<'a> Cohort<'a> {
    /// Pods that stay.
    pub(crate) fn living(&self) -> impl Iterator<Item = &'a PodView> + use<'a> {
        self.view.pods.iter().filter(|pod| !pod.terminating)
    }

    /// True if the pod is Ready, and was so through minReadySeconds.
    pub(crate) fn is_available(&self, pod: &PodView) -> bool {
        let since = pod.ready_since.map(|since| since.plus_seconds(self.view.min_ready_seconds));
        since.is_some_and(|since| since <= self.now)
    }

    /// Why the pod has not moved; nothing if it has: annotation, image and connection agree (law 8).
    pub(crate) fn lack(&self, pod: &PodView) -> Option<String> {
        if let Some(words) = &pod.nack {
            return Some(format!("rejects its configuration: {words}"));
        }
        let Some(revision) = &pod.revision else { return Some("has no sidecar".to_owned()) };
        if revision != self.revision {
            return Some(format!("was injected by {revision}"));
        }
        match &pod.image_version {
            Some(version) if version == self.version => {}
            Some(version) => return Some(format!("runs proxy {version}")),
            None => return Some("its proxy's version is unknown".to_owned()),
        }
        if pod.ready_since.is_none() {
            return Some("is not Ready".to_owned());
        }
        if !self.is_available(pod) {
            return Some(format!("is Ready for less than {} s", self.view.min_ready_seconds));
        }
        match &pod.connected_to {
            Some(istiod) if istiod == self.revision && pod.synced => None,
            Some(istiod) if istiod == self.revision => Some("is not synced".to_owned()),
            Some(istiod) => Some(format!("is connected to {istiod}")),
            None => Some("is not connected".to_owned()),
        }
    }

    /// Pods that have moved.
    pub(crate) fn moved(&self) -> usize {
        self.living().filter(|pod| self.lack(pod).is_none()).count()
    }

    /// Desired pods, never negative.
    pub(crate) fn desired(&self) -> usize {
        usize::try_from(self.view.replicas).unwrap_or(0)
    }

    /// All pods that should be there are there and have moved.
    pub(crate) fn all_moved(&self) -> bool {
        let living = self.living().count();
        living >= self.desired() && self.moved() == living
    }

    /// The controller has seen the newest template and says that it is rolled out.
    pub(crate) fn is_rolled_out(&self) -> bool {
        self.is_observed() && self.view.rolled_out
    }

    /// The controller has seen the newest template.
    pub(crate) fn is_observed(&self) -> bool {
        self.view.observed_generation >= self.view.generation
    }

    /// In words: what is still missing.
    pub(crate) fn missing(&self) -> String {
        let (moved, living) = (self.moved(), self.living().count());
        let first = self.living().find_map(|pod| Some(format!("pod {} {}", pod.name, self.lack(pod)?)));
        let trouble = self.view.trouble.as_ref().map(|trouble| format!("the controller says {trouble}"));
        let count = format!("{}: {moved} of {} pods moved", self.view.workload, self.desired().max(living));
        [Some(count), first, trouble].into_iter().flatten().collect::<Vec<_>>().join("; ")
    }

    /// HARD_STOP: any new pod that rejects its configuration, lacks its sidecar or got another one.
    pub(crate) fn stop_if_wrong(&self, is_new: impl Fn(&PodView) -> bool) -> Judged<()> {
        for pod in self.living().filter(|pod| is_new(pod)) {
            let name = format!("pod {} of {}", pod.name, self.view.workload);
            if let Some(words) = &pod.nack {
                return Err(Next::blame(format!("{name} rejects its configuration: {words}")));
            }
            match &pod.revision {
                None => return Err(Next::blame(format!("{name} has no sidecar"))),
                Some(revision) if revision != self.revision => {
                    return Err(Next::blame(format!("{name} was injected by {revision}")));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A new pod whose containers were started anew too often: the new cohort's fault, however ready it is now.
    pub(crate) fn stop_if_crashing(&self, is_new: impl Fn(&PodView) -> bool) -> Judged<()> {
        let mut crashing = self.living().filter(|pod| is_new(pod) && pod.restarts > APP_RESTARTS_MAX);
        crashing.next().map_or(Ok(()), |pod| {
            let (name, workload, restarts) = (&pod.name, &self.view.workload, pod.restarts);
            Err(Next::blame(format!(
                "pod {name} of {workload} crashes: it was started anew {restarts} times"
            )))
        })
    }

    /// A new pod that does not become Ready in time: the new cohort's fault if all old pods are fine. One that
    /// crashed has the workload's time to come back.
    pub(crate) fn stop_if_never_ready(
        &self,
        is_new: impl Fn(&PodView) -> bool,
        seconds_max: i64,
    ) -> Judged<()> {
        let late = |pod: &&PodView| {
            let since = self.patient_since.map_or(pod.created, |since| since.max(pod.created));
            let is_starting = pod.ready_since.is_none() && pod.restarts == 0;
            is_new(pod) && is_starting && since.plus_seconds(seconds_max) <= self.now
        };
        self.stop_if_crashing(&is_new)?;
        let Some(pod) = self.living().find(late) else { return Ok(()) };
        let why = format!("pod {} of {} is not Ready after {seconds_max} s", pod.name, self.view.workload);
        let old_are_fine = self.living().filter(|pod| !is_new(pod)).all(|pod| pod.ready_since.is_some());
        Err(if old_are_fine {
            Next::blame(why)
        } else {
            Next::hold(format!("{why}, and old pods are not Ready either"))
        })
    }
}
