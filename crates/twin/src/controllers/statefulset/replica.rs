//! One pod of a StatefulSet: ordinal, identity, state (`stateful_set_utils.go`, `stateful_pod_control.go`).

use meshlift_model::k8s::{
    ControllerRevision, PersistentVolumeClaim, PersistentVolumeClaimSource, Pod, PodTemplateSpec,
    StatefulSet, Volume,
};
use meshlift_model::time::Time;

use crate::cluster::Cluster;
use crate::controllers::{history, pods};
use crate::error::ApiError;

/// Label with a pod's own name.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// Label with a pod's ordinal.
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// Ordinal of a pod of this set; `None` for names of another form.
pub(super) fn ordinal(set: &StatefulSet, pod: &Pod) -> Option<usize> {
    pod.metadata.name.strip_prefix(&set.metadata.name)?.strip_prefix('-')?.parse().ok()
}

/// Revision that a pod was made of.
pub(super) fn revision(pod: &Pod) -> &str {
    pod.metadata.label(history::REVISION_HASH).unwrap_or_default()
}

/// True for a pod that is stored: the API server gives it a phase.
pub(super) fn is_created(pod: &Pod) -> bool {
    !pod.status.phase.is_empty()
}

/// `isRunningAndReady`.
pub(super) fn is_running_and_ready(pod: &Pod) -> bool {
    pod.status.phase == "Running" && pod.is_ready()
}

/// `isRunningAndAvailable`.
pub(super) fn is_available(pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
    pods::is_available(pod, min_ready_seconds, now)
}

/// `isUnavailable`.
pub(super) fn is_unavailable(pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
    !is_available(pod, min_ready_seconds, now) || pods::is_terminating(pod)
}

/// The pod for an ordinal, not stored yet, of the revision that the ordinal should have
/// (`newVersionedStatefulSetPod`).
pub(super) fn new_pod(
    set: &StatefulSet,
    ordinal: usize,
    current: &ControllerRevision,
    updated: &ControllerRevision,
) -> Pod {
    let strategy = &set.spec.update_strategy;
    let partition = strategy.rolling_update.as_ref().and_then(|rolling| rolling.partition);
    let kept = match partition {
        Some(partition) => partition,
        None if strategy.rolling_update.is_some() => 0,
        None if matches!(strategy.type_.as_str(), "OnDelete" | "Recreate") => 0,
        None => set.status.current_replicas,
    };
    let keeps = usize::try_from(kept).is_ok_and(|kept| ordinal < kept);
    let revision = if keeps { current } else { updated };
    let template = history::template_of(revision).unwrap_or_else(|| set.spec.template.clone());
    identify(pods::from_template(&template, set), set, ordinal, &revision.metadata.name, &template)
}

/// Gives a pod its name, labels and volumes.
fn identify(
    mut pod: Pod,
    set: &StatefulSet,
    ordinal: usize,
    revision: &str,
    template: &PodTemplateSpec,
) -> Pod {
    let name = format!("{}-{ordinal}", set.metadata.name);
    pod.metadata.name.clone_from(&name);
    pod.metadata.generate_name = format!("{}-", set.metadata.name).into();
    for (label, value) in
        [(POD_NAME, name), (POD_INDEX, ordinal.to_string()), (history::REVISION_HASH, revision.into())]
    {
        pod.metadata.labels.insert(label.to_owned(), value);
    }
    let claims = set.spec.volume_claim_templates.iter().map(|claim| Volume {
        name: claim.metadata.name.clone(),
        persistent_volume_claim: Some(PersistentVolumeClaimSource {
            claim_name: claim_name(set, &claim.metadata.name, ordinal),
        }),
        ..Volume::default()
    });
    let claimed: Vec<Volume> = claims.collect();
    let others =
        template.spec.volumes.iter().filter(|volume| claimed.iter().all(|claim| claim.name != volume.name));
    pod.spec.volumes = claimed.iter().chain(others).cloned().collect();
    pod
}

fn claim_name(set: &StatefulSet, claim: &str, ordinal: usize) -> String {
    format!("{claim}-{}-{ordinal}", set.metadata.name)
}

/// Creates a pod and the claims that it lacks.
///
/// # Errors
/// What admission or store refuse.
pub(super) fn create(
    set: &StatefulSet,
    pod: &Pod,
    ordinal: usize,
    cluster: &mut Cluster,
) -> Result<(), ApiError> {
    for template in &set.spec.volume_claim_templates {
        let name = claim_name(set, &template.metadata.name, ordinal);
        if cluster.store.get::<PersistentVolumeClaim>(&set.metadata.namespace, &name).is_none() {
            let mut claim =
                PersistentVolumeClaim { spec: template.spec.clone(), ..PersistentVolumeClaim::default() };
            claim.metadata.name = name;
            claim.metadata.namespace.clone_from(&set.metadata.namespace);
            claim.metadata.labels = set.spec.selector.match_labels.clone();
            cluster.store.create(claim)?;
        }
    }
    cluster.create_pod(pod.clone()).map(drop)
}
