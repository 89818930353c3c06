//! DaemonSet controller (`pkg/controller/daemon`).
//!
//! One deviation: upstream leaves the binding to the scheduler, by a node affinity; affinity is not
//! recorded, so the twin names the node in the pod at once.

mod manage;
mod update;

use std::collections::BTreeMap;

use meshlift_model::k8s::{DaemonSet, DaemonSetStatus, Node, Pod, Resource, Toleration};
use meshlift_model::names::ObjectRef;

use super::replicaset::slow_start;
use super::{history, pods};
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::scheduler::may_run;
use crate::store::{Change, DeleteOptions};

/// Taints that every daemon pod tolerates (`util.AddOrUpdateDaemonPodTolerations`), with their effect.
const TOLERATED: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// One more for pods in the node's network.
const TOLERATED_HOST_NETWORK: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct DaemonSets;

impl Actor for DaemonSets {
    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(set) = change.of::<DaemonSet>() {
            wakes.now(set.object_ref());
        } else if change.of::<Node>().is_some() {
            cluster.store.list_all::<DaemonSet>().for_each(|set| wakes.now(set.object_ref()));
        } else if pods::pod_of(change).is_some()
            && let Some(key) = pods::controller_key(change, DaemonSet::KIND)
        {
            let set = cluster.store.get::<DaemonSet>(&key.namespace, &key.name);
            if let Some(seconds) = set.map(|set| set.spec.min_ready_seconds)
                && seconds > 0
                && pods::became_ready(change)
            {
                // A turn that fails plans no look at availability (`updatePod`).
                wakes.after_millis(key.clone(), (i64::from(seconds) + 1) * 1000);
            }
            wakes.now(key);
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(set) = cluster.store.get::<DaemonSet>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(Requeue::Done);
        }
        let revisions = history::revisions_of(&set.metadata.uid, &cluster.store);
        let current = history::current(&set, &set.spec.template, None, &revisions, &mut cluster.store)?;
        let hash =
            current.metadata.label(history::REVISION_HASH).unwrap_or(&current.metadata.name).to_owned();
        let outcome = Daemons::new(&set, &hash, cluster).act(cluster);
        let daemons = Daemons::new(&set, &hash, cluster);
        daemons.write_status(cluster)?;
        outcome?;
        let used = |revision: &meshlift_model::k8s::ControllerRevision| {
            let label = revision.metadata.label(history::REVISION_HASH);
            revision.metadata.uid == current.metadata.uid
                || daemons.pods.iter().any(|pod| pod.metadata.label(history::REVISION_HASH) == label)
        };
        history::truncate(&revisions, set.spec.revision_history_limit, used, &mut cluster.store)?;
        let next = pods::next_availability(&daemons.pods, set.spec.min_ready_seconds, cluster.now());
        Ok(next.filter(|_| set.spec.min_ready_seconds > 0).map_or(Requeue::Done, Requeue::AfterMillis))
    }
}

/// A DaemonSet, the pods that it has and the nodes that it should be on, as they are at one moment.
struct Daemons<'a> {
    set: &'a DaemonSet,
    /// Hash of the wanted revision.
    hash: &'a str,
    pods: Vec<Pod>,
    /// Nodes, and whether a daemon pod should run there.
    nodes: BTreeMap<String, bool>,
}

