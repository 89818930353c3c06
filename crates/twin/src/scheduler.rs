//! kube-scheduler, as far as an upgrade needs it: a pod goes to the fitting node with the fewest pods.
//!
//! Fit is: the node is Ready and not cordoned, the pod's node selector matches, its taints are tolerated, and
//! there is room for one more pod and for its requests. Affinity and topology spread are not recorded and not
//! simulated.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Condition, Node, Pod, Resource, has_all};
use meshlift_model::names::ObjectRef;

use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::controllers::pods;
use crate::error::ApiError;
use crate::requests::Requests;
use crate::store::{Change, ChangeKind, Store};

/// The actor, with what each node carries: kept up to date from change to change.
#[derive(Clone, Default)]
pub(crate) struct Scheduler {
    load: BTreeMap<String, Requests>,
    /// uid of a pod that counts → its node and what it asks for.
    counted: BTreeMap<String, (String, Requests)>,
}

impl Scheduler {
    /// Counts a pod where it runs now; true if that freed room.
    fn count(&mut self, pod: &Pod, gone: bool) -> bool {
        let runs = !gone && !pod.spec.node_name.is_empty() && !pod.is_finished();
        match self.counted.get(&pod.metadata.uid) {
            None if runs => {
                let (node, asked) = (pod.spec.node_name.clone(), Requests::of_pod(pod));
                self.load.entry(node.to_string()).or_default().add(&asked);
                self.counted.insert(pod.metadata.uid.clone(), (node.to_string(), asked));
                false
            }
            Some((node, asked)) if !runs => {
                if let Some(load) = self.load.get_mut(node) {
                    load.subtract(asked);
                }
                self.counted.remove(&pod.metadata.uid);
                true
            }
            None | Some(_) => false,
        }
    }

    /// The fitting node with the fewest pods; among equals the seed picks.
    fn choose(&self, pod: &Pod, store: &Store, pick: u64) -> Option<String> {
        let asked = Requests::of_pod(pod);
        let nothing = Requests::default();
        let used = |node: &Node| self.load.get(&node.metadata.name).unwrap_or(&nothing);
        let fitting: Vec<(&Node, i128)> = store
            .list_all::<Node>()
            .filter(|node| accepts(node, pod))
            .filter(|node| used(node).leaves_room_for(&asked, &node.status.allocatable))
            .map(|node| (node, used(node).pods))
            .collect();
        let fewest = fitting.iter().map(|(_, pods)| *pods).min()?;
        let best: Vec<&Node> =
            fitting.iter().filter(|(_, pods)| *pods == fewest).map(|(node, _)| *node).collect();
        let index = usize::try_from(pick % best.len() as u64).unwrap_or(0);
        best.get(index).map(|node| node.metadata.name.clone())
    }
}

impl Actor for Scheduler {
    fn name(&self) -> &'static str {
        "default-scheduler"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        let waits = |pod: &Pod| pod.spec.node_name.is_empty() && pods::is_active(pod);
        let frees = match change.of::<Pod>() {
            Some(pod) => {
                if change.kind == ChangeKind::Added && waits(pod) {
                    wakes.now(pod.object_ref());
                }
                self.count(pod, change.is_deletion())
            }
            None => change.of::<Node>().is_some(),
        };
        // Room or nodes changed: whoever waits is tried again.
        if frees {
            let waiting = cluster.store.list_all::<Pod>().filter(|pod| waits(pod));
            waiting.for_each(|pod| wakes.now(pod.object_ref()));
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(pod) = cluster.store.get::<Pod>(&key.namespace, &key.name) else { return Ok(Requeue::Done) };
        if !pod.spec.node_name.is_empty() || !pods::is_active(pod) {
            return Ok(Requeue::Done);
        }
        let pick = cluster.seed("scheduler").child(&pod.metadata.uid).value();
        let chosen = self.choose(pod, &cluster.store, pick);
        let mut pod = pod.clone();
        let now = cluster.now().whole_second();
        let waits = |message: String| Condition {
            type_: "PodScheduled".into(),
            status: "False".into(),
            reason: "Unschedulable".into(),
            message: message.into(),
            last_transition_time: Some(now),
            ..Condition::default()
        };
        match chosen {
            Some(node) => {
                pod.status.conditions.retain(|condition| condition.type_ != "PodScheduled");
                cluster.store.bind(&pod, &node)?;
            }
            None => {
                let nodes = cluster.store.list_all::<Node>().count();
                let message = format!("0/{nodes} nodes are available");
                pods::set_condition(&mut pod.status.conditions, waits(message));
                cluster.store.update_status(pod)?;
            }
        }
        Ok(Requeue::Done)
    }
}

/// True if a node takes a pod, room aside.
fn accepts(node: &Node, pod: &Pod) -> bool {
    let ready = node.status.conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.is_none_or(|ready| ready.status == "True") && !node.spec.unschedulable && may_run(node, pod)
}

/// True if node selector and taints let the pod run there.
pub(crate) fn may_run(node: &Node, pod: &Pod) -> bool {
    let selected = has_all(&node.metadata.labels, &pod.spec.node_selector);
    let tolerated = node
        .spec
        .taints
        .iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .all(|taint| pod.spec.tolerations.iter().any(|toleration| toleration.tolerates(taint)));
    selected && tolerated
}
