//! Pod timings that were recorded, fed to the twin's kubelets.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Pod, ReplicaSet, Resource};
use meshlift_model::time::Time;
use meshlift_snapshot::fixtures::WatchEventType;
use meshlift_twin::{PodStart, PodTimings, SteadyTimings, Store};

use crate::recording::{Recording, cohort_of_pod, cohort_of_set};

/// What the kubelets are told of a pod's Ready time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    /// The recorded `lastTransitionTime`. Nothing tells when within that second it was: its middle is taken.
    WholeSeconds,
    /// When the event reached the watcher, to the millisecond.
    Instants,
}

/// Recorded times per owner, in order of creation and of deletion.
#[derive(Clone)]
pub(crate) struct ReplayTimings {
    ready: BTreeMap<String, Vec<Option<Time>>>,
    gone: BTreeMap<String, Vec<Time>>,
    started: BTreeMap<String, usize>,
    stopped: BTreeMap<String, usize>,
    /// For what is not fed: addresses, and pods that outlive the recording.
    otherwise: SteadyTimings,
}

impl ReplayTimings {
    pub(crate) fn new(recording: &Recording, feed: Feed, seed: u64) -> Self {
        let sets = recording.cohorts();
        let mut created: Vec<(String, String)> = Vec::new();
        let mut ready: BTreeMap<String, Time> = BTreeMap::new();
        let mut gone: BTreeMap<String, Vec<Time>> = BTreeMap::new();
        for (at, event, pod) in recording.versions::<Pod>() {
            let cohort = cohort_of_pod(pod, |uid| sets.get(uid).cloned());
            let uid = pod.metadata.uid.clone();
            if event.type_ == WatchEventType::Deleted {
                gone.entry(cohort).or_default().push(at);
                continue;
            }
            if event.type_ == WatchEventType::Added && !Recording::is_before(event) {
                created.push((cohort, uid.clone()));
            }
            if pod.is_ready() {
                let since = pod.condition("Ready").and_then(|ready| ready.last_transition_time);
                let fed = match feed {
                    Feed::WholeSeconds => since.map(|since| since.plus_millis(500)),
                    Feed::Instants => Some(at),
                };
                ready.entry(uid).or_insert(fed.unwrap_or(at));
            }
        }
        gone.values_mut().for_each(|times| times.sort());
        let mut by_cohort: BTreeMap<String, Vec<Option<Time>>> = BTreeMap::new();
        for (cohort, uid) in created {
            by_cohort.entry(cohort).or_default().push(ready.get(&uid).copied());
        }
        Self {
            ready: by_cohort,
            gone,
            started: BTreeMap::new(),
            stopped: BTreeMap::new(),
            otherwise: SteadyTimings::new(seed),
        }
    }
}

fn next<T: Copy>(
    times: &BTreeMap<String, Vec<T>>,
    used: &mut BTreeMap<String, usize>,
    cohort: &str,
) -> Option<T> {
    let place = used.entry(cohort.to_owned()).or_default();
    *place += 1;
    times.get(cohort)?.get(*place - 1).copied()
}

fn cohort(pod: &Pod, store: &Store) -> String {
    cohort_of_pod(pod, |uid| {
        store.by_uid(uid).and_then(|object| ReplicaSet::from_object(object)).map(cohort_of_set)
    })
}

impl PodTimings for ReplayTimings {
    fn start(&mut self, pod: &Pod, store: &Store) -> PodStart {
        let cohort = cohort(pod, store);
        let ready_at = next(&self.ready, &mut self.started, &cohort).flatten();
        PodStart { ready_at, ..self.otherwise.start(pod, store) }
    }

    fn gone_at(&mut self, pod: &Pod, store: &Store) -> Time {
        let cohort = cohort(pod, store);
        next(&self.gone, &mut self.stopped, &cohort).unwrap_or_else(|| self.otherwise.gone_at(pod, store))
    }
}
