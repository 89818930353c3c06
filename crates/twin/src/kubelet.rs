//! The kubelets, all nodes in one actor: a bound pod gets an address, becomes Ready, ends, or goes after its
//! deletion was asked for. When each of that happens is for a [`PodTimings`] to say.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{Condition, Container, ContainerStatus, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;
use meshlift_model::word::Word;

use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::controllers::pods;
use crate::error::ApiError;
use crate::seed::Seed;
use crate::store::{Change, Store};

/// A pod that a snapshot shows unready for longer than this stays so: nothing tells what would cure it
/// (POD_READY_SECONDS_MAX of the defaults).
const STUCK_SECONDS: i64 = 120;

/// What will become of a pod that a node took up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodStart {
    /// When it has an address and its containers run.
    pub address_at: Time,
    /// When it is Ready; never, if absent.
    pub ready_at: Option<Time>,
    /// When its containers end, and whether well; absent for pods that keep running.
    pub finished_at: Option<(Time, bool)>,
}

/// How long pods take: the model behind the kubelets.
pub trait PodTimings: CloneTimings {
    /// Asked once per pod, when its node takes it up (or at load, if it is on its way up then).
    fn start(&mut self, pod: &Pod, store: &Store) -> PodStart;

    /// When a pod is gone whose deletion was asked for just now; asked again only if its grace became shorter.
    fn gone_at(&mut self, pod: &Pod, store: &Store) -> Time;
}

/// A copy of timings behind a pointer; whatever is [`Clone`] has it.
pub trait CloneTimings {
    /// The copy.
    fn boxed(&self) -> Box<dyn PodTimings>;
}

impl<T: PodTimings + Clone + 'static> CloneTimings for T {
    fn boxed(&self) -> Box<dyn PodTimings> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn PodTimings> {
    fn clone(&self) -> Self {
        self.as_ref().boxed()
    }
}

/// Timings like those of the recorded clusters: an address after 0.5 to 1 s, Ready 3 to 4 s later, gone 4 to
/// 5 s after deletion but not after its grace; pods that do not restart end well after some seconds.
#[derive(Clone, Copy, Debug)]
pub struct SteadyTimings {
    seed: Seed,
}

impl SteadyTimings {
    /// Timings drawn from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: Seed::new(seed).child("timings") }
    }
}

impl PodTimings for SteadyTimings {
    fn start(&mut self, pod: &Pod, store: &Store) -> PodStart {
        let draw = self.seed.child(&pod.metadata.uid);
        let address_at = store.now().plus_millis(draw.nth(0).between(500, 1000));
        let ready_at = address_at.plus_millis(draw.nth(1).between(3000, 4000));
        let ends = matches!(pod.spec.restart_policy.as_str(), "Never" | "OnFailure");
        let finished_at = ends.then(|| (ready_at.plus_millis(draw.nth(2).between(1000, 5000)), true));
        PodStart { address_at, ready_at: Some(ready_at), finished_at }
    }

    fn gone_at(&mut self, pod: &Pod, store: &Store) -> Time {
        let wanted = store.now().plus_millis(self.seed.child(&pod.metadata.uid).nth(3).between(4000, 5000));
        pod.metadata.deletion_timestamp.map_or(wanted, |deadline| wanted.min(deadline))
    }
}

/// The actor.
#[derive(Clone)]
pub struct Kubelet {
    timings: Box<dyn PodTimings>,
    starts: BTreeMap<String, PodStart>,
    /// uid → deadline that the answer was asked for, and the answer.
    stops: BTreeMap<String, (Option<Time>, Time)>,
    /// Addresses of all pods, by uid, and the other way round.
    address_of: BTreeMap<String, String>,
    used: BTreeSet<String>,
    /// Number of the address that was given last.
    last: u32,
}

impl Kubelet {
    pub(crate) fn new(timings: Box<dyn PodTimings>) -> Self {
        Self {
            timings,
            starts: BTreeMap::new(),
            stops: BTreeMap::new(),
            address_of: BTreeMap::new(),
            used: BTreeSet::new(),
            last: 0,
        }
    }

    /// Brings up a pod; how long until there is more to do.
    fn start(&mut self, pod: Pod, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let now = cluster.now();
        let start = match self.starts.get(&pod.metadata.uid) {
            Some(start) => start.clone(),
            None => {
                let usual = self.timings.start(&pod, &cluster.store);
                let start = cluster.faults.start(&pod, &cluster.store, usual);
                self.starts.insert(pod.metadata.uid.clone(), start.clone());
                start
            }
        };
        let mut status = pod.clone();
        if now >= start.address_at && pod.status.pod_ip.is_empty() {
            self.run(&mut status, cluster);
        }
        let since = if cluster.config.quirks.ready_time_not_rounded { now } else { now.whole_second() };
        if start.ready_at.is_some_and(|at| now >= at)
            && !pod.is_ready()
            && start.finished_at.is_none_or(|(at, _)| now < at)
        {
            set_ready(&mut status, true, since);
        }
        if let Some((at, well)) = start.finished_at.filter(|(at, _)| now >= *at) {
            finish(&mut status, well, at.whole_second());
        }
        let done = status.is_finished();
        cluster.store.update_status(status)?;
        let later = [Some(start.address_at), start.ready_at, start.finished_at.map(|(at, _)| at)];
        let next = later.into_iter().flatten().filter(|at| *at > now && !done).min();
        Ok(next.map_or(Requeue::Done, |at| Requeue::AfterMillis(at.millis_since(now))))
    }

