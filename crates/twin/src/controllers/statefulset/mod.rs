//! StatefulSet controller (`pkg/controller/statefulset`).

mod replica;
mod update;

use meshlift_model::k8s::{Pod, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;

use super::{history, pods};
use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::Change;
use update::Update;

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct StatefulSets;

impl Actor for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(set) = change.of::<StatefulSet>() {
            wakes.now(set.object_ref());
        } else if pods::pod_of(change).is_some()
            && let Some(key) = pods::controller_key(change, StatefulSet::KIND)
        {
            let set = cluster.store.get::<StatefulSet>(&key.namespace, &key.name);
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
        let Some(set) = cluster.store.get::<StatefulSet>(&key.namespace, &key.name).cloned() else {
            return Ok(Requeue::Done);
        };
        let pods: Vec<Pod> = cluster
            .store
            .owned_by::<Pod>(&set.metadata.uid)
            .filter(|pod| set.spec.selector.matches(&pod.metadata.labels))
            .cloned()
            .collect();
        let revisions = history::revisions_of(&set.metadata.uid, &cluster.store);
        let updated = history::current(
            &set,
            &set.spec.template,
            set.status.collision_count,
            &revisions,
            &mut cluster.store,
        )?;
        let current = revisions
            .iter()
            .find(|revision| revision.metadata.name == set.status.current_revision)
            .unwrap_or(&updated)
            .clone();
        let min_ready_seconds = set.spec.min_ready_seconds;
        let now = cluster.now();
        let next = pods::next_availability(&pods, min_ready_seconds, now);
        let live = |name: &str| {
            name == current.metadata.name
                || name == updated.metadata.name
                || pods.iter().any(|pod| replica::revision(pod) == name)
        };
        Update {
            set: &set,
            pods: pods.clone(),
            current: &current,
            updated: &updated,
            cluster: &mut *cluster,
        }
        .run()?;
        let limit = set.spec.revision_history_limit;
        history::truncate(&revisions, limit, |revision| live(&revision.metadata.name), &mut cluster.store)?;
        Ok(next.filter(|_| min_ready_seconds > 0).map_or(Requeue::Done, Requeue::AfterMillis))
    }
}
