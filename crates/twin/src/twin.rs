//! The event loop: virtual time, actors, and the seed that picks among those that are ready.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;

use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::{Admission, Cluster, Config};
use crate::controllers;
use crate::kubelet::PodTimings;
use crate::load;
use crate::seed::Seed;

/// First delay of a failed key, in milliseconds (client-go's default controller rate limiter).
const RETRY_FIRST_MILLIS: i64 = 5;
/// Longest delay of a failed key, in milliseconds (the same limiter).
const RETRY_MAX_MILLIS: i64 = 1_000_000;

/// A turn: actor and key.
type Turn = (usize, ObjectRef);

/// A simulated cluster with its actors, in virtual time. A copy goes on by itself, in the same way.
#[derive(Clone)]
pub struct Twin {
    /// What the actors act on. Writes from outside go here; they are noticed at the next step.
    pub cluster: Cluster,
    actors: Vec<Box<dyn Actor>>,
    /// Turns in order of time; the second part is the seed's pick among simultaneous ones.
    queue: BTreeSet<(Time, u64, Turn)>,
    /// Next turn that a change caused, per key: it stands in the queue.
    woken: BTreeMap<Turn, (Time, u64)>,
    /// Next turn that was asked for at a time, per key: it stands in the queue beside the former.
    timed: BTreeMap<Turn, (Time, u64)>,
    failures: BTreeMap<Turn, u32>,
    /// How often a key was queued: the number of its next draw.
    draws: BTreeMap<Turn, u64>,
    /// Changes that the actors were told of.
    seen: usize,
}