    /// Gives the pod an address; its containers run, not ready yet.
    fn run(&mut self, pod: &mut Pod, cluster: &Cluster) {
        let now = cluster.now().whole_second();
        let host = cluster
            .store
            .list_all::<Pod>()
            .find(|other| other.spec.node_name == pod.spec.node_name && !other.status.host_ip.is_empty());
        pod.status.host_ip = host.map(|other| other.status.host_ip.clone()).unwrap_or_default();
        pod.status.pod_ip =
            if pod.spec.host_network { pod.status.host_ip.clone() } else { self.free_address().into() };
        pod.status.start_time = Some(now);
        pod.status.phase = "Running".into();
        pod.status.init_container_statuses = pod.spec.init_containers.iter().map(container_status).collect();
        pod.status.container_statuses = pod.spec.containers.iter().map(container_status).collect();
        set_ready(pod, false, now);
    }

    /// The next address of 10.244.128.0/18 that no pod has.
    fn free_address(&mut self) -> String {
        const HOSTS: u32 = 1 << 14;
        for _ in 0..HOSTS {
            self.last = (self.last + 1) % HOSTS;
            let address = format!("10.244.{}.{}", 128 + self.last / 256, self.last % 256);
            if !self.used.contains(&address) {
                return address;
            }
        }
        String::new()
    }

    /// Remembers who has which address.
    fn note_address(&mut self, pod: &Pod, gone: bool) {
        let uid = &pod.metadata.uid;
        if gone {
            if let Some(address) = self.address_of.remove(uid) {
                self.used.remove(&address);
            }
        } else if !pod.status.pod_ip.is_empty() && !self.address_of.contains_key(uid) {
            self.address_of.insert(uid.clone(), pod.status.pod_ip.to_string());
            self.used.insert(pod.status.pod_ip.to_string());
        }
    }

    /// Lets a pod go; how long until it is gone.
    fn stop(&mut self, pod: &Pod, cluster: &mut Cluster) -> Requeue {
        let deadline = pod.metadata.deletion_timestamp;
        let gone_at = match self.stops.get(&pod.metadata.uid) {
            Some((asked, gone_at)) if *asked == deadline => *gone_at,
            Some(_) | None => {
                let gone_at = self.timings.gone_at(pod, &cluster.store);
                self.stops.insert(pod.metadata.uid.clone(), (deadline, gone_at));
                gone_at
            }
        };
        let now = cluster.now();
        if now < gone_at {
            return Requeue::AfterMillis(gone_at.millis_since(now));
        }
        cluster.store.finish_deletion(&pod.object_ref());
        Requeue::Done
    }
}

impl Actor for Kubelet {
    fn name(&self) -> &'static str {
        "kubelet"
    }

    fn watch(&mut self, change: &Change, _cluster: &Cluster, wakes: &mut Wakes) {
        let Some(pod) = pods::pod_of(change) else { return };
        self.note_address(pod, change.is_deletion());
        if change.is_deletion() {
            self.starts.remove(&pod.metadata.uid);
            self.stops.remove(&pod.metadata.uid);
            return;
        }
        let before = change.before::<Pod>();
        let bound = before.is_none_or(|before| before.spec.node_name != pod.spec.node_name);
        let stopped =
            before.is_none_or(|before| before.metadata.deletion_timestamp != pod.metadata.deletion_timestamp);
        if !pod.spec.node_name.is_empty() && (bound || stopped) {
            wakes.now(pod.object_ref());
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(pod) = cluster.store.get::<Pod>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        if pods::is_terminating(&pod) {
            return Ok(self.stop(&pod, cluster));
        }
        let loaded = !self.starts.contains_key(&pod.metadata.uid);
        let up_since_load = loaded && (pod.is_ready() || is_stuck(&pod, cluster.now()));
        let keeps_running = pod.spec.restart_policy == "Always" || pod.spec.restart_policy.is_empty();
        if pod.spec.node_name.is_empty() || pod.is_finished() || (up_since_load && keeps_running) {
            return Ok(Requeue::Done);
        }
        self.start(pod, cluster)
    }
}

/// True for a pod whose containers were started long ago and are not ready.
fn is_stuck(pod: &Pod, now: Time) -> bool {
    pod.status.start_time.is_some_and(|since| since.plus_seconds(STUCK_SECONDS) < now)
}

fn condition(type_: &str, holds: bool, since: Time) -> Condition {
    Condition {
        type_: type_.into(),
        status: if holds { "True" } else { "False" }.into(),
        last_transition_time: Some(since),
        ..Condition::default()
    }
}

fn container_status(container: &Container) -> ContainerStatus {
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone(),
        started: Some(true),
        ..ContainerStatus::default()
    }
}

/// Makes all containers of a pod ready, or none.
pub(crate) fn set_ready(pod: &mut Pod, ready: bool, since: Time) {
    let states = pod.status.container_statuses.iter_mut().chain(&mut pod.status.init_container_statuses);
    states.for_each(|container| container.ready = ready);
    let mut condition = condition("Ready", ready, since);
    if !ready {
        condition.reason = "ContainersNotReady".into();
        condition.message = "containers with unready status".into();
    }
    pods::set_condition(&mut pod.status.conditions, condition);
}

fn finish(pod: &mut Pod, well: bool, at: Time) {
    set_ready(pod, false, at);
    pod.status.phase = if well { "Succeeded" } else { "Failed" }.into();
    for condition in pod.status.conditions.iter_mut() {
        if condition.status == "False" {
            condition.reason = if well { "PodCompleted" } else { "PodFailed" }.into();
            condition.message = Word::default();
        }
    }
}
