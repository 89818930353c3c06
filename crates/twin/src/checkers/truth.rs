//! Questions to the moment: what a gate or a precondition says, answered from the evidence.

use meshlift_model::action::Precondition;
use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL, TAG_LABEL};
use meshlift_model::digest::template_digest;
use meshlift_model::k8s::{
    DaemonSet, Deployment, MutatingWebhookConfiguration, ObjectMeta, Pod, PodTemplateSpec, Resource, Service,
    StatefulSet,
};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};

use super::few;
use super::removal::{consumers, followers};
use super::shadow::Shadow;
use crate::admission::injector::{proxy_of, revision_of_istiod};
use crate::controllers::pods::ready_since;

/// Ready istiods of a revision.
pub(super) fn ready_istiods(now: &Shadow, revision: &RevisionName) -> usize {
    let ready = |pod: &&Pod| {
        pod.is_ready()
            && !pod.is_finished()
            && pod.metadata.deletion_timestamp.is_none()
            && revision_of_istiod(pod).as_ref() == Some(revision)
    };
    now.list::<Pod>().filter(ready).count()
}

/// Why the workload has not moved; nothing if each of its pods carries the revision, was Ready through
/// minReadySeconds, and is connected to that revision's istiod and synced.
pub(super) fn not_moved(now: &Shadow, workload: &ObjectRef, revision: &RevisionName) -> Option<String> {
    let min_ready_seconds = min_ready_seconds(now, workload);
    now.pods_of(workload).find_map(|pod| {
        let name = pod.object_ref();
        let carried = pod.metadata.annotation(REV_LABEL).filter(|_| proxy_of(pod).is_some());
        if carried != Some(revision.as_str()) {
            return Some(format!("{name} runs on {}", carried.unwrap_or("no revision")));
        }
        let available = ready_since(pod).map(|since| since.plus_seconds(min_ready_seconds));
        if available.is_none_or(|since| since > now.at) {
            return Some(format!("{name} is not Ready through {min_ready_seconds} s"));
        }
        (!now.is_synced(&name, revision))
            .then(|| format!("{name} is not synced with an istiod of {revision}"))
    })
}

fn min_ready_seconds(now: &Shadow, workload: &ObjectRef) -> i64 {
    let object = now.object(workload);
    let deployment = object.and_then(Deployment::from_object).map(|one| one.spec.min_ready_seconds);
    let stateful = object.and_then(StatefulSet::from_object).map(|one| one.spec.min_ready_seconds);
    let daemon = object.and_then(DaemonSet::from_object).map(|one| one.spec.min_ready_seconds);
    deployment.or(stateful).or(daemon).unwrap_or(0).into()
}

/// Who needs a revision or follows a tag, in words; nothing if nobody does.
pub(super) fn needed(who: &[String], what: &str) -> Option<String> {
    (!who.is_empty()).then(|| format!("{what} is needed by {}", few(who)))
}

/// Why a precondition does not hold.
pub(super) fn unmet(precondition: &Precondition, now: &Shadow) -> Option<String> {
    match precondition {
        Precondition::Exists { object, uid } => {
            let found = now.object(object).map(|found| &found.meta().uid);
            let same = found.is_some_and(|found| uid.as_ref().is_none_or(|uid| uid == found));
            (!same).then(|| format!("{object} is not there as it was planned for"))
        }
        Precondition::Absent { object } => now.object(object).map(|_| format!("{object} is there")),
        Precondition::SelectorIs { namespace, selector } => {
            let meta = now.object(&ObjectRef::cluster("Namespace", namespace)).map(|object| object.meta());
            let same = meta.is_some_and(|meta| {
                meta.label(INJECTION_LABEL) == selector.injection.as_deref()
                    && meta.label(REV_LABEL) == selector.rev.as_deref()
            });
            (!same).then(|| format!("namespace {namespace} does not have {selector}"))
        }
        Precondition::TagIs { tag, revision } => {
            let wanted = revision.as_ref().map(|revision| revision.as_str());
            (tag_forms(now, tag) != (wanted, wanted))
                .then(|| format!("tag {tag} is not at {}", wanted.unwrap_or("nothing")))
        }
        // More than planned for (an autoscaler, a person) keep every floor.
        Precondition::ReplicasAre { object, replicas } => (replicas_of(now, object) < Some(*replicas))
            .then(|| format!("{object} has not {replicas} replicas")),
        Precondition::TemplateIs { object, digest } => {
            let same = template_of(now, object).is_some_and(|template| template_digest(&template) == *digest);
            (!same).then(|| format!("the template of {object} is not the one that was planned for"))
        }
        Precondition::RevisionReady { revision } => {
            (ready_istiods(now, revision) == 0).then(|| format!("no istiod of {revision} is ready"))
        }
        Precondition::NoConsumers { revision } => {
            needed(&consumers(now, revision.as_str()), &format!("revision {revision}"))
        }
        Precondition::NoFollowers { tag } => needed(&followers(now, tag.as_str()), &format!("tag {tag}")),
    }
}

/// Revisions of a tag's webhook and Service.
fn tag_forms<'a>(now: &'a Shadow, tag: &TagName) -> (Option<&'a str>, Option<&'a str>) {
    let is_its = |meta: &ObjectMeta| meta.label(TAG_LABEL) == Some(tag.as_str());
    let webhook = now.list::<MutatingWebhookConfiguration>().find(|one| is_its(&one.metadata));
    let service = now.list::<Service>().find(|one| is_its(&one.metadata));
    (
        webhook.and_then(|one| one.metadata.label(REV_LABEL)),
        service.and_then(|one| one.metadata.label(REV_LABEL)),
    )
}

/// Desired replicas; of a DaemonSet as many as nodes want it.
pub(super) fn replicas_of(now: &Shadow, workload: &ObjectRef) -> Option<i32> {
    let object = now.object(workload)?;
    let deployment = Deployment::from_object(object).map(|one| one.spec.replicas.unwrap_or(1));
    let stateful = StatefulSet::from_object(object).map(|one| one.spec.replicas.unwrap_or(1));
    let daemon = DaemonSet::from_object(object).map(|one| one.status.desired_number_scheduled);
    deployment.or(stateful).or(daemon).or_else(|| Pod::from_object(object).map(|_| 1))
}

/// Digests of bare pods leave out what injection added.
fn template_of(now: &Shadow, workload: &ObjectRef) -> Option<PodTemplateSpec> {
    let object = now.object(workload)?;
    let deployment = Deployment::from_object(object).map(|one| one.spec.template.clone());
    let stateful = StatefulSet::from_object(object).map(|one| one.spec.template.clone());
    let daemon = DaemonSet::from_object(object).map(|one| one.spec.template.clone());
    deployment.or(stateful).or(daemon).or_else(|| {
        let pod = crate::admission::injector::strip(Pod::from_object(object)?);
        Some(PodTemplateSpec { metadata: (&pod.metadata).into(), spec: pod.spec })
    })
}
