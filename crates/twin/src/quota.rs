//! ResourceQuota: the admission that charges a pod, and the controller that keeps `status.used` true
//! (`k8s.io/apiserver/pkg/admission/plugin/resourcequota`, `pkg/quota/v1/evaluator/core/pods.go`,
//! `pkg/controller/resourcequota`).
//!
//! Counted are pods, and requests and limits of pods. Other keys of a quota are left as they are.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Container, Pod, Resource, ResourceQuota, StringMap};
use meshlift_model::names::ObjectRef;
use meshlift_model::quantity::{Ask, format_thousandths, thousandths};
use meshlift_model::time::Time;

use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::controllers::pods;
use crate::error::ApiError;
use crate::requests::asked;
use crate::store::{Change, Store};

/// Amounts in thousandths, by key of a quota.
type Usage = BTreeMap<String, i128>;

/// Refuses a pod that a quota has no room for.
///
/// # Errors
/// `Forbidden`, in the words of kube-apiserver.
pub(crate) fn check(store: &Store, pod: &Pod) -> Result<(), ApiError> {
    for quota in store.list::<ResourceQuota>(&pod.metadata.namespace) {
        charged(quota, pod)?;
    }
    Ok(())
}

/// As [`check`], and charges the pod to each quota that covers it.
///
/// # Errors
/// As [`check`].
pub(crate) fn charge(store: &mut Store, pod: &Pod) -> Result<(), ApiError> {
    check(store, pod)?;
    let quotas: Vec<ResourceQuota> = store.list(&pod.metadata.namespace).cloned().collect();
    for mut quota in quotas {
        if let Some(used) = charged(&quota, pod)? {
            quota.status.used = used;
            store.update_status(quota)?;
        }
    }
    Ok(())
}

/// `status.used` with the pod in it; `None` where the quota does not cover it.
fn charged(quota: &ResourceQuota, pod: &Pod) -> Result<Option<StringMap>, ApiError> {
    if !covers(quota, pod) {
        return Ok(None);
    }
    let name = &quota.metadata.name;
    let forbidden = |reason: String| ApiError::Forbidden {
        message: format!("pods \"{}\" is forbidden: {reason}", pod.metadata.name),
    };
    let missing = unspecified(quota, pod);
    if !missing.is_empty() {
        return Err(forbidden(format!("failed quota: {name}: must specify {}", missing.join("; "))));
    }
    let (mut requested, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    let mut after = quota.status.used.clone();
    for (key, milli) in usage_of(pod).into_iter().filter(|(key, _)| quota.spec.hard.contains_key(key)) {
        let before = quota.status.used.get(&key).and_then(|text| thousandths(text)).unwrap_or(0);
        let hard = quota.spec.hard.get(&key).and_then(|text| thousandths(text)).unwrap_or(i128::MAX);
        if before + milli > hard {
            requested.push(format!("{key}={}", format_thousandths(milli)));
            used.push(format!("{key}={}", format_thousandths(before)));
            limited.push(format!("{key}={}", format_thousandths(hard)));
        }
        after.insert(key, format_thousandths(before + milli));
    }
    if requested.is_empty() {
        return Ok(Some(after));
    }
    Err(forbidden(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        requested.join(","),
        used.join(","),
        limited.join(",")
    )))
}

/// Containers that leave out what the quota limits, as the API server lists them.
fn unspecified(quota: &ResourceQuota, pod: &Pod) -> Vec<String> {
    let mut missing = Vec::new();
    if pod.spec.asks_for_all() {
        return missing;
    }
    for key in quota.spec.hard.keys() {
        let lacks = |container: &&Container| match key.split_once('.') {
            Some(("limits", resource @ ("cpu" | "memory"))) => {
                !container.resources.limits.contains_key(resource)
            }
            Some(("requests", resource @ ("cpu" | "memory"))) => {
                !container.resources.requests.contains_key(resource)
            }
            Some(_) => false,
            None => {
                matches!(key.as_str(), "cpu" | "memory") && !container.resources.requests.contains_key(key)
            }
        };
        let names: Vec<&str> =
            pod.spec.all_containers().filter(lacks).map(|lacking| lacking.name.as_str()).collect();
        if !names.is_empty() {
            missing.push(format!("{key} for: {}", names.join(",")));
        }
    }
    missing
}

/// What a pod counts for, by key.
fn usage_of(pod: &Pod) -> Usage {
    let mut usage = Usage::from([("pods".to_owned(), 1000), ("count/pods".to_owned(), 1000)]);
    for (resource, milli) in asked(pod, Ask::Requests) {
        usage.insert(format!("requests.{resource}"), milli);
        usage.insert(resource, milli);
    }
    for (resource, milli) in asked(pod, Ask::Limits) {
        usage.insert(format!("limits.{resource}"), milli);
    }
    usage
}

/// True if all scopes of the quota hold for the pod. A scope that cannot be judged counts as held: the quota
/// then refuses rather too much.
fn covers(quota: &ResourceQuota, pod: &Pod) -> bool {
    quota.spec.counts(pod.spec.is_best_effort()) != Some(false)
}

/// True if a pod is charged: it has not ended, and its grace is not over (`QuotaV1Pod`).
fn counts(pod: &Pod, now: Time) -> bool {
    !pod.is_finished() && pod.metadata.deletion_timestamp.is_none_or(|deadline| now <= deadline)
}

/// The actor that recounts.
#[derive(Clone, Copy)]
pub(crate) struct Quotas;

impl Actor for Quotas {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(quota) = change.of::<ResourceQuota>().filter(|_| !change.is_deletion()) {
            if change.before::<ResourceQuota>().is_none_or(|before| before.spec != quota.spec) {
                wakes.now(quota.object_ref());
            }
        } else if let Some(pod) = pods::pod_of(change) {
            let freed = change.is_deletion()
                || (pod.is_finished() && change.before::<Pod>().is_some_and(|before| !before.is_finished()));
            if freed {
                cluster
                    .store
                    .list::<ResourceQuota>(&pod.metadata.namespace)
                    .for_each(|quota| wakes.now(quota.object_ref()));
            }
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(quota) = cluster.store.get::<ResourceQuota>(&key.namespace, &key.name) else {
            return Ok(Requeue::Done);
        };
        let now = cluster.now();
        let mut total: Usage =
            quota.spec.hard.keys().filter(|key| is_counted(key)).map(|key| (key.clone(), 0)).collect();
        for pod in
            cluster.store.list::<Pod>(&key.namespace).filter(|pod| counts(pod, now) && covers(quota, pod))
        {
            for (key, milli) in usage_of(pod) {
                if let Some(sum) = total.get_mut(&key) {
                    *sum += milli;
                }
            }
        }
        let mut updated = quota.clone();
        updated.status.hard.clone_from(&quota.spec.hard);
        for (key, milli) in total {
            let stored = quota.status.used.get(&key).and_then(|text| thousandths(text));
            if stored != Some(milli) {
                updated.status.used.insert(key, format_thousandths(milli));
            }
        }
        cluster.store.update_status(updated)?;
        Ok(Requeue::Done)
    }
}

/// True for keys that count pods or what they ask for.
fn is_counted(key: &str) -> bool {
    matches!(key, "pods" | "count/pods" | "cpu" | "memory" | "ephemeral-storage")
        || key.starts_with("limits.")
        || (key.starts_with("requests.") && key != "requests.storage")
}
