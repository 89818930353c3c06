//! Who executes a run: a Lease, renewed while the executor lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use meshlift_model::time::Time;

use super::api::{already_exists, ask, insist, is_conflict, is_not_found, may_pass};
use super::{FIELD_MANAGER, RUN_LABEL, RecordError, object_name};
use crate::clock::{now, timestamp};

/// How long a sign of life counts.
const LEASE_SECONDS: i32 = 30;
/// Between two signs of life: three may fail before the Lease runs out.
const RENEW: Duration = Duration::from_secs(8);
/// A Lease that looks run out by our clock is watched for so long: clocks differ, and a living holder renews.
const SILENCE: Duration = Duration::from_secs(12);
/// Tries at a Lease that others write at the same time, or while there is no answer.
const TRIES: usize = 8;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Whoever executes a run: who and where, for people, and different for each process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(pub String);

/// What a Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseState {
    /// Who executes; empty for nobody.
    pub holder: String,
    /// Since when.
    pub since: Option<Time>,
    /// Last sign of life.
    pub renewed: Option<Time>,
    /// True while that counts, by this machine's clock.
    pub is_alive: bool,
}

impl LeaseState {
    fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let time = |time: Option<MicroTime>| time.map(|time| Time::from_millis(time.0.as_millisecond()));
        let (since, renewed) = (time(spec.acquire_time), time(spec.renew_time));
        let holder = spec.holder_identity.unwrap_or_default();
        let counts = i64::from(spec.lease_duration_seconds.unwrap_or(LEASE_SECONDS));
        let is_alive = !holder.is_empty() && renewed.is_some_and(|at| at.plus_seconds(counts) > now());
        Self { holder, since, renewed, is_alive }
    }

    fn held(&self, run: &str) -> RecordError {
        let word =
            |time: Option<Time>| time.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string());
        RecordError::Held {
            run: run.to_owned(),
            holder: self.holder.clone(),
            since: word(self.since),
            renewed: word(self.renewed),
        }
    }
}

/// A Lease that this process holds, and keeps alive until it is released or dropped.
#[derive(Debug)]
pub(super) struct HeldLease {
    place: Place,
    /// Until when the last sign of life counts, in milliseconds; in the past once somebody else holds it.
    valid_until: Arc<AtomicI64>,
    renewal: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Place {
    leases: Api<Lease>,
    run: String,
    holder: Holder,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("run", &self.run).field("holder", &self.holder).finish_non_exhaustive()
    }
}

/// What the Lease of a run says; `None` where there is none.
pub(super) async fn state(
    client: &Client,
    namespace: &str,
    run: &str,
) -> Result<Option<LeaseState>, RecordError> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let name = object_name(run);
    let found = insist(format!("get Lease {namespace}/{name}"), || leases.get_opt(&name)).await?;
    Ok(found.as_ref().map(LeaseState::of))
}

