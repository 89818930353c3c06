//! The istiods and their proxies: who is connected to whom, since when, and in sync since when.
//!
//! A proxy dials the Service that its configuration names and is served by one of the ready istiods behind it.
//! An istiod that goes takes its connections with it; they come back elsewhere, no faster than each istiod
//! admits new streams. An istiod that serves writes its root certificate into the webhooks of its revision.
//! Gateways that istiod itself manages are loaded as they are and never rolled: that is not modelled, and
//! the checkers say so where a step would have rolled them.

mod address;
mod answers;
mod webhooks;

use std::collections::BTreeMap;

use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::{Connection, ProxyStatus, Snapshot};
use meshlift_model::time::Time;
use meshlift_model::traffic_constants::DEBOUNCE_QUIET_MILLIS;

use crate::actor::{Actor, Requeue, Wakes};
use crate::admission::injector::{is_istiod, revision_of_istiod};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::{Change, Store};
use crate::traffic::Corner;

pub use answers::answers;

/// From a proxy's start to its first request, in milliseconds: assumption.
const DIAL_MILLIS: (i64, i64) = (100, 400);
/// From the loss of a connection to the next attempt, in milliseconds (Envoy's back-off with jitter, 0 to 1 s).
const REDIAL_MILLIS: (i64, i64) = (50, 1000);
/// New streams that an istiod admits in a second: `min(15 + 5 × GOMAXPROCS, 100)` for two processors
/// (`PILOT_MAX_REQUESTS_PER_SECOND`, istio `pilot/pkg/features/tuning.go`).
const STREAMS_PER_SECOND_MAX: u32 = 25;
/// A proxy that was turned away waits so long, in milliseconds (istiod lets a stream wait 1 s itself).
const TURNED_AWAY_MILLIS: i64 = 1000;

/// A connection of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// uid of the proxy's pod.
    pub pod_uid: String,
    /// istiod pod, in its namespace.
    pub istiod: ObjectRef,
    /// uid of that pod.
    pub istiod_uid: String,
    /// Revision of that istiod.
    pub revision: RevisionName,
    /// Since when it is connected.
    pub since: Time,
    /// When it has acknowledged its first configuration.
    pub synced_at: Time,
    /// What was recorded of it; it holds for as long as the connection does.
    recorded: Option<(Option<ProxyStatus>, Option<Connection>)>,
    /// Number of the connection at its istiod.
    number: u64,
}

/// A connection began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEvent {
    /// When.
    pub at: Time,
    /// The proxy's pod.
    pub pod: ObjectRef,
    /// Revision of the istiod.
    pub revision: RevisionName,
    /// It began.
    pub connected: bool,
    /// When the proxy has acknowledged its first configuration; for an end, the end.
    pub synced_at: Time,
}

/// The actor: all istiods and the client side of all proxies.
#[derive(Clone)]
pub struct Istiods {
    corner: Corner,
    links: BTreeMap<ObjectRef, Link>,
    events: Vec<LinkEvent>,
    /// Streams that an istiod took in a second.
    streams: BTreeMap<(ObjectRef, i64), u32>,
    connections: u64,
    dials: u64,
}

impl Istiods {
    /// The actor with the connections that a snapshot tells of.
    #[must_use]
    pub fn load(snapshot: &Snapshot, corner: Corner) -> Self {
        let mut loaded = Self {
            corner,
            links: BTreeMap::new(),
            events: Vec::new(),
            streams: BTreeMap::new(),
            connections: 0,
            dials: 0,
        };
        for (istiod, revision) in
            snapshot.objects.pods.iter().filter_map(|pod| Some((pod, revision_of_istiod(pod)?)))
        {
            loaded.load_istiod(snapshot, istiod, &revision);
        }
        loaded
    }

    fn load_istiod(&mut self, snapshot: &Snapshot, istiod: &Pod, revision: &RevisionName) {
        let Some(told) = snapshot.istiods.get(&istiod.metadata.name) else { return };
        let mut known: BTreeMap<&str, (Option<ProxyStatus>, Option<Connection>)> = BTreeMap::new();
        for status in told.syncz.iter().flatten() {
            known.entry(&status.proxy).or_default().0 = Some(status.clone());
        }
        for connection in told.connections.iter().flatten() {
            known.entry(connection.proxy()).or_default().1 = Some(connection.clone());
        }
        for pod in &snapshot.objects.pods {
            let name = format!("{}.{}", pod.metadata.name, pod.metadata.namespace);
            let Some(recorded) = known.remove(name.as_str()) else { continue };
            let since = recorded.1.as_ref().and_then(|connection| connection.connected_at);
            let since = since.or(pod.metadata.creation_timestamp).unwrap_or_default();
            let link = Link {
                pod_uid: pod.metadata.uid.clone(),
                istiod: istiod.object_ref(),
                istiod_uid: istiod.metadata.uid.clone(),
                revision: revision.clone(),
                since,
                synced_at: since,
                recorded: Some(recorded),
                number: 0,
            };
            self.links.insert(pod.object_ref(), link);
        }
    }

    /// The connection of a pod's proxy.
    #[must_use]
    pub fn link(&self, pod: &ObjectRef) -> Option<&Link> {
        self.links.get(pod)
    }

    /// All connections, by pod.
    #[must_use]
    pub fn links(&self) -> &BTreeMap<ObjectRef, Link> {
        &self.links
    }

