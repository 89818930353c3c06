//! Status and conditions (`deployment/progress.go`, `calculateStatus` of `deployment/sync.go`).

use meshlift_model::k8s::{Condition, DeploymentStatus, ReplicaSet};

use super::revision::{new_condition, replace_condition};
use super::{Rollout, limits, wanted};
use crate::actor::Requeue;
use crate::error::ApiError;

/// Added to the wait for a deadline, so that it has passed for certain when the turn comes.
const DEADLINE_MARGIN_MILLIS: i64 = 1000;

impl Rollout<'_> {
    /// `checkPausedConditions`.
    pub(super) fn check_paused(&mut self) -> Result<(), ApiError> {
        if limits::progress_deadline_seconds(&self.deployment).is_none() {
            return Ok(());
        }
        let reason = self.condition("Progressing").map(|condition| condition.reason.as_str());
        let was_paused = reason == Some("DeploymentPaused");
        if reason == Some("ProgressDeadlineExceeded") || self.deployment.spec.paused == was_paused {
            return Ok(());
        }
        let (reason, message) = if self.deployment.spec.paused {
            ("DeploymentPaused", "Deployment is paused")
        } else {
            ("DeploymentResumed", "Deployment is resumed")
        };
        self.set_condition("Progressing", "Unknown", reason, message.to_owned());
        self.cluster.store.update_status(self.deployment.clone()).map(drop)
    }

    /// `syncDeploymentStatus`.
    pub(super) fn write_status_only(mut self) -> Result<Requeue, ApiError> {
        let status = self.status();
        if status != self.deployment.status {
            self.deployment.status = status;
            self.cluster.store.update_status(self.deployment)?;
        }
        Ok(Requeue::Done)
    }

    /// `syncRolloutStatus`.
    pub(super) fn write_progress(mut self) -> Result<Requeue, ApiError> {
        let mut status = self.status();
        let deadline = limits::progress_deadline_seconds(&self.deployment);
        if deadline.is_none() {
            status.conditions.retain(|condition| condition.type_ != "Progressing");
        }
        let finished_before = status.replicas == status.updated_replicas
            && self.condition("Progressing").is_some_and(|former| former.reason == "NewReplicaSetAvailable");
        if deadline.is_some() && !finished_before {
            self.estimate_progress(&mut status);
        }
        match self.replica_failure() {
            Some(failure) => replace_condition(&mut status.conditions, failure),
            None => status.conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
        }
        if status == self.deployment.status {
            return Ok(self.wait_for_deadline(&status));
        }
        self.deployment.status = status;
        self.cluster.store.update_status(self.deployment)?;
        Ok(Requeue::Done)
    }

    /// The `Progressing` condition: complete, progressing or out of time.
    fn estimate_progress(&self, status: &mut DeploymentStatus) {
        let now = self.cluster.now();
        let subject = match self.newest() {
            Some(set) => format!("ReplicaSet {:?}", set.metadata.name),
            None => format!("Deployment {:?}", self.deployment.metadata.name),
        };
        let condition = |status: &str, reason: &str, words: &str| {
            new_condition("Progressing", status, reason, format!("{subject} {words}."), now)
        };
        if limits::is_complete(&self.deployment, status) {
            let done = condition("True", "NewReplicaSetAvailable", "has successfully progressed");
            replace_condition(&mut status.conditions, done);
        } else if limits::is_progressing(&self.deployment, status) {
            let mut moving = condition("True", "ReplicaSetUpdated", "is progressing");
            if let Some(former) = self.condition("Progressing") {
                if former.status == "True" {
                    moving.last_transition_time = former.last_transition_time;
                }
                // Written anew with the same reason too: its update time is what the deadline counts from.
                status.conditions.retain(|condition| condition.type_ != "Progressing");
            }
            replace_condition(&mut status.conditions, moving);
        } else if limits::is_timed_out(&self.deployment, status, now) {
            let late = condition("False", "ProgressDeadlineExceeded", "has timed out progressing");
            replace_condition(&mut status.conditions, late);
        }
    }

    /// A ReplicaSet's failure as a condition of the Deployment, the new ReplicaSet's first.
    fn replica_failure(&self) -> Option<Condition> {
        let failure = |set: &ReplicaSet| {
            set.status.conditions.iter().find(|condition| condition.type_ == "ReplicaFailure").cloned()
        };
        let found = self.newest().and_then(failure).or_else(|| self.sets.iter().find_map(failure))?;
        Some(Condition { last_update_time: found.last_transition_time, ..found })
    }

    /// `requeueStuckDeployment`.
    fn wait_for_deadline(&self, status: &DeploymentStatus) -> Requeue {
        let (Some(deadline), Some(condition)) =
            (limits::progress_deadline_seconds(&self.deployment), self.condition("Progressing"))
        else {
            return Requeue::Done;
        };
        if limits::is_complete(&self.deployment, status) || condition.reason == "ProgressDeadlineExceeded" {
            return Requeue::Done;
        }
        let Some(since) = condition.last_update_time else { return Requeue::Done };
        let left = since.plus_seconds(deadline).millis_since(self.cluster.now());
        Requeue::AfterMillis(left.max(0) + DEADLINE_MARGIN_MILLIS)
    }

    /// `calculateStatus`.
    fn status(&self) -> DeploymentStatus {
        let sum = |of: &dyn Fn(&ReplicaSet) -> i32| self.sets.iter().map(of).sum::<i32>();
        let available = sum(&|set| set.status.available_replicas);
        let mut status = DeploymentStatus {
            observed_generation: self.deployment.metadata.generation,
            replicas: sum(&|set| set.status.replicas),
            updated_replicas: self.newest().map_or(0, |set| set.status.replicas),
            ready_replicas: sum(&|set| set.status.ready_replicas),
            available_replicas: available,
            unavailable_replicas: (sum(&wanted) - available).max(0),
            terminating_replicas: self.terminating_replicas(),
            collision_count: self.deployment.status.collision_count,
            conditions: self.deployment.status.conditions.clone(),
        };
        let enough = available >= self.replicas() - limits::max_unavailable(&self.deployment);
        let (holds, reason, words) = if enough {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        let condition = new_condition("Available", holds, reason, words.to_owned(), self.cluster.now());
        replace_condition(&mut status.conditions, condition);
        status
    }

    /// Sum over the ReplicaSets, where the cluster counts them at all.
    fn terminating_replicas(&self) -> Option<i32> {
        self.deployment.status.terminating_replicas?;
        let observed = self.sets.iter().filter(|set| set.status.observed_generation != 0);
        observed.map(|set| set.status.terminating_replicas).sum()
    }
}
