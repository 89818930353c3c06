//! One turn over one StatefulSet (`stateful_set_control.go`).

use meshlift_model::k8s::{ControllerRevision, Pod, Resource, StatefulSet, StatefulSetStatus};
use meshlift_model::time::Time;

use super::replica;
use crate::cluster::Cluster;
use crate::controllers::pods;
use crate::controllers::replicaset::slow_start;
use crate::error::ApiError;
use crate::store::DeleteOptions;

/// The set, its pods and revisions as they were at the start of the turn.
pub(super) struct Update<'a> {
    pub(super) set: &'a StatefulSet,
    pub(super) pods: Vec<Pod>,
    pub(super) current: &'a ControllerRevision,
    pub(super) updated: &'a ControllerRevision,
    pub(super) cluster: &'a mut Cluster,
}

/// Whether a pod lets the turn go on to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    GoOn,
    Stop,
}

impl Update<'_> {
    /// `performUpdate`: acts, then writes the status, also where acting failed.
    pub(super) fn run(mut self) -> Result<(), ApiError> {
        let (mut status, outcome) = self.act();
        self.complete(&mut status);
        let stored = &self.set.status;
        let observed =
            StatefulSetStatus { observed_generation: stored.observed_generation, ..status.clone() };
        if status.observed_generation > stored.observed_generation || observed != *stored {
            let (namespace, name) = (&self.set.metadata.namespace, &self.set.metadata.name);
            self.cluster.store.patch_status::<StatefulSet>(namespace, name, |set| set.status = status)?;
        }
        outcome
    }

    /// `updateStatefulSet`: pods first, then what is too much, then the update.
    fn act(&mut self) -> (StatefulSetStatus, Result<(), ApiError>) {
        let (mut replicas, condemned) = self.split();
        if self.set.metadata.deletion_timestamp.is_some() {
            return (self.status(&self.pods), Ok(()));
        }
        let settled = self.settle(&mut replicas, &condemned);
        let all: Vec<Pod> = replicas.iter().chain(&condemned).cloned().collect();
        let mut status = self.status(&all);
        match settled {
            Ok(Flow::GoOn) if !matches!(self.strategy(), "OnDelete" | "Recreate") => {
                let outcome = self.roll(&replicas, &mut status);
                (status, outcome)
            }
            Ok(_) => (status, Ok(())),
            Err(error) => (status, Err(error)),
        }
    }

    /// What comes before an update, each once the one before it is done.
    fn settle(&mut self, replicas: &mut [Pod], condemned: &[Pod]) -> Result<Flow, ApiError> {
        if self.clear(replicas, condemned)? == Flow::Stop || self.keep_replicas(replicas)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
        self.remove_condemned(replicas, condemned)
    }

    /// Pods by ordinal, missing ones as they would be made; and those beyond the replicas, highest first.
    fn split(&self) -> (Vec<Pod>, Vec<Pod>) {
        let count = usize::try_from(self.set.spec.replicas.unwrap_or(1)).unwrap_or(0);
        let mut replicas: Vec<Option<Pod>> = vec![None; count];
        let mut condemned: Vec<(usize, Pod)> = Vec::new();
        for pod in &self.pods {
            match replica::ordinal(self.set, pod) {
                Some(ordinal) if ordinal < count => replicas[ordinal] = Some(pod.clone()),
                Some(ordinal) => condemned.push((ordinal, pod.clone())),
                None => {}
            }
        }
        condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        let made = |(ordinal, pod): (usize, Option<Pod>)| {
            pod.unwrap_or_else(|| replica::new_pod(self.set, ordinal, self.current, self.updated))
        };
        let replicas = replicas.into_iter().enumerate().map(made).collect();
        (replicas, condemned.into_iter().map(|(_, pod)| pod).collect())
    }

    fn strategy(&self) -> &str {
        &self.set.spec.update_strategy.type_
    }

    /// `recreateDeleteAndWait`: with Recreate all old pods go before a new one is made.
    fn clear(&mut self, replicas: &[Pod], condemned: &[Pod]) -> Result<Flow, ApiError> {
        if self.strategy() != "Recreate" {
            return Ok(Flow::GoOn);
        }
        let is_old =
            |pod: &&Pod| replica::is_created(pod) && replica::revision(pod) != self.updated.metadata.name;
        let old: Vec<&Pod> = replicas.iter().chain(condemned).filter(is_old).collect();
        for pod in old.iter().filter(|pod| !pods::is_terminating(pod)) {
            self.delete(pod)?;
        }
        Ok(if old.is_empty() { Flow::GoOn } else { Flow::Stop })
    }

    fn is_monotonic(&self) -> bool {
        self.set.spec.pod_management_policy != "Parallel"
    }

    /// Creates missing pods: one after the other is available, or all at once.
    fn keep_replicas(&mut self, replicas: &mut [Pod]) -> Result<Flow, ApiError> {
        if self.is_monotonic() {
            for (ordinal, pod) in replicas.iter().enumerate() {
                if self.keep_replica(ordinal, pod)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            return Ok(Flow::GoOn);
        }
        let count = replicas.len();
        slow_start(count, |ordinal| self.keep_replica(ordinal, &replicas[ordinal]).map(drop))?;
        Ok(Flow::GoOn)
    }

    /// `processReplica`.
    fn keep_replica(&mut self, ordinal: usize, pod: &Pod) -> Result<Flow, ApiError> {
        let monotonic = self.is_monotonic();
        if pod.is_finished() {
            if !pods::is_terminating(pod) {
                self.delete(pod)?;
            }
            return Ok(Flow::Stop);
        }
        if !replica::is_created(pod) {
            replica::create(self.set, pod, ordinal, self.cluster)?;
            return Ok(if monotonic { Flow::Stop } else { Flow::GoOn });
        }
        let waits = pods::is_terminating(pod)
            || !replica::is_running_and_ready(pod)
            || !replica::is_available(pod, self.set.spec.min_ready_seconds, self.now());
        Ok(if waits && monotonic { Flow::Stop } else { Flow::GoOn })
    }

    /// `processCondemned`, highest ordinal first.
    fn remove_condemned(&mut self, replicas: &[Pod], condemned: &[Pod]) -> Result<Flow, ApiError> {
        let (min_ready_seconds, now) = (self.set.spec.min_ready_seconds, self.now());
        let unavailable = |pod: &&Pod| replica::is_unavailable(pod, min_ready_seconds, now);
        let first_unhealthy = replicas
            .iter()
            .find(unavailable)
            .or_else(|| condemned.iter().rev().find(unavailable))
            .map(|pod| pod.metadata.uid.clone());
        for pod in condemned {
            if pods::is_terminating(pod) {
                if self.is_monotonic() {
                    return Ok(Flow::Stop);
                }
                continue;
            }
            let healthy =
                replica::is_running_and_ready(pod) && replica::is_available(pod, min_ready_seconds, now);
            if self.is_monotonic() && !healthy && first_unhealthy.as_ref() != Some(&pod.metadata.uid) {
                return Ok(Flow::Stop);
            }
            self.delete(pod)?;
            if self.is_monotonic() {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::GoOn)
    }

    /// Deletes the highest pod of another revision; waits for each that is not available. A pod that never
    /// becomes ready blocks here, and upstream's `OrderedReady` never gets past it.
    fn roll(&mut self, replicas: &[Pod], status: &mut StatefulSetStatus) -> Result<(), ApiError> {
        let limits = self.set.spec.update_strategy.rolling_update.as_ref();
        let least = limits.and_then(|limits| limits.partition).unwrap_or(0);
        let least = usize::try_from(least).unwrap_or(0);
        if let Some(missing) = limits.and_then(|limits| limits.max_unavailable.as_ref()) {
            let missing = missing.scaled(self.set.spec.replicas.unwrap_or(1), false);
            let missing = usize::try_from(missing.unwrap_or(1)).unwrap_or(0).max(1);
            return self.roll_several(replicas, least, missing, status);
        }
        for pod in replicas.iter().skip(least).rev() {
            if replica::revision(pod) != self.updated.metadata.name && !pods::is_terminating(pod) {
                self.delete(pod)?;
                status.current_replicas -= 1;
                return Ok(());
            }
            if replica::is_unavailable(pod, self.set.spec.min_ready_seconds, self.now()) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// `updateStatefulSetAfterInvariantEstablished` of 1.37: as many at once as may be missing, highest ordinal first. What
    /// is not available does no harm by going, so that `Parallel` takes all of it first.
    fn roll_several(
        &mut self,
        replicas: &[Pod],
        least: usize,
        missing: usize,
        status: &mut StatefulSetStatus,
    ) -> Result<(), ApiError> {
        let (min_ready_seconds, now) = (self.set.spec.min_ready_seconds, self.now());
        let is_unavailable = |pod: &Pod| replica::is_unavailable(pod, min_ready_seconds, now);
        let unavailable = replicas.iter().filter(|pod| is_unavailable(pod)).count();
        let updated = &self.updated.metadata.name;
        let old = |pod: &&Pod| replica::revision(pod) != updated && !pods::is_terminating(pod);
        let old: Vec<&Pod> = replicas.iter().skip(least).rev().filter(old).collect();
        let (idle, serving): (Vec<&Pod>, Vec<&Pod>) =
            old.into_iter().partition(|pod| !self.is_monotonic() && is_unavailable(pod));
        let more = missing.saturating_sub(unavailable);
        for pod in idle.into_iter().chain(serving.into_iter().take(more)) {
            self.delete(pod)?;
            status.current_replicas -= 1;
        }
        Ok(())
    }

    fn delete(&mut self, pod: &Pod) -> Result<(), ApiError> {
        match self.cluster.delete(&pod.object_ref(), &DeleteOptions::of_uid(&pod.metadata.uid)) {
            Err(error) if !error.is_not_found() => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// `updateStatus`.
    fn status(&self, pods: &[Pod]) -> StatefulSetStatus {
        let (min_ready_seconds, now) = (self.set.spec.min_ready_seconds, self.now());
        let count = |matches: &dyn Fn(&Pod) -> bool| {
            i32::try_from(pods.iter().filter(|pod| matches(pod)).count()).unwrap_or(i32::MAX)
        };
        let of = |name: &str| {
            count(&|pod| {
                replica::is_created(pod) && !pods::is_terminating(pod) && replica::revision(pod) == name
            })
        };
        StatefulSetStatus {
            observed_generation: self.set.metadata.generation,
            replicas: count(&replica::is_created),
            ready_replicas: count(&replica::is_running_and_ready),
            available_replicas: count(&|pod| {
                replica::is_running_and_ready(pod) && replica::is_available(pod, min_ready_seconds, now)
            }),
            current_replicas: of(&self.current.metadata.name),
            updated_replicas: of(&self.updated.metadata.name),
            current_revision: self.current.metadata.name.clone(),
            update_revision: self.updated.metadata.name.clone(),
            collision_count: self.set.status.collision_count,
            conditions: self.set.status.conditions.clone(),
        }
    }

    /// `completeRollingUpdate`.
    fn complete(&self, status: &mut StatefulSetStatus) {
        let replicas = self.set.spec.replicas.unwrap_or(1);
        let all = [status.updated_replicas, status.ready_replicas, status.replicas];
        if self.strategy() != "OnDelete" && all.iter().all(|count| *count == replicas) {
            status.current_replicas = status.updated_replicas;
            status.current_revision.clone_from(&status.update_revision);
        }
    }

    fn now(&self) -> Time {
        self.cluster.now()
    }
}