    /// What began and ended, in order.
    #[must_use]
    pub fn events(&self) -> &[LinkEvent] {
        &self.events
    }

    fn unlink(&mut self, pod: &ObjectRef, at: Time) {
        if let Some(link) = self.links.remove(pod) {
            let (pod, revision) = (pod.clone(), link.revision);
            self.events.push(LinkEvent { at, pod, revision, connected: false, synced_at: at });
        }
    }

    /// Connects a proxy if it can; how long until the next attempt.
    fn dial(&mut self, pod: &Pod, cluster: &Cluster) -> Requeue {
        let (now, key) = (cluster.now(), pod.object_ref());
        let istiods = address::istiods_for(pod, &cluster.store);
        self.dials += 1;
        let draw = cluster.seed("dial").child(&pod.metadata.uid).nth(self.dials);
        let count = i64::try_from(istiods.len()).unwrap_or(i64::MAX);
        let index = usize::try_from(draw.between(0, (count - 1).max(0))).unwrap_or(0);
        // Without an istiod the next one that becomes ready wakes all that wait.
        let Some(istiod) = istiods.get(index) else { return Requeue::Done };
        let Some(revision) = revision_of_istiod(istiod) else { return Requeue::Done };
        let streams = self.streams.entry((istiod.object_ref(), now.seconds())).or_default();
        if *streams >= STREAMS_PER_SECOND_MAX {
            let (low, high) = REDIAL_MILLIS;
            return Requeue::AfterMillis(TURNED_AWAY_MILLIS + draw.nth(1).between(low, high));
        }
        *streams += 1;
        self.streams.retain(|(_, second), _| *second >= now.seconds());
        self.connections += 1;
        let synced_at = now.plus_millis(DEBOUNCE_QUIET_MILLIS + self.corner.push_millis());
        self.events.push(LinkEvent {
            at: now,
            pod: key.clone(),
            revision: revision.clone(),
            connected: true,
            synced_at,
        });
        let link = Link {
            pod_uid: pod.metadata.uid.clone(),
            istiod: istiod.object_ref(),
            istiod_uid: istiod.metadata.uid.clone(),
            revision,
            since: now,
            synced_at,
            recorded: None,
            number: self.connections,
        };
        self.links.insert(key, link);
        Requeue::Done
    }
}

/// True for an istiod that takes connections.
fn serves(pod: &Pod) -> bool {
    pod.is_ready() && !pod.is_finished() && pod.metadata.deletion_timestamp.is_none()
}

fn is_running(pod: &Pod) -> bool {
    pod.status.phase == "Running" && !pod.is_finished()
}

impl Link {
    fn holds(&self, pod: &Pod, store: &Store) -> bool {
        let istiod = store.get::<Pod>(&self.istiod.namespace, &self.istiod.name);
        self.pod_uid == pod.metadata.uid
            && istiod.is_some_and(|istiod| istiod.metadata.uid == self.istiod_uid && serves(istiod))
    }
}

impl Actor for Istiods {
    fn name(&self) -> &'static str {
        "istiod"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        webhooks::watch(change, cluster, wakes);
        let Some(pod) = change.of::<Pod>() else { return };
        let key = pod.object_ref();
        let draw = cluster.seed("wake").child(&pod.metadata.uid);
        if is_istiod(pod) {
            let before = change.before::<Pod>().is_some_and(serves);
            let after = !change.is_deletion() && serves(pod);
            if before && !after {
                let lost = self.links.iter().filter(|(_, link)| link.istiod == key);
                let keys: Vec<ObjectRef> = lost.map(|(pod, _)| pod.clone()).collect();
                for (number, pod) in (0..).zip(keys) {
                    self.unlink(&pod, change.at);
                    wakes.after_millis(pod, draw.nth(number).between(REDIAL_MILLIS.0, REDIAL_MILLIS.1));
                }
            } else if after && !before {
                let waiting = cluster.store.list_all::<Pod>().filter(|pod| {
                    is_running(pod)
                        && !self.links.contains_key(&pod.object_ref())
                        && address::of(pod).is_some()
                });
                for (number, pod) in (0..).zip(waiting) {
                    wakes.after_millis(
                        pod.object_ref(),
                        draw.nth(number).between(REDIAL_MILLIS.0, REDIAL_MILLIS.1),
                    );
                }
            }
        } else if change.is_deletion() || pod.is_finished() {
            self.unlink(&key, change.at);
        } else if is_running(pod)
            && !change.before::<Pod>().is_some_and(is_running)
            && address::of(pod).is_some()
        {
            wakes.after_millis(key, draw.between(DIAL_MILLIS.0, DIAL_MILLIS.1));
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        if key.kind != Pod::KIND {
            return webhooks::sync(key, cluster);
        }
        let pod = cluster.store.get::<Pod>(&key.namespace, &key.name);
        let Some(pod) = pod.filter(|pod| is_running(pod) && address::of(pod).is_some()) else {
            self.unlink(key, cluster.now());
            return Ok(Requeue::Done);
        };
        if self.links.get(key).is_some_and(|link| link.holds(pod, &cluster.store)) {
            return Ok(Requeue::Done);
        }
        self.unlink(key, cluster.now());
        Ok(self.dial(pod, cluster))
    }
}
