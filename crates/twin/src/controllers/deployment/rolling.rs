//! Rolling updates (`deployment/rolling.go`).

use meshlift_model::k8s::ReplicaSet;

use super::{Rollout, limits, wanted};
use crate::actor::Requeue;
use crate::error::ApiError;

impl Rollout<'_> {
    /// `rolloutRolling`: one step up or one step down per turn.
    pub(super) fn rolling(mut self) -> Result<Requeue, ApiError> {
        self.sync_revision(true)?;
        if self.grow_new()? || self.shrink_old()? {
            return self.write_progress();
        }
        if limits::is_complete(&self.deployment, &self.deployment.status) {
            self.clean_up()?;
        }
        self.write_progress()
    }

    /// `reconcileNewReplicaSet`.
    fn grow_new(&mut self) -> Result<bool, ApiError> {
        let Some(place) = self.newest else { return Ok(false) };
        let (current, desired) = (wanted(&self.sets[place]), self.replicas());
        let target = if current > desired { desired } else { self.new_replicas(&self.sets[place]) };
        self.scale(place, target)
    }

    /// Replicas that the new ReplicaSet may have now (`NewRSNewReplicas`).
    pub(super) fn new_replicas(&self, set: &ReplicaSet) -> i32 {
        let desired = self.replicas();
        if !limits::is_rolling(&self.deployment) {
            return desired;
        }
        let listed = self.sets.iter().any(|known| known.metadata.name == set.metadata.name);
        let total = self.sets.iter().map(wanted).sum::<i32>() + if listed { 0 } else { wanted(set) };
        // Upstream takes the surge alone here: where both limits are zero it still is zero.
        let surge =
            limits::max_surge(&self.deployment) + i32::from(self.cluster.config.quirks.surge_off_by_one);
        let room = desired + surge - total;
        if room <= 0 { wanted(set) } else { wanted(set) + room.min(desired - wanted(set)) }
    }

    /// `reconcileOldReplicaSets`: unhealthy old pods first, then what the limits leave.
    fn shrink_old(&mut self) -> Result<bool, ApiError> {
        let old = self.active_old();
        if old.is_empty() {
            return Ok(false);
        }
        let total: i32 = self.sets.iter().map(wanted).sum();
        let least = self.replicas() - limits::max_unavailable(&self.deployment);
        let waiting = self.newest().map_or(0, |set| wanted(set) - set.status.available_replicas);
        let waiting = if self.cluster.config.quirks.old_before_new_available { 0 } else { waiting };
        let most = total - least - waiting;
        if most <= 0 {
            return Ok(false);
        }
        let Some(cleaned) = self.shrink_unhealthy(&old, most)? else { return Ok(false) };
        let available: i32 = self.sets.iter().map(|set| set.status.available_replicas).sum();
        let available =
            if self.cluster.config.quirks.old_before_new_available { total - cleaned } else { available };
        let scaled = self.shrink_healthy(&old, available - least)?;
        Ok(cleaned + scaled > 0)
    }

    /// `cleanupUnhealthyReplicas`; how many were taken away. `None` where a status is behind (more available
    /// than wanted): then nothing is scaled down in this turn.
    fn shrink_unhealthy(&mut self, old: &[usize], most: i32) -> Result<Option<i32>, ApiError> {
        let mut taken = 0;
        for place in old {
            let set = &self.sets[*place];
            let (current, available) = (wanted(set), set.status.available_replicas);
            if taken >= most {
                break;
            }
            if current == 0 || current == available {
                continue;
            }
            let count = (most - taken).min(current - available);
            if count < 0 {
                return Ok(None);
            }
            self.scale(*place, current - count)?;
            taken += count;
        }
        Ok(Some(taken))
    }

    /// `scaleDownOldReplicaSetsForRollingUpdate`; how many were taken away.
    fn shrink_healthy(&mut self, old: &[usize], most: i32) -> Result<i32, ApiError> {
        let mut taken = 0;
        for place in old {
            let current = wanted(&self.sets[*place]);
            if taken >= most {
                break;
            }
            let count = current.min(most - taken);
            if count > 0 {
                self.scale(*place, current - count)?;
                taken += count;
            }
        }
        Ok(taken)
    }
}
