//! HorizontalPodAutoscaler controller (`pkg/controller/podautoscaler`), without metrics: a snapshot has none.
//! It keeps its target within its bounds and otherwise as it is, as upstream does when metrics fail.

use meshlift_model::k8s::{Deployment, HorizontalPodAutoscaler, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;

use crate::actor::{Actor, Requeue, Wakes};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::store::Change;

/// It looks every 15 seconds (`--horizontal-pod-autoscaler-sync-period`): a change waits for its next look.
const LOOK_MILLIS: (i64, i64) = (0, 15_000);

/// The actor.
#[derive(Clone, Copy)]
pub(super) struct Autoscalers;

impl Actor for Autoscalers {
    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler"
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(autoscaler) = change.of::<HorizontalPodAutoscaler>() {
            wakes.now(autoscaler.object_ref());
        } else if change.of::<Deployment>().is_some() || change.of::<StatefulSet>().is_some() {
            let (kind, meta) = (change.new.info().kind, change.new.meta());
            cluster
                .store
                .list::<HorizontalPodAutoscaler>(&meta.namespace)
                .filter(|autoscaler| {
                    let target = &autoscaler.spec.scale_target_ref;
                    target.kind == kind && target.name == meta.name
                })
                .for_each(|autoscaler| wakes.now(autoscaler.object_ref()));
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let Some(autoscaler) =
            cluster.store.get::<HorizontalPodAutoscaler>(&key.namespace, &key.name).cloned()
        else {
            return Ok(Requeue::Done);
        };
        let target = autoscaler.spec.scale_target_ref.clone();
        let replicas = match target.kind.as_str() {
            "Deployment" => {
                cluster.store.get::<Deployment>(&key.namespace, &target.name).map(|found| found.spec.replicas)
            }
            "StatefulSet" => cluster
                .store
                .get::<StatefulSet>(&key.namespace, &target.name)
                .map(|found| found.spec.replicas),
            _ => None,
        };
        let Some(current) = replicas.map(|replicas| replicas.unwrap_or(1)) else { return Ok(Requeue::Done) };
        let least = autoscaler.spec.min_replicas.unwrap_or(1);
        // A target that was scaled to zero is left alone.
        let bounded = if current == 0 { 0 } else { current.min(autoscaler.spec.max_replicas).max(least) };
        if bounded != current {
            cluster.scale(&ObjectRef::new(&target.kind, &key.namespace, &target.name), bounded)?;
        }
        let mut updated = autoscaler;
        updated.status.current_replicas = current;
        if bounded != current {
            updated.status.desired_replicas = bounded;
        }
        cluster.store.update_status(updated)?;
        Ok(Requeue::Done)
    }

    fn lag_millis(&self, _cluster: &Cluster) -> (i64, i64) {
        LOOK_MILLIS
    }
}