impl HeldLease {
    /// Becomes the holder: where nobody is, where the last one was silent, or by force.
    pub(super) async fn acquire(
        client: &Client,
        namespace: &str,
        run: &str,
        holder: &Holder,
        by_force: bool,
    ) -> Result<Self, RecordError> {
        let leases = Api::namespaced(client.clone(), namespace);
        let place = Place { leases, run: run.to_owned(), holder: holder.clone() };
        let mut error = None;
        for _ in 0..TRIES {
            match place.take(by_force).await {
                Ok(renewed) => return Ok(Self::keep(place, renewed)),
                Err(refused)
                    if is_conflict(&refused)
                        || already_exists(&refused)
                        || is_not_found(&refused)
                        || may_pass(&refused) =>
                {
                    error = Some(refused);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(refused) => return Err(refused),
            }
        }
        Err(error.unwrap_or(RecordError::Late { what: format!("Lease of run {run}"), seconds: 0 }))
    }

    fn keep(place: Place, renewed: Time) -> Self {
        let valid_until = Arc::new(AtomicI64::new(until(renewed)));
        let renewal = tokio::spawn(renew(place.clone(), Arc::clone(&valid_until)));
        Self { place, valid_until, renewal }
    }

    /// True while the last sign of life counts.
    pub(super) fn is_valid(&self) -> bool {
        self.valid_until.load(Ordering::SeqCst) > now().millis()
    }

    /// True once somebody else holds it.
    pub(super) fn is_taken(&self) -> bool {
        self.valid_until.load(Ordering::SeqCst) == 0
    }

    /// Says that nobody executes the run any more: insists, as one renewal may still be on its way and a single
    /// lost answer would show an executor where there is none. Where that fails, the Lease runs out by itself.
    pub(super) async fn release(self) {
        self.renewal.abort();
        for _ in 0..TRIES {
            match self.place.leave().await {
                Err(refused) if is_conflict(&refused) || may_pass(&refused) => {
                    tokio::time::sleep(PAUSE).await
                }
                Ok(()) | Err(_) => return,
            }
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

fn until(renewed: Time) -> i64 {
    renewed.plus_seconds(i64::from(LEASE_SECONDS)).millis()
}

impl Place {
    async fn get(&self) -> Result<Option<Lease>, RecordError> {
        let name = object_name(&self.run);
        insist(format!("get Lease {name}"), || self.leases.get_opt(&name)).await
    }

    /// Nobody holds the Lease, if this process did.
    async fn leave(&self) -> Result<(), RecordError> {
        match self.get().await? {
            Some(mut lease) if LeaseState::of(&lease).holder == self.holder.0 => {
                lease.spec.get_or_insert_default().holder_identity = None;
                self.replace(&lease).await.map(|_| ())
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, RecordError> {
        let name = object_name(&self.run);
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        ask(format!("update Lease {name}"), self.leases.replace(&name, &params, lease)).await
    }

    async fn take(&self, by_force: bool) -> Result<Time, RecordError> {
        let Some(lease) = self.get().await? else {
            let at = now();
            let lease = self.fresh(at, 0);
            let params =
                PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
            let what = format!("create Lease {}", object_name(&self.run));
            ask(what, self.leases.create(&params, &lease)).await?;
            return Ok(at);
        };
        let state = LeaseState::of(&lease);
        let is_others = !state.holder.is_empty() && state.holder != self.holder.0;
        if is_others && !by_force {
            self.is_silent(&state).await?;
        }
        let at = now();
        let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let mut mine = self.fresh(at, transitions.saturating_add(1));
        mine.metadata.resource_version = lease.metadata.resource_version;
        self.replace(&mine).await?;
        Ok(at)
    }

    /// An error where the other holder lives.
    async fn is_silent(&self, state: &LeaseState) -> Result<(), RecordError> {
        if state.is_alive {
            return Err(state.held(&self.run));
        }
        tokio::time::sleep(SILENCE).await;
        let later = self.get().await?.as_ref().map(LeaseState::of);
        match later {
            Some(later) if later.renewed != state.renewed && !later.holder.is_empty() => {
                Err(later.held(&self.run))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn fresh(&self, at: Time, transitions: i32) -> Lease {
        let time = Some(MicroTime(timestamp(at)));
        let labels = [(RUN_LABEL, self.run.as_str()), ("app.kubernetes.io/managed-by", FIELD_MANAGER)];
        Lease {
            metadata: ObjectMeta {
                name: Some(object_name(&self.run)),
                labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                acquire_time: time.clone(),
                renew_time: time,
                holder_identity: Some(self.holder.0.clone()),
                lease_duration_seconds: Some(LEASE_SECONDS),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// Gives signs of life until somebody else holds the Lease.
async fn renew(place: Place, valid_until: Arc<AtomicI64>) {
    loop {
        tokio::time::sleep(RENEW).await;
        match renew_once(&place).await {
            Ok(Some(at)) => valid_until.store(until(at), Ordering::SeqCst),
            Ok(None) => {
                valid_until.store(0, Ordering::SeqCst);
                return;
            }
            // Tried again; if it never works, the Lease runs out, and appends are refused by then.
            Err(_) => {}
        }
    }
}

/// When the Lease was renewed; `None` where it is somebody else's.
async fn renew_once(place: &Place) -> Result<Option<Time>, RecordError> {
    let at = now();
    let Some(mut lease) = place.get().await? else {
        // Somebody deleted it. Whoever created one meanwhile is the holder.
        return match place.take(false).await {
            Ok(at) => Ok(Some(at)),
            Err(error) if may_pass(&error) => Err(error),
            Err(_) => Ok(None),
        };
    };
    if LeaseState::of(&lease).holder != place.holder.0 {
        return Ok(None);
    }
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(timestamp(at)));
    place.replace(&lease).await?;
    Ok(Some(at))
}
