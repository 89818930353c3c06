//! Job controller (`pkg/controller/job`), without indexes, deadlines and failure policies, which are not
//! recorded. Ended pods are counted where they are; upstream's tracking finalizers are not needed for that.

use meshlift_model::k8s::{Condition, Job, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use super::pods;
use super::replicaset::slow_start;
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, DeleteOptions};

/// Failed pods that a Job tolerates (API default).
const BACKOFF_LIMIT: i32 = 6;
/// Delay before a failed pod is replaced: the first, doubled with each failure (`DefaultJobPodFailureBackOff`).
const FAILURE_DELAY_SECONDS: i64 = 10;
/// The longest such delay (`MaxJobPodFailureBackOff`).
const FAILURE_DELAY_SECONDS_MAX: i64 = 600;

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct Jobs;

impl Actor for Jobs {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn watch(&mut self, change: &Change, _cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(job) = change.of::<Job>() {
            wakes.now(job.object_ref());
        } else if pods::pod_of(change).is_some()
            && let Some(key) = pods::controller_key(change, Job::KIND)
        {
            wakes.now(key);
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(job) = cluster.store.get::<Job>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        if outcome_of(&job).is_some() || job.metadata.deletion_timestamp.is_some() {
            return Ok(Requeue::Done);
        }
        let owned: Vec<Pod> = cluster.store.owned_by::<Pod>(&job.metadata.uid).cloned().collect();
        Turn { job, pods: owned, cluster }.run()
    }
}

/// `Complete` or `Failed`, and since when, once a Job has ended.
pub(super) fn outcome_of(job: &Job) -> Option<(&str, Option<Time>)> {
    job.status
        .conditions
        .iter()
        .find(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        })
        .map(|condition| (condition.type_.as_str(), condition.last_transition_time))
}

struct Turn<'a> {
    job: Job,
    pods: Vec<Pod>,
    cluster: &'a mut Cluster,
}

impl Turn<'_> {
    fn run(mut self) -> Result<Requeue, ApiError> {
        let (succeeded, failed) = (self.ended("Succeeded"), self.ended("Failed"));
        let active: Vec<Pod> = self.pods.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
        let mut status = self.job.status.clone();
        (status.succeeded, status.failed) = (succeeded, failed);
        let now = self.cluster.now().whole_second();
        if !self.job.spec.suspend {
            status.start_time.get_or_insert(now);
        }
        let mut outcome = Ok(Requeue::Done);
        let mut running = count(active.len());
        if failed > self.job.spec.backoff_limit.unwrap_or(BACKOFF_LIMIT) {
            running -= self.delete(&active, active.len())?;
            let message = "Job has reached the specified backoff limit";
            for type_ in ["FailureTarget", "Failed"] {
                status.conditions.push(condition(type_, "BackoffLimitExceeded", message, now));
            }
        } else if self.is_complete(succeeded, running) {
            let message = "Reached expected number of succeeded pods";
            for type_ in ["SuccessCriteriaMet", "Complete"] {
                status.conditions.push(condition(type_, "CompletionsReached", message, now));
            }
            status.completion_time = Some(now);
        } else {
            outcome = self.balance(&active, succeeded, &mut running);
        }
        status.active = running;
        if status != self.job.status {
            let (namespace, name) = (&self.job.metadata.namespace, &self.job.metadata.name);
            self.cluster.store.patch_status::<Job>(namespace, name, |job| job.status = status)?;
        }
        outcome
    }

    fn ended(&self, phase: &str) -> i32 {
        count(self.pods.iter().filter(|pod| pod.status.phase == phase).count())
    }

    fn is_complete(&self, succeeded: i32, running: i32) -> bool {
        match self.job.spec.completions {
            Some(completions) => succeeded >= completions,
            None => succeeded > 0 && running == 0,
        }
    }

    /// Creates or deletes pods, so that as many run as should (`manageJob`).
    fn balance(&mut self, active: &[Pod], succeeded: i32, running: &mut i32) -> Result<Requeue, ApiError> {
        let parallelism = self.job.spec.parallelism.unwrap_or(1);
        let wanted = match self.job.spec.completions {
            _ if self.job.spec.suspend => 0,
            Some(completions) => parallelism.min(completions - succeeded),
            None if succeeded > 0 => *running,
            None => parallelism,
        };
        let surplus = usize::try_from(*running - wanted).unwrap_or(0);
        *running -= self.delete(active, surplus)?;
        let missing = usize::try_from(wanted - *running).unwrap_or(0);
        if missing == 0 {
            return Ok(Requeue::Done);
        }
        let wait = self.failure_delay_millis();
        if wait > 0 {
            return Ok(Requeue::AfterMillis(wait));
        }
        let pod = pods::from_template(&self.job.spec.template, &self.job);
        slow_start(missing, |_| {
            self.cluster.create_pod(pod.clone())?;
            *running += 1;
            Ok(())
        })?;
        Ok(Requeue::Done)
    }

    fn delete(&mut self, active: &[Pod], number: usize) -> Result<i32, ApiError> {
        for pod in active.iter().take(number) {
            self.cluster.delete(&pod.object_ref(), &DeleteOptions::of_uid(&pod.metadata.uid))?;
        }
        Ok(count(number.min(active.len())))
    }

    /// How long the last failure still delays the next pod.
    fn failure_delay_millis(&self) -> i64 {
        let failures = self.pods.iter().filter(|pod| pod.status.phase == "Failed");
        let ends =
            failures.filter_map(|pod| pod.condition("Ready").and_then(|ready| ready.last_transition_time));
        let ends: Vec<Time> = ends.collect();
        let Some(last) = ends.iter().max() else { return 0 };
        let doublings = ends.len().saturating_sub(1).min(10);
        let delay = (FAILURE_DELAY_SECONDS << doublings).min(FAILURE_DELAY_SECONDS_MAX);
        last.plus_seconds(delay).millis_since(self.cluster.now()).max(0)
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn condition(type_: &str, reason: &str, message: &str, now: Time) -> Condition {
    Condition {
        type_: type_.into(),
        status: "True".into(),
        reason: reason.into(),
        message: message.into(),
        last_transition_time: Some(now),
        ..Condition::default()
    }
}
