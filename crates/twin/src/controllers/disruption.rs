//! PodDisruptionBudgets: the status that the disruption controller keeps (`pkg/controller/disruption`), and
//! evictions, which are the only thing that a budget stops (`pkg/registry/core/pod/storage/eviction.go`).

use std::collections::BTreeMap;

use meshlift_model::k8s::{
    Condition, Deployment, IntOrString, OwnerReference, Pod, PodDisruptionBudget, ReplicaSet, Resource,
    StatefulSet,
};
use meshlift_model::names::ObjectRef;

use super::pods;
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, DeleteOptions, Store};

/// The condition of a budget.
const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct Budgets;

impl Actor for Budgets {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(budget) = change.of::<PodDisruptionBudget>() {
            wakes.now(budget.object_ref());
            return;
        }
        let namespace = &change.new.meta().namespace;
        let budgets = cluster.store.list::<PodDisruptionBudget>(namespace);
        if let Some(pod) = pods::pod_of(change) {
            let before = change.before::<Pod>();
            budgets
                .filter(|budget| covers(budget, pod) || before.is_some_and(|before| covers(budget, before)))
                .for_each(|budget| wakes.now(budget.object_ref()));
        } else if change.of::<Deployment>().is_some() || change.of::<StatefulSet>().is_some() {
            // The scale of a controller may have changed.
            budgets.for_each(|budget| wakes.now(budget.object_ref()));
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(budget) = cluster.store.get::<PodDisruptionBudget>(&key.namespace, &key.name) else {
            return Ok(Requeue::Done);
        };
        let covered: Vec<&Pod> =
            cluster.store.list::<Pod>(&key.namespace).filter(|pod| covers(budget, pod)).collect();
        let mut updated = budget.clone();
        let healthy = covered.iter().filter(|pod| !pods::is_terminating(pod) && pod.is_ready()).count();
        let status = &mut updated.status;
        let failure = match expected(budget, &covered, &cluster.store) {
            Ok((expected, desired)) => {
                status.current_healthy = i32::try_from(healthy).unwrap_or(i32::MAX);
                (status.expected_pods, status.desired_healthy) = (expected, desired);
                let left = (status.current_healthy - desired).max(0);
                status.disruptions_allowed = if expected > 0 { left } else { 0 };
                status.observed_generation = budget.metadata.generation;
                None
            }
            Err(message) => {
                status.disruptions_allowed = 0;
                Some(message)
            }
        };
        let condition = condition(&updated, failure, cluster);
        pods::set_condition(&mut updated.status.conditions, condition);
        cluster.store.update_status(updated)?;
        Ok(Requeue::Done)
    }
}

/// `UpdateDisruptionAllowedCondition`, and the failure of a sync (`failSafe`).
fn condition(budget: &PodDisruptionBudget, failure: Option<String>, cluster: &Cluster) -> Condition {
    let allowed = budget.status.disruptions_allowed > 0;
    let (reason, message) = match failure {
        Some(message) => ("SyncFailed", message),
        None if allowed => ("SufficientPods", String::new()),
        None => ("InsufficientPods", String::new()),
    };
    Condition {
        type_: DISRUPTION_ALLOWED.into(),
        status: if allowed { "True" } else { "False" }.into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: Some(cluster.now().whole_second()),
        ..Condition::default()
    }
}

/// True if the budget covers the pod; an absent selector covers none.
fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    budget.metadata.namespace == pod.metadata.namespace
        && budget.spec.selector.as_ref().is_some_and(|selector| selector.matches(&pod.metadata.labels))
}

