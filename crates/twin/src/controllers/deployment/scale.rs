//! Scaling, in proportion where a rollout is under way (`deployment/sync.go`).

use std::cmp::Ordering;

use meshlift_model::k8s::ReplicaSet;

use super::{DESIRED_REPLICAS, MAX_REPLICAS, Rollout, by_age, limits, wanted};
use crate::actor::Requeue;
use crate::error::ApiError;

impl Rollout<'_> {
    /// True if an active ReplicaSet was scaled for another number of replicas (`isScalingEvent`).
    pub(super) fn is_scaling_event(&mut self) -> Result<bool, ApiError> {
        self.sync_revision(false)?;
        let desired = self.replicas();
        Ok(self
            .sets
            .iter()
            .filter(|set| wanted(set) > 0)
            .filter_map(|set| number(set, DESIRED_REPLICAS))
            .any(|scaled_for| scaled_for != desired))
    }

    /// `sync`: scales, and nothing of a rollout.
    pub(super) fn sync_scale(mut self) -> Result<Requeue, ApiError> {
        self.sync_revision(false)?;
        self.scale_all()?;
        if self.deployment.spec.paused {
            self.clean_up()?;
        }
        self.write_status_only()
    }

    /// Writes a ReplicaSet's replicas and annotations; true if the replicas changed (`scaleReplicaSet`).
    pub(super) fn scale(&mut self, place: usize, replicas: i32) -> Result<bool, ApiError> {
        if wanted(&self.sets[place]) == replicas {
            return Ok(false);
        }
        self.write_scale(place, replicas)?;
        Ok(true)
    }

    fn write_scale(&mut self, place: usize, replicas: i32) -> Result<(), ApiError> {
        let mut set = self.sets[place].clone();
        set.spec.replicas = Some(replicas);
        self.annotate_replicas(&mut set);
        if set != self.sets[place] {
            self.sets[place] = self.cluster.store.update(set)?;
        }
        Ok(())
    }

    /// `scale`.
    fn scale_all(&mut self) -> Result<(), ApiError> {
        let desired = self.replicas();
        let active: Vec<usize> =
            (0..self.sets.len()).filter(|place| wanted(&self.sets[*place]) > 0).collect();
        match active.as_slice() {
            [] => {
                // Nothing runs: the new ReplicaSet, or else the youngest, is the one to scale.
                let latest = self.newest.or_else(|| self.sets.len().checked_sub(1));
                return latest.map_or(Ok(()), |place| self.scale(place, desired).map(drop));
            }
            [only] => return self.scale(*only, desired).map(drop),
            [..] => {}
        }
        if self.newest().is_some_and(|set| self.is_saturated(set)) {
            for place in self.active_old() {
                self.scale(place, 0)?;
            }
            return Ok(());
        }
        if limits::is_rolling(&self.deployment) { self.scale_in_proportion(active) } else { Ok(()) }
    }

    /// `IsSaturated`.
    fn is_saturated(&self, set: &ReplicaSet) -> bool {
        let desired = self.replicas();
        wanted(set) == desired
            && number(set, DESIRED_REPLICAS) == Some(desired)
            && set.status.available_replicas == desired
    }

    /// Spreads what is to be added or taken away over the active ReplicaSets, larger ones first; the largest
    /// takes what rounding leaves.
    fn scale_in_proportion(&mut self, mut active: Vec<usize>) -> Result<(), ApiError> {
        let desired = self.replicas();
        let allowed = if desired > 0 { desired + limits::max_surge(&self.deployment) } else { 0 };
        let total: i32 = active.iter().map(|place| wanted(&self.sets[*place])).sum();
        let change = allowed - total;
        active.sort_by(|a, b| {
            let (a, b) = (&self.sets[*a], &self.sets[*b]);
            let age = if change > 0 { by_age(b, a) } else { by_age(a, b) };
            wanted(b).cmp(&wanted(a)).then(if change == 0 { Ordering::Equal } else { age })
        });
        let mut spread = 0;
        let mut sizes = Vec::new();
        for place in &active {
            let part = self.proportion(&self.sets[*place], change, spread);
            spread += part;
            sizes.push(wanted(&self.sets[*place]) + part);
        }
        if let Some(largest) = sizes.first_mut().filter(|_| change != 0) {
            *largest = (*largest + change - spread).max(0);
        }
        for (place, size) in active.into_iter().zip(sizes) {
            self.write_scale(place, size)?;
        }
        Ok(())
    }

    /// `GetReplicaSetProportion`.
    fn proportion(&self, set: &ReplicaSet, change: i32, spread: i32) -> i32 {
        if wanted(set) == 0 || change == 0 || change == spread {
            return 0;
        }
        let (fraction, left) = (self.fraction(set), change - spread);
        if change > 0 { fraction.min(left) } else { fraction.max(left) }
    }

    /// `getReplicaSetFraction`, rounded half away from zero.
    fn fraction(&self, set: &ReplicaSet) -> i32 {
        let desired = self.replicas();
        if desired == 0 {
            return -wanted(set);
        }
        let most = i64::from(desired + limits::max_surge(&self.deployment));
        let before = number(set, MAX_REPLICAS).filter(|count| *count != 0);
        let before = i64::from(before.unwrap_or(self.deployment.status.replicas));
        if before == 0 {
            return 0;
        }
        let product = i64::from(wanted(set)) * most;
        let size = (2 * product + before).div_euclid(2 * before);
        i32::try_from(size).unwrap_or(i32::MAX) - wanted(set)
    }
}

fn number(set: &ReplicaSet, annotation: &str) -> Option<i32> {
    set.metadata.annotation(annotation)?.parse().ok().filter(|count: &i32| *count >= 0)
}
