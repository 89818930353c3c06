//! Actors: whatever acts in the twin by itself. Each watches changes and works on keys, as a Kubernetes
//! controller works off its queue (`k8s.io/client-go/util/workqueue`).

use std::any::Any;

use meshlift_model::names::ObjectRef;

use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::Change;

/// When a key is to be worked on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeue {
    /// Not before something changes.
    Done,
    /// After so many milliseconds, exactly; something may change before.
    AfterMillis(i64),
}

/// Keys that a change wakes.
#[derive(Debug, Default)]
pub struct Wakes {
    pub(crate) keys: Vec<(ObjectRef, Option<i64>)>,
}

impl Wakes {
    /// Works on the key after the informer's lag.
    pub fn now(&mut self, key: ObjectRef) {
        self.keys.push((key, None));
    }

    /// Works on the key after so many milliseconds, without lag.
    pub fn after_millis(&mut self, key: ObjectRef, millis: i64) {
        self.keys.push((key, Some(millis)));
    }
}

/// Something that acts in the twin.
///
/// An actor sees the cluster only through [`Cluster`] and writes only through it, so that every write stands
/// in the log under its name. Two wakes of one key before its turn are one turn.
pub trait Actor: Any + CloneActor {
    /// Its name, unique; it stands as author in each change that it writes.
    fn name(&self) -> &'static str;

    /// Names the keys that a change concerns. It is told of every change, in order, its own included.
    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes);

    /// Brings one key closer to what it should be.
    ///
    /// # Errors
    /// Any refusal: the key is tried again with growing delay (5 ms, doubled each time, at most 1000 s).
    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError>;

    /// Lag between a change and the turn that it causes, as bounds in milliseconds.
    fn lag_millis(&self, cluster: &Cluster) -> (i64, i64) {
        cluster.config.informer_lag_millis
    }
}

/// A copy of an actor behind a pointer: a world is copied with all that acts in it. Every actor that is
/// [`Clone`] has it.
pub trait CloneActor {
    /// The copy.
    fn boxed(&self) -> Box<dyn Actor>;
}

impl<A: Actor + Clone> CloneActor for A {
    fn boxed(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Actor> {
    fn clone(&self) -> Self {
        self.as_ref().boxed()
    }
}
