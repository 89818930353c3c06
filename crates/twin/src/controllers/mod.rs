//! Kubernetes' own controllers, by the rules of kube-controller-manager 1.34
//! (<https://github.com/kubernetes/kubernetes/tree/v1.34.4/pkg/controller>).
//!
//! Each is an [`Actor`] that works on keys. They read the store as it is at their turn: the informer's lag is
//! in when that turn comes. What upstream keeps for stale caches (expectations) is therefore not needed;
//! what it does about stale writes (conflict, retry) is kept, because it shapes what a status says when.
//! Not simulated: adoption of pods and ReplicaSets that nobody owns.

mod autoscaler;
mod cronjob;
mod daemonset;
mod deployment;
mod disruption;
mod endpoints;
mod garbage;
pub(crate) mod history;
mod job;
pub(crate) mod pods;
mod replicaset;
mod statefulset;

use crate::actor::Actor;
use crate::kubelet::{Kubelet, PodTimings};
use crate::quota::Quotas;
use crate::scheduler::Scheduler;

/// All of Kubernetes' actors.
pub(crate) fn all(timings: Box<dyn PodTimings>) -> Vec<Box<dyn Actor>> {
    vec![
        Box::new(deployment::Deployments),
        Box::new(replicaset::ReplicaSets),
        Box::new(statefulset::StatefulSets),
        Box::new(daemonset::DaemonSets),
        Box::new(job::Jobs),
        Box::new(cronjob::CronJobs),
        Box::new(endpoints::EndpointSlices),
        Box::new(disruption::Budgets),
        Box::new(autoscaler::Autoscalers),
        Box::new(garbage::GarbageCollector::default()),
        Box::new(Quotas),
        Box::new(Scheduler::default()),
        Box::new(Kubelet::new(timings)),
    ]
}
