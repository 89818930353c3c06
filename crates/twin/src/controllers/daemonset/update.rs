//! Rolling updates (`pkg/controller/daemon/update.go`).

use meshlift_model::k8s::{IntOrString, Pod, Resource};
use meshlift_model::time::Time;

use super::{Daemons, Work};
use crate::controllers::pods;

/// Live pods of a node: the new one and the old one. `None` where there are several of either: the manager
/// prunes them first.
type Pair<'a> = Option<(Option<&'a Pod>, Option<&'a Pod>)>;

impl Daemons<'_> {
    /// Pods above one per node (`SurgeCount`).
    pub(super) fn surge(&self) -> i32 {
        self.limit(|rolling| rolling.max_surge.as_ref())
    }

    /// Nodes that may be without (`UnavailableCount`); 1 where neither limit allows anything.
    fn unavailable(&self) -> i32 {
        let limited = self.limit(|rolling| rolling.max_unavailable.as_ref());
        if limited == 0 && self.surge() == 0 { 1 } else { limited }
    }

    fn limit(&self, of: impl Fn(&meshlift_model::k8s::RollingUpdate) -> Option<&IntOrString>) -> i32 {
        let strategy = &self.set.spec.update_strategy;
        let desired = self.nodes.values().filter(|should_run| **should_run).count();
        let desired = i32::try_from(desired).unwrap_or(i32::MAX);
        let limit = strategy.rolling_update.as_ref().and_then(of);
        let count = limit.and_then(|limit| limit.scaled(desired, true)).unwrap_or(0);
        if strategy.type_ == "OnDelete" { 0 } else { count }
    }

    /// What the update does next.
    pub(super) fn roll(&self, now: Time) -> Work {
        if self.surge() == 0 { self.roll_in_place(now) } else { self.roll_with_surge(now) }
    }

    /// Nodes that should have a pod or have one, with their live pods.
    fn pairs(&self) -> impl Iterator<Item = (&String, bool, Pair<'_>)> {
        self.nodes.iter().filter_map(|(node, should_run)| {
            let all = self.on_node(node);
            if !should_run && all.is_empty() {
                return None;
            }
            let live = all.into_iter().filter(|pod| !pods::is_terminating(pod));
            let (updated, old): (Vec<&Pod>, Vec<&Pod>) = live.partition(|pod| self.is_updated(pod));
            let pair = (updated.len() <= 1 && old.len() <= 1)
                .then(|| (updated.first().copied(), old.first().copied()));
            Some((node, *should_run, pair))
        })
    }

    /// Deletes old pods, so that no more nodes than allowed are without an available one.
    fn roll_in_place(&self, now: Time) -> Work {
        let most = self.unavailable();
        let mut unavailable = 0;
        let (mut replaced, mut candidates) = (Vec::new(), Vec::new());
        for (_, _, pair) in self.pairs() {
            match pair {
                None | Some((None, None) | (Some(_), Some(_))) => unavailable += 1,
                Some((Some(updated), None)) => unavailable += i32::from(!self.is_available(updated, now)),
                Some((None, Some(old))) if !self.is_available(old, now) => {
                    replaced.push(old.object_ref());
                    unavailable += 1;
                }
                Some((None, Some(old))) => candidates.push(old.object_ref()),
            }
        }
        let room = usize::try_from(most - unavailable).unwrap_or(0);
        replaced.extend(candidates.into_iter().take(room));
        Work { delete: replaced, ..Work::default() }
    }

    /// Creates new pods beside old ones, as many at once as surge allows; an old one goes when its new one is
    /// available.
    fn roll_with_surge(&self, now: Time) -> Work {
        let (mut surging, mut available, mut desired) = (0, 0_usize, 0_usize);
        let mut work = Work::default();
        let (mut candidates, mut unwanted) = (Vec::new(), Vec::new());
        for (node, should_run, pair) in self.pairs() {
            desired += usize::from(should_run);
            let Some((updated, old)) = pair else {
                surging += 1;
                continue;
            };
            let judged = old.or(updated);
            available += usize::from(judged.is_some_and(|pod| self.is_available(pod, now)));
            let Some(old) = old else { continue };
            match updated {
                Some(updated) if self.is_available(updated, now) => work.delete.push(old.object_ref()),
                Some(_) => surging += 1,
                None if !should_run && self.is_available(old, now) => unwanted.push(old.object_ref()),
                None if !should_run => work.delete.push(old.object_ref()),
                None if self.is_available(old, now) => candidates.push(node.clone()),
                None => work.create_on.push(node.clone()),
            }
        }
        work.delete.extend(unwanted.into_iter().take(available.saturating_sub(desired)));
        let room = usize::try_from(self.surge() - surging).unwrap_or(0);
        work.create_on.extend(candidates.into_iter().take(room));
        work
    }
}
