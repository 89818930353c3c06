//! What actors and ports act on: the store with what kube-apiserver does around it.

use meshlift_model::k8s::{Deployment, Object, Pod, ReplicaSet, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use crate::error::ApiError;
use crate::faults::Book;
use crate::quota;
use crate::seed::Seed;
use crate::store::{DeleteOptions, Store};

/// Settings of a twin.
#[derive(Clone, Debug)]
pub struct Config {
    /// The one seed.
    pub seed: u64,
    /// Bounds of an informer's lag, in milliseconds.
    pub informer_lag_millis: (i64, i64),
    /// Bounds of the EndpointSlice controller's lag, in milliseconds (traffic model: 50 to 1000).
    pub endpoint_lag_millis: (i64, i64),
    /// Deliberate mistakes, off but in tests of the tests.
    pub quirks: Quirks,
}

/// Deliberate mistakes of controllers: negative controls that must make the replay of recorded rollouts fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// A Deployment surges by one more than it may.
    pub surge_off_by_one: bool,
    /// The kubelet writes Ready times with their part of a second.
    pub ready_time_not_rounded: bool,
    /// Old pods are scaled down before new ones are available.
    pub old_before_new_available: bool,
}

/// Informer lag: a watch event is delivered within a few milliseconds, a loaded controller takes some tens
/// (recorded rollouts: 5 to 100 ms between a write and the controller's answer).
const INFORMER_LAG_MILLIS: (i64, i64) = (2, 60);
/// EndpointSlice controller: in the recorded rollouts 10 to 700 ms.
const ENDPOINT_LAG_MILLIS: (i64, i64) = (20, 300);

impl Config {
    /// The usual settings for a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            informer_lag_millis: INFORMER_LAG_MILLIS,
            endpoint_lag_millis: ENDPOINT_LAG_MILLIS,
            quirks: Quirks::default(),
        }
    }
}

/// What happens to a pod between its creation and the store: the mutating webhooks.
pub trait Admission: CloneAdmission {
    /// The pod as the webhooks leave it.
    ///
    /// # Errors
    /// Where a webhook refuses it, or must be called and cannot be.
    fn admit(&mut self, store: &Store, pod: Pod) -> Result<Pod, Rejected>;
}

/// A copy of admission behind a pointer; whatever is [`Clone`] has it.
pub trait CloneAdmission {
    /// The copy.
    fn boxed(&self) -> Box<dyn Admission>;
}

impl<A: Admission + Clone + 'static> CloneAdmission for A {
    fn boxed(&self) -> Box<dyn Admission> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Admission> {
    fn clone(&self) -> Self {
        self.as_ref().boxed()
    }
}

/// Why admission refused a pod.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejected {
    /// Message of the API server, such as `Internal error occurred: failed calling webhook …`.
    pub message: String,
}

/// No webhook at all: every pod passes as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdmitAsIs;

impl Admission for AdmitAsIs {
    fn admit(&mut self, _store: &Store, pod: Pod) -> Result<Pod, Rejected> {
        Ok(pod)
    }
}

/// The simulated API server: store, admission, quota, eviction.
#[derive(Clone)]
pub struct Cluster {
    /// Objects and log.
    pub store: Store,
    /// Settings.
    pub config: Config,
    /// What is to go wrong; empty but where faults are played.
    pub faults: Book,
    admission: Box<dyn Admission>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("config", &self.config)
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// An empty cluster.
    #[must_use]
    pub fn new(now: Time, config: Config, admission: Box<dyn Admission>) -> Self {
        let store = Store::new(now, Seed::new(config.seed).child("store"));
        Self { store, config, faults: Book::default(), admission }
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.store.now()
    }

    /// A generator of its own for whoever bears this name.
    #[must_use]
    pub fn seed(&self, name: &str) -> Seed {
        Seed::new(self.config.seed).child(name)
    }

    /// Creates a pod: name, webhooks, quota, store, in the order of kube-apiserver.
    ///
    /// # Errors
    /// `Rejected` by a webhook, `Forbidden` by quota, `AlreadyExists`.
    pub fn create_pod(&mut self, pod: Pod) -> Result<Pod, ApiError> {
        let pod = self.admit(pod)?;
        quota::charge(&mut self.store, &pod)?;
        self.store.create(pod)
    }

    /// The pod that a creation would store now; nothing is stored.
    ///
    /// # Errors
    /// As [`Cluster::create_pod`].
    pub fn dry_run_pod(&mut self, pod: Pod) -> Result<Pod, ApiError> {
        let pod = self.admit(pod)?;
        quota::check(&self.store, &pod)?;
        match self.store.get::<Pod>(&pod.metadata.namespace, &pod.metadata.name) {
            Some(_) => Err(ApiError::AlreadyExists(pod.object_ref())),
            None => Ok(pod),
        }
    }

    fn admit(&mut self, pod: Pod) -> Result<Pod, ApiError> {
        let mut object = pod.into_object();
        self.store.name(&mut object);
        let Object::Pod(pod) = object else {
            return Err(ApiError::Invalid { object: ObjectRef::default(), reason: "is no Pod".into() });
        };
        self.admission
            .admit(&self.store, pod)
            .map_err(|rejected| ApiError::Rejected { message: rejected.message })
    }

    /// Creates an object of any kind; pods pass admission and quota.
    ///
    /// # Errors
    /// As [`Cluster::create_pod`] and [`Store::create`].
    pub fn create(&mut self, object: Object) -> Result<(), ApiError> {
        match object {
            Object::Pod(pod) => self.create_pod(pod).map(drop),
            object => self.store.create_object(object).map(drop),
        }
    }

    /// Sets the replicas of a Deployment, StatefulSet or ReplicaSet, as its scale subresource does.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for kinds that do not scale.
    pub fn scale(&mut self, target: &ObjectRef, replicas: i32) -> Result<(), ApiError> {
        let Some(stored) = self.store.object(target) else { return Err(ApiError::NotFound(target.clone())) };
        let mut object = Object::clone(stored);
        let wanted = if let Some(deployment) = Deployment::from_object_mut(&mut object) {
            &mut deployment.spec.replicas
        } else if let Some(set) = StatefulSet::from_object_mut(&mut object) {
            &mut set.spec.replicas
        } else if let Some(set) = ReplicaSet::from_object_mut(&mut object) {
            &mut set.spec.replicas
        } else {
            return Err(ApiError::Invalid { object: target.clone(), reason: "it has no scale".to_owned() });
        };
        *wanted = Some(replicas);
        self.store.update_object(object).map(drop)
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub fn delete(&mut self, target: &ObjectRef, options: &DeleteOptions) -> Result<(), ApiError> {
        self.store.delete(target, options)
    }

    /// Replaces the admission chain.
    pub fn set_admission(&mut self, admission: Box<dyn Admission>) {
        self.admission = admission;
    }
}
