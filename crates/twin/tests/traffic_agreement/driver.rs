//! Restarts workloads in the twin, one after the other, in one corner.

use std::collections::BTreeSet;

use meshlift_model::effect::{Change, Effect, Observation, Outcome, Query, Write};
use meshlift_model::journal::InputEvent;
use meshlift_model::k8s::{DaemonSet, Object, Pod, ResourceQuota, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::view::{PodView, WorkloadView};
use meshlift_ports::WorldPort;
use meshlift_twin::admission::injector;
use meshlift_twin::traffic::{Corner, Traffic, measure};
use meshlift_twin::world::{TwinOptions, TwinWorld};

/// Longest that a client may go on using what is gone: a load balancer's list in the slow corner.
const FORGET_SECONDS: i64 = 320;
const ROLLOUT_SECONDS_MAX: i64 = 7200;
/// Without any change for so long, a rollout does not go on by itself: the longest back-off of a controller is
/// 1000 s.
const STILL_SECONDS: i64 = 1500;
/// For so long no pod comes or goes where all rollouts are over: longer than any minReadySeconds here.
const QUIET_SECONDS: i64 = 120;
/// Room for everything.
pub(crate) const ROOM: &str = "1000000000";

/// What a rollout that stands still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hand {
    /// Somebody who deletes its pods.
    DeletePods,
    /// Somebody who lowers its partition.
    SetPartition,
    /// Room in a quota.
    RaiseQuota,
    /// Nobody here knows.
    Other,
}

pub(crate) struct Driver(pub(crate) TwinWorld);

impl Driver {
    /// Two worlds of which the second begins where the first ends must not share a seed: pods of both would get
    /// the same uids.
    pub(crate) fn load(snapshot: &Snapshot, corner: Corner, seed: u64) -> Self {
        Self(TwinWorld::load(snapshot, TwinOptions { seed, corner, manifest: None }))
    }

    fn run(&mut self, effect: Effect) -> Outcome {
        self.0.submit(1, &effect);
        loop {
            if let InputEvent::Outcome { outcome, .. } = self.0.next(None).event {
                return outcome;
            }
        }
    }

    fn write(&mut self, target: &ObjectRef, change: Change) {
        let outcome = self.try_write(target, change);
        assert!(matches!(outcome, Outcome::Done { .. }), "{target}: {outcome:?}");
    }

    fn try_write(&mut self, target: &ObjectRef, change: Change) -> Outcome {
        let write = Write { target: target.clone(), uid: None, resource_version: None, change };
        self.run(Effect::Write(write))
    }

    /// The workload; absent while a bare pod is gone.
    fn view(&mut self, workload: &ObjectRef) -> Option<WorkloadView> {
        let outcome = self.run(Effect::Read(Query::Workload { workload: workload.clone() }));
        match outcome {
            Outcome::Observed { observation: Observation::Workload { workload } } => {
                workload.map(|view| *view)
            }
            other => unreachable!("no answer about a workload: {other:?}"),
        }
    }

    fn wait(&mut self, seconds: i64) {
        let until = self.0.now().plus_seconds(seconds);
        self.0.next(Some(until));
    }

    fn begin_restart(&mut self, workload: &ObjectRef) -> BTreeSet<Hand> {
        if workload.kind == "Pod" {
            return self.recreate(workload);
        }
        let value = Some(self.0.now().to_string());
        let key = "kubectl.kubernetes.io/restartedAt".to_owned();
        self.write(workload, Change::TemplateAnnotation { key, value });
        BTreeSet::new()
    }

    /// A bare pod that is refused once the old one is gone comes back with room in its quota.
    fn recreate(&mut self, pod: &ObjectRef) -> BTreeSet<Hand> {
        let store = &self.0.twin().cluster.store;
        let old = store.get::<Pod>(&pod.namespace, &pod.name).map(injector::strip).unwrap();
        let outcome = self.try_write(pod, Change::RecreatePod);
        if matches!(outcome, Outcome::Done { .. }) {
            return BTreeSet::new();
        }
        self.wait(STILL_SECONDS);
        let hand = self.help(pod, None);
        self.write(pod, Change::Restore { stored: Object::Pod(old).to_value().unwrap() });
        BTreeSet::from([hand])
    }

    /// Waits until a workload has all of its pods, of its newest template, and nothing else around it moves.
    pub(crate) fn settle(&mut self, workload: &ObjectRef) {
        if workload.kind == "Pod" {
            self.begin_restart(workload);
        }
        let until = self.0.now().plus_seconds(ROLLOUT_SECONDS_MAX);
        let (mut pods, mut since) = (Vec::new(), self.0.now());
        loop {
            self.wait(20);
            let view = self.view(workload);
            let now = self.pods(&workload.namespace);
            if now != pods {
                (pods, since) = (now, self.0.now());
            }
            let quiet = self.0.now() >= since.plus_seconds(QUIET_SECONDS)
                && pods.iter().all(|(_, terminating)| !terminating);
            let settled = view.as_ref().is_some_and(|view| {
                let ready = |pod: &PodView| !pod.terminating && pod.ready_since.is_some();
                view.rolled_out && view.pods.iter().all(|pod| ready(pod) && pod.updated)
            });
            if settled && quiet {
                return;
            }
            assert!(self.0.now() < until, "{workload} does not settle: {view:#?}");
        }
    }