/// Pods that should be there, and how many of them must stay healthy (`getExpectedPodCount`).
fn expected(budget: &PodDisruptionBudget, covered: &[&Pod], store: &Store) -> Result<(i32, i32), String> {
    let percent = |value: &IntOrString, total: i32| value.scaled(total, true).unwrap_or(total);
    match (&budget.spec.max_unavailable, &budget.spec.min_available) {
        (Some(limit), _) => {
            let scale = expected_scale(covered, store)?;
            Ok((scale, (scale - percent(limit, scale)).max(0)))
        }
        (None, Some(IntOrString::Int(floor))) => {
            Ok((i32::try_from(covered.len()).unwrap_or(i32::MAX), *floor))
        }
        (None, Some(share @ IntOrString::String(_))) => {
            let scale = expected_scale(covered, store)?;
            Ok((scale, percent(share, scale)))
        }
        (None, None) => Ok((0, 0)),
    }
}

/// Replicas that the controllers of these pods want, together (`getExpectedScale`).
fn expected_scale(covered: &[&Pod], store: &Store) -> Result<i32, String> {
    let mut scales: BTreeMap<String, i32> = BTreeMap::new();
    for pod in covered {
        let Some(owner) = pod.metadata.controller() else { continue };
        match scale_of(owner, &pod.metadata.namespace, store) {
            Some((uid, replicas)) => {
                scales.insert(uid, replicas);
            }
            None => return Err(format!("found no controllers for pod {:?}", pod.metadata.name)),
        }
    }
    Ok(scales.values().sum())
}

fn scale_of(owner: &OwnerReference, namespace: &str, store: &Store) -> Option<(String, i32)> {
    if owner.kind == StatefulSet::KIND {
        let set = store.get::<StatefulSet>(namespace, &owner.name)?;
        return Some((set.metadata.uid.clone(), set.spec.replicas.unwrap_or(1)));
    }
    let set = store.get::<ReplicaSet>(namespace, &owner.name).filter(|_| owner.kind == ReplicaSet::KIND)?;
    match set.metadata.controller().filter(|owner| owner.kind == Deployment::KIND) {
        Some(owner) => {
            let deployment = store.get::<Deployment>(namespace, &owner.name)?;
            Some((deployment.metadata.uid.clone(), deployment.spec.replicas.unwrap_or(1)))
        }
        None => Some((set.metadata.uid.clone(), set.spec.replicas.unwrap_or(1))),
    }
}

impl Cluster {
    /// Evicts a pod: deletes it if its budget has a disruption left, and takes that one.
    ///
    /// # Errors
    /// `DisruptionBudget` where none is left; `Invalid` where several budgets cover the pod, which the API
    /// server refuses too; what [`Cluster::delete`] refuses.
    pub fn evict(&mut self, namespace: &str, name: &str, options: &DeleteOptions) -> Result<(), ApiError> {
        let pod = self.store.require::<Pod>(namespace, name)?.clone();
        let free = pod.is_finished() || pod.status.phase == "Pending" || pods::is_terminating(&pod);
        let budgets: Vec<PodDisruptionBudget> = self
            .store
            .list::<PodDisruptionBudget>(namespace)
            .filter(|budget| covers(budget, &pod) && !free)
            .cloned()
            .collect();
        match budgets.as_slice() {
            [] => {}
            [budget] => self.take_disruption(&pod, budget.clone())?,
            [..] => {
                let reason = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                return Err(ApiError::Invalid { object: pod.object_ref(), reason: reason.into() });
            }
        }
        self.delete(&pod.object_ref(), options)
    }

    /// `checkAndDecrement`; an unready pod costs nothing while enough others are healthy.
    fn take_disruption(&mut self, pod: &Pod, mut budget: PodDisruptionBudget) -> Result<(), ApiError> {
        let status = &budget.status;
        if !pod.is_ready() && status.current_healthy >= status.desired_healthy && status.desired_healthy > 0 {
            return Ok(());
        }
        // A status that is behind the spec allows nothing.
        if status.observed_generation < budget.metadata.generation || status.disruptions_allowed <= 0 {
            return Err(ApiError::DisruptionBudget { budget: budget.object_ref() });
        }
        budget.status.disruptions_allowed -= 1;
        self.store.update_status(budget).map(drop)
    }
}
