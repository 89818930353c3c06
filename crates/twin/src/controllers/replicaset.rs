//! ReplicaSet controller (`pkg/controller/replicaset`).

use meshlift_model::k8s::{Condition, Pod, ReplicaSet, ReplicaSetStatus, Resource, has_all};
use meshlift_model::names::ObjectRef;

use super::pods;
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, DeleteOptions, Store};

/// Most pods created or deleted in one turn (`BurstReplicas`).
pub(crate) const BURST_REPLICAS: usize = 500;

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct ReplicaSets;

impl Actor for ReplicaSets {
    fn name(&self) -> &'static str {
        "replicaset-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(set) = change.of::<ReplicaSet>() {
            wakes.now(set.object_ref());
        } else if pods::pod_of(change).is_some()
            && let Some(key) = pods::controller_key(change, ReplicaSet::KIND)
        {
            let set = cluster.store.get::<ReplicaSet>(&key.namespace, &key.name);
            if let Some(seconds) = set.map(|set| set.spec.min_ready_seconds)
                && seconds > 0
                && pods::became_ready(change)
            {
                // A turn that fails plans no look at availability (`updatePod`).
                wakes.after_millis(key.clone(), i64::from(seconds) * 1000);
            }
            wakes.now(key);
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(set) = cluster.store.get::<ReplicaSet>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        let active: Vec<Pod> = cluster
            .store
            .owned_by::<Pod>(&set.metadata.uid)
            .filter(|pod| pods::is_active(pod) && set.spec.selector.matches(&pod.metadata.labels))
            .cloned()
            .collect();
        let managed = match set.metadata.deletion_timestamp {
            None => manage(&set, &active, cluster),
            Some(_) => Ok(()),
        };
        let now = cluster.now();
        let status = status_of(&set, &active, managed.as_ref().err(), cluster);
        let waits_for_availability =
            set.spec.min_ready_seconds > 0 && status.ready_replicas != status.available_replicas;
        write_status(&set, status, &mut cluster.store)?;
        managed?;
        let next = pods::next_availability(&active, set.spec.min_ready_seconds, now);
        Ok(match next.filter(|_| waits_for_availability) {
            Some(millis) => Requeue::AfterMillis(millis),
            None => Requeue::Done,
        })
    }
}

/// Creates what is missing, in batches that double, or deletes what is too much (`manageReplicas`).
fn manage(set: &ReplicaSet, active: &[Pod], cluster: &mut Cluster) -> Result<(), ApiError> {
    let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0);
    if active.len() < wanted {
        let missing = (wanted - active.len()).min(BURST_REPLICAS);
        let pod = pods::from_template(&set.spec.template, set);
        return slow_start(missing, |_| cluster.create_pod(pod.clone()).map(drop));
    }
    let surplus = (active.len() - wanted).min(BURST_REPLICAS);
    let doomed = if surplus < active.len() {
        let related = related_pods(set, &cluster.store);
        pods::rank_for_deletion(active.to_vec(), &related, cluster.now())
    } else {
        active.to_vec()
    };
    for pod in doomed.iter().take(surplus) {
        match cluster.delete(&pod.object_ref(), &DeleteOptions::of_uid(&pod.metadata.uid)) {
            Err(error) if !error.is_not_found() => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Does `count` things in batches of 1, 2, 4 …; a batch with a failure is the last, and its first failure
/// the outcome (`slowStartBatch`).
pub(crate) fn slow_start(
    count: usize,
    mut work: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let (mut done, mut batch) = (0, 1.min(count));
    while batch > 0 {
        let mut outcome = Ok(());
        for number in done..done + batch {
            outcome = outcome.and(work(number));
        }
        outcome?;
        done += batch;
        batch = (2 * batch).min(count - done);
    }
    Ok(())
}

/// Pods of all ReplicaSets with the same controller (`getIndirectlyRelatedPods`).
fn related_pods<'a>(set: &ReplicaSet, store: &'a Store) -> Vec<&'a Pod> {
    let Some(owner) = set.metadata.controller() else { return Vec::new() };
    store
        .owned_by::<ReplicaSet>(&owner.uid)
        .flat_map(|sibling| store.owned_by::<Pod>(&sibling.metadata.uid))
        .collect()
}

/// The status that the set should have (`calculateStatus`).
fn status_of(
    set: &ReplicaSet,
    active: &[Pod],
    failure: Option<&ApiError>,
    cluster: &Cluster,
) -> ReplicaSetStatus {
    let count = |matches: &dyn Fn(&Pod) -> bool| {
        i32::try_from(active.iter().filter(|pod| matches(pod)).count()).unwrap_or(i32::MAX)
    };
    let template = &set.spec.template.metadata.labels;
    let now = cluster.now();
    let mut status = set.status.clone();
    let failed = status.conditions.iter().any(|condition| condition.type_ == "ReplicaFailure");
    match failure {
        Some(error) if !failed => {
            let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or(0);
            let reason = if active.len() < wanted { "FailedCreate" } else { "FailedDelete" };
            status.conditions.push(Condition {
                type_: "ReplicaFailure".into(),
                status: "True".into(),
                reason: reason.into(),
                message: error.to_string().into(),
                last_transition_time: Some(now.whole_second()),
                ..Condition::default()
            });
        }
        None => status.conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
        Some(_) => {}
    }
    status.replicas = count(&|_| true);
    status.fully_labeled_replicas = count(&|pod| has_all(&pod.metadata.labels, template));
    status.ready_replicas = count(&Pod::is_ready);
    status.available_replicas = count(&|pod| pods::is_available(pod, set.spec.min_ready_seconds, now));
    // Counted only with the feature gate DeploymentReplicaSetTerminatingReplicas; where it is on, the
    // recorded status carries a number, and it is kept up to date.
    if set.status.terminating_replicas.is_some() {
        let owned = cluster.store.owned_by::<Pod>(&set.metadata.uid);
        let terminating = owned.filter(|pod| pods::is_terminating(pod) && !pod.is_finished()).count();
        status.terminating_replicas = i32::try_from(terminating).ok();
    }
    status
}

/// Writes the status where it differs (`updateReplicaSetStatus`, with its one retry: here a fresh version).
fn write_status(set: &ReplicaSet, mut status: ReplicaSetStatus, store: &mut Store) -> Result<(), ApiError> {
    let observed = set.status.observed_generation;
    status.observed_generation = observed;
    if status == set.status && set.metadata.generation == observed {
        return Ok(());
    }
    status.observed_generation = set.metadata.generation;
    store.patch_status::<ReplicaSet>(&set.metadata.namespace, &set.metadata.name, |stored| {
        stored.status = status
    })?;
    Ok(())
}
