//! Which choices decide which finding, and which the mesh itself refuses.

use meshlift_mesh::facts::{Mesh, RolloutRules, Workload};
use meshlift_model::finding::Finding;
use meshlift_model::intent::ChoiceKind;
use meshlift_model::k8s::{HorizontalPodAutoscaler, PersistentVolumeClaim, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;

/// True if the finding offers the choice. An `accept-unknown` must name the finding's source.
#[must_use]
pub fn offered(finding: &Finding, choice: &ChoiceKind) -> bool {
    let named = match choice {
        ChoiceKind::AcceptUnknown(source) => *source == finding.subject.short(),
        ChoiceKind::AcceptLoss
        | ChoiceKind::ScaleUpFirst
        | ChoiceKind::AllowUnavailable(_)
        | ChoiceKind::RaiseQuota(_)
        | ChoiceKind::DeletePods
        | ChoiceKind::SetPartitionZero
        | ChoiceKind::RelabelNamespace(_)
        | ChoiceKind::DeleteBarePod
        | ChoiceKind::LeaveUninjected
        | ChoiceKind::HoldNamespace
        | ChoiceKind::FailoverElsewhere
        | ChoiceKind::AcceptChange => true,
    };
    named && finding.offers.iter().any(|word| word == choice.word())
}

/// Why the mesh does not allow a choice that the finding offers, in one sentence; `None` where it does.
#[must_use]
pub fn refused_because(mesh: &Mesh, subject: &ObjectRef, choice: &ChoiceKind) -> Option<String> {
    let workload = mesh.workloads.get(subject)?;
    match choice {
        ChoiceKind::ScaleUpFirst => scale_up_refused(mesh, workload),
        ChoiceKind::AllowUnavailable(count) => unavailable_refused(workload, *count),
        ChoiceKind::AcceptLoss
        | ChoiceKind::RaiseQuota(_)
        | ChoiceKind::DeletePods
        | ChoiceKind::SetPartitionZero
        | ChoiceKind::RelabelNamespace(_)
        | ChoiceKind::DeleteBarePod
        | ChoiceKind::LeaveUninjected
        | ChoiceKind::HoldNamespace
        | ChoiceKind::FailoverElsewhere
        | ChoiceKind::AcceptUnknown(_)
        | ChoiceKind::AcceptChange => None,
    }
}

fn unavailable_refused(workload: &Workload, count: i32) -> Option<String> {
    let (subject, replicas) = (&workload.workload, workload.replicas);
    if count > replicas {
        return Some(format!("{subject} has {replicas} pods, {count} cannot be unavailable"));
    }
    match workload.rules {
        RolloutRules::Ordered { max_unavailable, .. } if max_unavailable > count => Some(format!(
            "the own maxUnavailable of {subject} takes {max_unavailable} at once, and a run does not change it"
        )),
        _ => None,
    }
}

/// A second replica is refused where only one pod can hold the data, or somebody else sets the count.
fn scale_up_refused(mesh: &Mesh, workload: &Workload) -> Option<String> {
    let subject = &workload.workload;
    if !matches!(subject.kind.as_str(), "Deployment" | "StatefulSet") {
        return Some(format!("{subject} cannot be scaled"));
    }
    if let Some(owner) = &workload.managed_by {
        return Some(format!("{owner} owns the replicas of {subject} and would set them back"));
    }
    let autoscaler =
        workload.autoscaler.as_ref().and_then(|reference| find::<HorizontalPodAutoscaler>(mesh, reference));
    if autoscaler.is_some_and(|autoscaler| autoscaler.spec.max_replicas <= 1) {
        return Some(format!("the HorizontalPodAutoscaler of {subject} allows one replica at most"));
    }
    let more = workload.replicas.saturating_add(1);
    if let RolloutRules::Ordered { max_unavailable, .. } = workload.rules.for_replicas(more)
        && max_unavailable >= more
    {
        return Some(format!("the own maxUnavailable of {subject} would take all {more} pods at once"));
    }
    single_writer(mesh, workload)
}

/// Volumes that two pods cannot share: claims of the template, and of a StatefulSet's own templates
/// (a new ordinal would begin with an empty volume).
fn single_writer(mesh: &Mesh, workload: &Workload) -> Option<String> {
    let subject = &workload.workload;
    let single = |modes: &[String]| {
        modes.iter().find(|mode| matches!(mode.as_str(), "ReadWriteOnce" | "ReadWriteOncePod")).cloned()
    };
    let own = find::<StatefulSet>(mesh, subject).filter(|_| subject.kind == "StatefulSet");
    let templates = own.into_iter().flat_map(|set| &set.spec.volume_claim_templates);
    for template in templates {
        if let Some(mode) = single(&template.spec.access_modes) {
            let name = &template.metadata.name;
            return Some(format!("{subject} has {mode} volume {name}: a second pod would not have its data"));
        }
    }
    let volumes = workload.template.spec.volumes.iter();
    for claim in volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref()) {
        let reference = ObjectRef::new("PersistentVolumeClaim", &subject.namespace, &claim.claim_name);
        match find::<PersistentVolumeClaim>(mesh, &reference) {
            None => {
                return Some(format!("{reference} of {subject} was not read: who may share it is not known"));
            }
            Some(found) => {
                if let Some(mode) = single(&found.spec.access_modes) {
                    return Some(format!(
                        "{subject} has {mode} volume {reference}: two pods cannot share it"
                    ));
                }
            }
        }
    }
    None
}

fn find<'a, R: Resource>(mesh: &'a Mesh, reference: &ObjectRef) -> Option<&'a R> {
    R::list(&mesh.snapshot.objects)
        .iter()
        .find(|object| object.meta().namespace == reference.namespace && object.meta().name == reference.name)
}