impl std::fmt::Debug for Twin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twin")
            .field("cluster", &self.cluster)
            .field("turns", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl Twin {
    /// An empty cluster at a point in time, with all of Kubernetes' controllers.
    #[must_use]
    pub fn new(
        now: Time,
        config: Config,
        admission: Box<dyn Admission>,
        timings: Box<dyn PodTimings>,
    ) -> Self {
        let mut twin = Self {
            cluster: Cluster::new(now, config, admission),
            actors: Vec::new(),
            queue: BTreeSet::new(),
            woken: BTreeMap::new(),
            timed: BTreeMap::new(),
            failures: BTreeMap::new(),
            draws: BTreeMap::new(),
            seen: 0,
        };
        for actor in controllers::all(timings) {
            twin.add_actor(actor);
        }
        twin
    }

    /// A twin of a recorded cluster. Its clock starts at the snapshot's newest timestamp. ReplicaSets and
    /// ControllerRevisions that pods point to and that were not read are derived from the pods.
    #[must_use]
    pub fn load(
        snapshot: &Snapshot,
        config: Config,
        admission: Box<dyn Admission>,
        timings: Box<dyn PodTimings>,
    ) -> Self {
        let mut twin = Self::new(snapshot.newest_time().unwrap_or_default(), config, admission, timings);
        for object in snapshot.objects.to_vec().into_iter().chain(load::missing(&snapshot.objects)) {
            twin.cluster.store.load(object);
        }
        twin
    }

    /// The objects as they are now, as a snapshot would hold them; sources and istiods' answers are left to
    /// whoever simulates them.
    #[must_use]
    pub fn export(&self) -> Snapshot {
        Snapshot { objects: self.cluster.store.to_objects(), ..Snapshot::default() }
    }

    /// Adds an actor. It is told of every change that no step has dispatched yet.
    pub fn add_actor(&mut self, actor: Box<dyn Actor>) {
        self.actors.push(actor);
    }

    /// The actor of that type.
    #[must_use]
    pub fn actor<A: Actor>(&self) -> Option<&A> {
        self.actors.iter().find_map(|actor| (actor.as_ref() as &dyn Any).downcast_ref())
    }

    /// The actor of that type, to be steered.
    pub fn actor_mut<A: Actor>(&mut self) -> Option<&mut A> {
        self.actors.iter_mut().find_map(|actor| (actor.as_mut() as &mut dyn Any).downcast_mut())
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.cluster.now()
    }

    /// Time of the next turn, if any is due at all.
    pub fn next_turn(&mut self) -> Option<Time> {
        self.dispatch();
        self.queue.first().map(|(time, _, _)| *time)
    }

    /// Takes the next turn, if one is due until then; moves the clock to it. False if there is none: then the
    /// clock stands where it was.
    pub fn step(&mut self, until: Time) -> bool {
        if self.next_turn().is_none_or(|time| time > until) {
            return false;
        }
        let Some((time, pick, turn)) = self.queue.pop_first() else { return false };
        for pending in [&mut self.woken, &mut self.timed] {
            if pending.get(&turn) == Some(&(time, pick)) {
                pending.remove(&turn);
            }
        }
        self.cluster.store.set_now(time);
        self.take(turn);
        true
    }

    /// Takes all turns until then and leaves the clock there.
    pub fn run_until(&mut self, until: Time) {
        while self.step(until) {}
        self.cluster.store.set_now(until);
    }

    /// Works on a key of an actor at a time, whatever changes.
    pub fn wake_at(&mut self, actor: &str, key: ObjectRef, at: Time) {
        if let Some(index) = self.actors.iter().position(|candidate| candidate.name() == actor) {
            self.queue_timed((index, key), at);
        }
    }

    fn take(&mut self, turn: Turn) {
        let (index, key) = &turn;
        let Some(actor) = self.actors.get_mut(*index) else { return };
        self.cluster.store.set_author(actor.name());
        let outcome = actor.sync(key, &mut self.cluster);
        self.cluster.store.set_author("");
        let now = self.now();
        match outcome {
            Ok(Requeue::Done) => {
                self.failures.remove(&turn);
            }
            Ok(Requeue::AfterMillis(millis)) => {
                self.failures.remove(&turn);
                self.queue_timed(turn, now.plus_millis(millis.max(0)));
            }
            Err(_) => {
                let failures = self.failures.entry(turn.clone()).or_default();
                let backoff =
                    RETRY_FIRST_MILLIS.saturating_mul(1 << (*failures).min(30)).min(RETRY_MAX_MILLIS);
                *failures += 1;
                // Nobody sees its own write before the informer brings it, so no retry is faster than that.
                let lag = self.lag(&turn);
                self.queue_timed(turn, now.plus_millis(backoff.max(lag)));
            }
        }
    }

    /// Tells all actors of the changes since the last time.
    fn dispatch(&mut self) {
        while self.seen < self.cluster.store.position() {
            let Some(change) = self.cluster.store.changes_from(self.seen).first().cloned() else { break };
            self.seen += 1;
            for index in 0..self.actors.len() {
                let mut wakes = Wakes::default();
                if let Some(actor) = self.actors.get_mut(index) {
                    actor.watch(&change, &self.cluster, &mut wakes);
                }
                for (key, after) in wakes.keys {
                    let turn = (index, key);
                    match after {
                        Some(millis) => self.queue_timed(turn, change.at.plus_millis(millis.max(0))),
                        None => self.queue_woken(turn, change.at),
                    }
                }
            }
        }
    }

    fn queue_woken(&mut self, turn: Turn, since: Time) {
        // A key that waits already sees this change when its turn comes.
        if self.woken.contains_key(&turn) {
            return;
        }
        let at = since.plus_millis(self.lag(&turn)).max(self.now());
        let pick = self.draw(&turn).value();
        self.woken.insert(turn.clone(), (at, pick));
        self.queue.insert((at, pick, turn));
    }

    fn queue_timed(&mut self, turn: Turn, at: Time) {
        let at = at.max(self.now());
        if let Some((former, pick)) = self.timed.get(&turn).copied() {
            if former <= at {
                return;
            }
            self.queue.remove(&(former, pick, turn.clone()));
        }
        let pick = self.draw(&turn).value();
        self.timed.insert(turn.clone(), (at, pick));
        self.queue.insert((at, pick, turn));
    }

    fn lag(&mut self, turn: &Turn) -> i64 {
        let (low, high) = self.actors.get(turn.0).map_or((0, 0), |actor| actor.lag_millis(&self.cluster));
        self.draw(turn).between(low, high)
    }

    /// The next draw for a key; it depends on actor, key and how often this key drew before.
    fn draw(&mut self, turn: &Turn) -> Seed {
        let number = self.draws.entry(turn.clone()).or_default();
        *number += 1;
        let name = self.actors.get(turn.0).map_or("", |actor| actor.name());
        let key = &turn.1;
        self.cluster
            .seed("turns")
            .child(name)
            .child(&key.kind)
            .child(&key.namespace)
            .child(&key.name)
            .nth(*number)
    }
}
