//! Deployment controller (`pkg/controller/deployment`).

mod limits;
mod progress;
mod revision;
mod rolling;
mod scale;

use std::cmp::Ordering;

use meshlift_model::k8s::{Deployment, Pod, ReplicaSet, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::selector::LabelSelector;

use super::pods;
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::Change;

/// Revision of a ReplicaSet, copied to its Deployment.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// Former revisions of a ReplicaSet that was rolled back to.
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Replicas that the Deployment wanted when it last scaled the ReplicaSet.
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The same with surge.
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
/// Label that sets the pods of a Deployment's ReplicaSets apart.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct Deployments;

impl Actor for Deployments {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(deployment) = change.of::<Deployment>() {
            wakes.now(deployment.object_ref());
        } else if change.of::<ReplicaSet>().is_some() {
            if let Some(key) = pods::controller_key(change, Deployment::KIND) {
                wakes.now(key);
            }
        } else if change.is_deletion()
            && let Some(pod) = pods::pod_of(change)
            && let Some(key) = emptied_recreate(pod, cluster)
        {
            wakes.now(key);
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(deployment) = cluster.store.get::<Deployment>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        if deployment.spec.selector == LabelSelector::default() {
            return Ok(Requeue::Done);
        }
        Rollout::new(deployment, cluster).sync()
    }
}

/// The Recreate Deployment of a deleted pod, once it has no pod left (`deletePod`).
fn emptied_recreate(pod: &Pod, cluster: &Cluster) -> Option<ObjectRef> {
    let owner = pod.metadata.controller().filter(|owner| owner.kind == ReplicaSet::KIND)?;
    let set = cluster.store.get::<ReplicaSet>(&pod.metadata.namespace, &owner.name)?;
    let owner = set.metadata.controller().filter(|owner| owner.kind == Deployment::KIND)?;
    let deployment = cluster.store.get::<Deployment>(&pod.metadata.namespace, &owner.name)?;
    let empty = cluster
        .store
        .owned_by::<ReplicaSet>(&deployment.metadata.uid)
        .all(|set| cluster.store.owned_by::<Pod>(&set.metadata.uid).next().is_none());
    (deployment.spec.strategy.type_ == "Recreate" && empty).then(|| deployment.object_ref())
}

/// One turn over one Deployment, with its copies of Deployment and ReplicaSets as upstream takes them from
/// its caches. A status write in the middle leaves the copy's resourceVersion stale, so that a second one in
/// the same turn is refused and tried again later: that is upstream's way too.
struct Rollout<'a> {
    cluster: &'a mut Cluster,
    deployment: Deployment,
    /// All of its ReplicaSets, oldest first.
    sets: Vec<ReplicaSet>,
    /// Place in `sets` of the one with the Deployment's template.
    newest: Option<usize>,
}

impl<'a> Rollout<'a> {
    fn new(deployment: Deployment, cluster: &'a mut Cluster) -> Self {
        let owned = cluster.store.owned_by::<ReplicaSet>(&deployment.metadata.uid);
        let selector = &deployment.spec.selector;
        let mut sets: Vec<ReplicaSet> =
            owned.filter(|set| selector.matches(&set.metadata.labels)).cloned().collect();
        sets.sort_by(by_age);
        let newest = revision::find_new(&deployment, &sets);
        Self { cluster, deployment, sets, newest }
    }

    /// `syncDeployment`.
    fn sync(mut self) -> Result<Requeue, ApiError> {
        if self.deployment.metadata.deletion_timestamp.is_some() {
            self.sync_revision(false)?;
            return self.write_status_only();
        }
        self.check_paused()?;
        if self.deployment.spec.paused {
            return self.sync_scale();
        }
        if self.is_scaling_event()? {
            return self.sync_scale();
        }
        match self.deployment.spec.strategy.type_.as_str() {
            "Recreate" => self.recreate(),
            _ => self.rolling(),
        }
    }

    fn replicas(&self) -> i32 {
        self.deployment.spec.replicas.unwrap_or(1)
    }

    fn newest(&self) -> Option<&ReplicaSet> {
        self.newest.and_then(|place| self.sets.get(place))
    }

    /// Places of the ReplicaSets with another template, oldest first.
    fn old(&self) -> Vec<usize> {
        (0..self.sets.len()).filter(|place| Some(*place) != self.newest).collect()
    }

    /// The same, those without pods left out.
    fn active_old(&self) -> Vec<usize> {
        self.old().into_iter().filter(|place| wanted(&self.sets[*place]) > 0).collect()
    }

    /// `rolloutRecreate`.
    fn recreate(mut self) -> Result<Requeue, ApiError> {
        self.sync_revision(false)?;
        let mut scaled = false;
        for place in self.active_old() {
            scaled |= self.scale(place, 0)?;
        }
        if scaled || self.old_pods_run() {
            return self.write_progress();
        }
        if self.newest.is_none() {
            self.sync_revision(true)?;
        }
        if let Some(place) = self.newest {
            self.scale(place, self.replicas())?;
        }
        if limits::is_complete(&self.deployment, &self.deployment.status) {
            self.clean_up()?;
        }
        self.write_progress()
    }

    /// True while a pod of an old ReplicaSet may still run (`oldPodsRunning`).
    fn old_pods_run(&self) -> bool {
        let counted: i32 = self.old().iter().map(|place| self.sets[*place].status.replicas).sum();
        counted > 0
            || self.old().iter().any(|place| {
                self.cluster
                    .store
                    .owned_by::<Pod>(&self.sets[*place].metadata.uid)
                    .any(|pod| !pod.is_finished())
            })
    }
}

/// Replicas that a ReplicaSet wants.
fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

/// Older first, then by name (`ReplicaSetsByCreationTimestamp`).
fn by_age(a: &ReplicaSet, b: &ReplicaSet) -> Ordering {
    let age = |set: &ReplicaSet| set.metadata.creation_timestamp;
    age(a).cmp(&age(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
}

/// Revision of a ReplicaSet; 0 where it has none.
fn revision_of(set: &ReplicaSet) -> i64 {
    set.metadata.annotation(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}