impl<'a> Daemons<'a> {
    fn new(set: &'a DaemonSet, hash: &'a str, cluster: &Cluster) -> Self {
        let mut pods: Vec<Pod> = cluster
            .store
            .owned_by::<Pod>(&set.metadata.uid)
            .filter(|pod| set.spec.selector.matches(&pod.metadata.labels))
            .cloned()
            .collect();
        pods.sort_by(|a, b| {
            let age = |pod: &Pod| (pod.spec.node_name.is_empty(), pod.metadata.creation_timestamp);
            age(a).cmp(&age(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        let sample = template_pod(set, hash);
        let nodes = cluster.store.list_all::<Node>();
        let nodes = nodes.map(|node| (node.metadata.name.clone(), may_run(node, &sample))).collect();
        Self { set, hash, pods, nodes }
    }

    /// `updateDaemonSet`: what is missing or too much first, then the update. No update while pods that were
    /// just asked for have not been seen (upstream's expectations): the change wakes the next turn.
    fn act(&self, cluster: &mut Cluster) -> Result<(), ApiError> {
        let managed = self.manage(cluster.now());
        if !managed.is_empty() {
            return managed.carry_out(self, cluster);
        }
        if self.set.spec.update_strategy.type_ == "OnDelete" {
            return Ok(());
        }
        self.roll(cluster.now()).carry_out(self, cluster)
    }

    /// Daemon pods on a node, oldest first.
    fn on_node(&self, node: &str) -> Vec<&Pod> {
        self.pods.iter().filter(|pod| pod.spec.node_name == node).collect()
    }

    fn is_updated(&self, pod: &Pod) -> bool {
        pod.metadata.label(history::REVISION_HASH) == Some(self.hash)
    }

    fn is_available(&self, pod: &Pod, now: meshlift_model::time::Time) -> bool {
        pods::is_available(pod, self.set.spec.min_ready_seconds, now)
    }

    /// `updateDaemonSetStatus`.
    fn write_status(&self, cluster: &mut Cluster) -> Result<(), ApiError> {
        let now = cluster.now();
        let mut status = DaemonSetStatus {
            observed_generation: self.set.metadata.generation,
            ..DaemonSetStatus::default()
        };
        for (node, should_run) in &self.nodes {
            let pods = self.on_node(node);
            let Some(pod) = pods.first() else {
                status.desired_number_scheduled += i32::from(*should_run);
                continue;
            };
            if !should_run {
                status.number_misscheduled += 1;
                continue;
            }
            status.desired_number_scheduled += 1;
            status.current_number_scheduled += 1;
            status.number_ready += i32::from(pod.is_ready());
            status.number_available += i32::from(self.is_available(pod, now));
            status.updated_number_scheduled += i32::from(self.is_updated(pod));
        }
        status.number_unavailable = status.desired_number_scheduled - status.number_available;
        let (namespace, name) = (&self.set.metadata.namespace, &self.set.metadata.name);
        cluster.store.patch_status::<DaemonSet>(namespace, name, |set| set.status = status).map(drop)
    }
}

/// What is to be done: pods to delete, nodes that need a pod.
#[derive(Debug, Default)]
struct Work {
    delete: Vec<ObjectRef>,
    create_on: Vec<String>,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.create_on.is_empty()
    }

    /// `syncNodes`.
    fn carry_out(self, daemons: &Daemons<'_>, cluster: &mut Cluster) -> Result<(), ApiError> {
        let pod = template_pod(daemons.set, daemons.hash);
        let created = slow_start(self.create_on.len(), |place| {
            let mut pod = pod.clone();
            pod.spec.node_name = self.create_on[place].as_str().into();
            cluster.create_pod(pod).map(drop)
        });
        for target in &self.delete {
            match cluster.delete(target, &DeleteOptions::default()) {
                Err(error) if !error.is_not_found() => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        created
    }
}

/// The pod for any node.
fn template_pod(set: &DaemonSet, hash: &str) -> Pod {
    let mut pod = pods::from_template(&set.spec.template, set);
    pod.metadata.labels.insert(history::REVISION_HASH.to_owned(), hash.to_owned());
    let host_network = Some(TOLERATED_HOST_NETWORK).filter(|_| pod.spec.host_network);
    for (key, effect) in TOLERATED.iter().copied().chain(host_network) {
        let toleration = Toleration {
            key: key.to_owned(),
            operator: "Exists".to_owned(),
            effect: effect.to_owned(),
            ..Toleration::default()
        };
        if !pod.spec.tolerations.contains(&toleration) {
            pod.spec.tolerations.push(toleration);
        }
    }
    pod
}