    /// Pods of a namespace by uid, and whether each is on its way out.
    fn pods(&self, namespace: &str) -> Vec<(String, bool)> {
        let pods = self.0.twin().cluster.store.list::<Pod>(namespace);
        pods.map(|pod| (pod.metadata.uid.clone(), pod.metadata.deletion_timestamp.is_some())).collect()
    }

    /// Restarts one workload to its end, and lets all clients forget what went. Where the rollout stands still,
    /// it gets the hand that it waits for; which these were is told.
    pub(crate) fn restart(&mut self, workload: &ObjectRef) -> BTreeSet<Hand> {
        let before = self.view(workload).unwrap();
        let old: Vec<String> = before.pods.iter().map(|pod| pod.uid.clone()).collect();
        let mut hands = self.begin_restart(workload);
        let until = self.0.now().plus_seconds(ROLLOUT_SECONDS_MAX);
        let (mut last, mut since) = (None, self.0.now());
        loop {
            self.wait(5);
            let pods = self.view(workload).map(|view| view.pods).unwrap_or_default();
            let settled = pods.iter().all(|pod| !pod.terminating && pod.ready_since.is_some());
            let complete = pods.len() >= old.len();
            let remaining: Vec<_> = pods.iter().filter(|pod| old.contains(&pod.uid)).collect();
            if settled && complete && remaining.is_empty() {
                break;
            }
            let state: Vec<_> =
                pods.iter().map(|pod| (pod.uid.clone(), pod.terminating, pod.ready_since)).collect();
            if last.as_ref() != Some(&state) {
                (last, since) = (Some(state), self.0.now());
            }
            let next_to_delete = settled && complete && hands.contains(&Hand::DeletePods);
            let still = if next_to_delete { 0 } else { STILL_SECONDS };
            if self.0.now() >= since.plus_seconds(still) {
                let name = remaining.first().filter(|_| complete).map(|pod| pod.name.clone());
                hands.insert(self.help(workload, name));
                since = self.0.now();
            }
            if hands.contains(&Hand::Other) || self.0.now() > until {
                hands.insert(Hand::Other);
                break;
            }
        }
        self.wait(FORGET_SECONDS);
        hands
    }

    /// Does what a rollout that stands still waits for; one with all of its pods has an old one that remains.
    fn help(&mut self, workload: &ObjectRef, remaining: Option<String>) -> Hand {
        let store = &self.0.twin().cluster.store;
        let (namespace, name) = (&workload.namespace, &workload.name);
        let full: Vec<ObjectRef> = store
            .list::<ResourceQuota>(namespace)
            .filter(|quota| quota.spec.hard.values().any(|hard| hard != ROOM))
            .map(|quota| ObjectRef::new("ResourceQuota", namespace, &quota.metadata.name))
            .collect();
        let set = store.get::<StatefulSet>(namespace, name).map(|set| &set.spec.update_strategy);
        let daemons = store.get::<DaemonSet>(namespace, name).map(|set| &set.spec.update_strategy);
        let on_delete = set.or(daemons).is_some_and(|strategy| strategy.type_ == "OnDelete");
        let partition = set.and_then(|strategy| strategy.rolling_update.as_ref()?.partition).unwrap_or(0);
        match remaining {
            Some(pod) if on_delete => {
                self.write(&ObjectRef::new("Pod", &workload.namespace, &pod), Change::Delete);
                Hand::DeletePods
            }
            Some(_) if partition > 0 => {
                self.write(workload, Change::Partition { partition: 0 });
                Hand::SetPartition
            }
            _ if full.is_empty() => Hand::Other,
            _ => {
                full.iter().for_each(|quota| self.make_room(quota));
                Hand::RaiseQuota
            }
        }
    }

    fn make_room(&mut self, quota: &ObjectRef) {
        let store = &self.0.twin().cluster.store;
        let hard =
            store.get::<ResourceQuota>(&quota.namespace, &quota.name).map(|found| found.spec.hard.clone());
        for resource in hard.unwrap_or_default().into_iter().map(|(resource, _)| resource) {
            self.write(quota, Change::Quota { resource, hard: ROOM.to_owned() });
        }
    }

    pub(crate) fn measure(&self, corner: Corner) -> Traffic {
        measure(self.0.twin().cluster.store.changes(), self.0.began(), self.0.now(), corner)
    }
}
