//! A workload with its pods, as the engine asks for it.

use meshlift_model::defaults::{RESTARTED_AT, REV_LABEL};
use meshlift_model::digest::template_digest;
use meshlift_model::effect::{PodView, WorkloadView};
use meshlift_model::injection;
use meshlift_model::k8s::{
    ControllerRevision, DaemonSet, Deployment, ObjectMeta, Pod, PodTemplateSpec, ReplicaSet, Resource,
    StatefulSet,
};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;

use crate::proxies::Proxies;
use crate::rollout;
use crate::source::ObjectSource;

/// Label of pods with the hash of their ControllerRevision, and of ControllerRevisions with their own.
const HASH_LABELS: [&str; 2] = ["controller-revision-hash", "controller.kubernetes.io/hash"];
/// Label of pods with the hash of their ReplicaSet's template.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The view; absent where there is no such workload.
#[must_use]
pub fn view(
    workload: &ObjectRef,
    source: &impl ObjectSource,
    proxies: &impl Proxies,
) -> Option<WorkloadView> {
    let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
    let context = Context { workload, source, proxies };
    match workload.kind.as_str() {
        Deployment::KIND => source.get::<Deployment>(namespace, name).map(|one| context.deployment(one)),
        StatefulSet::KIND => source.get::<StatefulSet>(namespace, name).map(|one| context.stateful_set(one)),
        DaemonSet::KIND => source.get::<DaemonSet>(namespace, name).map(|one| context.daemon_set(one)),
        Pod::KIND => source.get::<Pod>(namespace, name).map(|one| context.bare_pod(one)),
        _ => None,
    }
}

/// What all kinds have in common.
struct Common<'a> {
    meta: &'a ObjectMeta,
    template: &'a PodTemplateSpec,
    observed_generation: i64,
    replicas: i32,
    min_ready_seconds: i32,
    rolled_out: bool,
    trouble: Option<String>,
    pods: Vec<PodView>,
}

struct Context<'a, S, P> {
    workload: &'a ObjectRef,
    source: &'a S,
    proxies: &'a P,
}

impl<S: ObjectSource, P: Proxies> Context<'_, S, P> {
    fn deployment(&self, deployment: &Deployment) -> WorkloadView {
        let sets: Vec<&ReplicaSet> = self.source.owned_by::<ReplicaSet>(&deployment.metadata.uid).collect();
        let template = comparable(&deployment.spec.template);
        let newest = sets.iter().find(|set| comparable(&set.spec.template) == template);
        let newest = newest.map(|set| set.metadata.uid.as_str());
        let pods = sets
            .iter()
            .flat_map(|set| self.source.owned_by::<Pod>(&set.metadata.uid).map(move |pod| (set, pod)))
            .filter(|(_, pod)| !pod.is_finished())
            .map(|(set, pod)| self.pod(pod, newest == Some(set.metadata.uid.as_str())));
        self.assembled(Common {
            meta: &deployment.metadata,
            template: &deployment.spec.template,
            observed_generation: deployment.status.observed_generation,
            replicas: deployment.spec.replicas.unwrap_or(1),
            min_ready_seconds: deployment.spec.min_ready_seconds,
            rolled_out: rollout::deployment(deployment),
            trouble: rollout::trouble(&deployment.status.conditions),
            pods: pods.collect(),
        })
    }

    fn stateful_set(&self, set: &StatefulSet) -> WorkloadView {
        let newest = set.status.update_revision.as_str();
        let pods = self.controlled(&set.metadata.uid, newest);
        self.assembled(Common {
            meta: &set.metadata,
            template: &set.spec.template,
            observed_generation: set.status.observed_generation,
            replicas: set.spec.replicas.unwrap_or(1),
            min_ready_seconds: set.spec.min_ready_seconds,
            rolled_out: rollout::stateful_set(set, &pods),
            trouble: rollout::trouble(&set.status.conditions),
            pods,
        })
    }

    fn daemon_set(&self, set: &DaemonSet) -> WorkloadView {
        let newest = self
            .source
            .owned_by::<ControllerRevision>(&set.metadata.uid)
            .max_by_key(|revision| revision.revision)
            .and_then(|revision| HASH_LABELS.iter().find_map(|key| revision.metadata.label(key)))
            .unwrap_or_default();
        let pods = self.controlled(&set.metadata.uid, newest);
        self.assembled(Common {
            meta: &set.metadata,
            template: &set.spec.template,
            observed_generation: set.status.observed_generation,
            replicas: set.status.desired_number_scheduled,
            min_ready_seconds: set.spec.min_ready_seconds,
            rolled_out: rollout::daemon_set(set, &pods),
            trouble: None,
            pods,
        })
    }

    fn bare_pod(&self, pod: &Pod) -> WorkloadView {
        let mut stripped = injection::strip(pod);
        // Where it was scheduled is no part of what its owner wrote: made anew, it may run elsewhere.
        stripped.spec.node_name.clear();
        let template = PodTemplateSpec { metadata: (&stripped.metadata).into(), spec: stripped.spec };
        let pods = if pod.is_finished() { Vec::new() } else { vec![self.pod(pod, true)] };
        self.assembled(Common {
            meta: &pod.metadata,
            template: &template,
            observed_generation: pod.metadata.generation,
            replicas: 1,
            min_ready_seconds: 0,
            rolled_out: pod.is_ready() && pod.metadata.deletion_timestamp.is_none(),
            trouble: None,
            pods,
        })
    }

    /// Pods that carry the hash of their ControllerRevision.
    fn controlled(&self, uid: &str, newest: &str) -> Vec<PodView> {
        let is_newest = |pod: &Pod| pod.metadata.label(HASH_LABELS[0]) == Some(newest);
        let living = self.source.owned_by::<Pod>(uid).filter(|pod| !pod.is_finished());
        living.map(|pod| self.pod(pod, is_newest(pod))).collect()
    }

    fn assembled(&self, common: Common<'_>) -> WorkloadView {
        WorkloadView {
            workload: self.workload.clone(),
            uid: common.meta.uid.clone(),
            resource_version: common.meta.resource_version.to_string(),
            generation: common.meta.generation,
            observed_generation: common.observed_generation,
            template_digest: template_digest(common.template),
            restarted_at: common.template.metadata.annotation(RESTARTED_AT).map(str::to_owned),
            replicas: common.replicas,
            min_ready_seconds: i64::from(common.min_ready_seconds),
            rolled_out: common.rolled_out,
            trouble: common.trouble,
            pods: common.pods,
        }
    }

    fn pod(&self, pod: &Pod, updated: bool) -> PodView {
        let link = self.proxies.link(pod);
        let states = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
        let injected = injection::proxy_of(pod).is_some();
        let revision = pod.metadata.annotation(REV_LABEL).filter(|_| injected);
        PodView {
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            created: pod.metadata.creation_timestamp.unwrap_or_default(),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            updated,
            ready_since: ready_since(pod),
            restarts: states.map(|state| state.restart_count).sum(),
            revision: revision.map(RevisionName::new),
            image_version: injection::proxy_version(pod),
            synced: link.as_ref().is_some_and(|link| link.synced),
            connected_to: link.as_ref().map(|link| link.revision.clone()),
            nack: link.and_then(|link| link.nack),
        }
    }
}

/// A template without the label that tells ReplicaSets apart.
fn comparable(template: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = template.clone();
    template.metadata.labels.remove(TEMPLATE_HASH);
    template
}

/// Since when a Ready pod is Ready.
fn ready_since(pod: &Pod) -> Option<Time> {
    pod.condition("Ready").filter(|ready| ready.status == "True").and_then(|ready| ready.last_transition_time)
}
