//! What the controllers ask of pods.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use meshlift_model::k8s::{
    Condition, Object, ObjectMeta, OwnerReference, Pod, PodSpec, PodTemplateSpec, Resource,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use crate::store::Change;

/// Annotation that ranks pods for deletion.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// True for a pod that neither ended nor is on its way out (`controller.IsPodActive`).
pub(crate) fn is_active(pod: &Pod) -> bool {
    !pod.is_finished() && !is_terminating(pod)
}

/// True for a pod on its way out.
pub(crate) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// True for a pod that is Ready for so long (`podutil.IsPodAvailable`).
pub(crate) fn is_available(pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
    pod.is_ready()
        && (min_ready_seconds == 0 || available_at(pod, min_ready_seconds).is_some_and(|at| at <= now))
}

/// When a Ready pod becomes available.
fn available_at(pod: &Pod, min_ready_seconds: i32) -> Option<Time> {
    ready_since(pod).map(|since| since.plus_seconds(i64::from(min_ready_seconds)))
}

/// Since when a Ready pod is Ready.
pub(crate) fn ready_since(pod: &Pod) -> Option<Time> {
    pod.condition("Ready").filter(|ready| ready.status == "True").and_then(|ready| ready.last_transition_time)
}

/// Milliseconds until the next Ready pod becomes available (`controller.FindMinNextPodAvailabilityCheck`).
pub(crate) fn next_availability<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    min_ready_seconds: i32,
    now: Time,
) -> Option<i64> {
    pods.into_iter()
        .filter_map(|pod| available_at(pod, min_ready_seconds))
        .map(|at| at.millis_since(now))
        .filter(|millis| *millis > 0)
        .min()
}

/// The owner that controls the object of a change, if it is of that kind.
pub(crate) fn controller_key(change: &Change, kind: &str) -> Option<ObjectRef> {
    let meta = change.new.meta();
    let owner = meta.controller().filter(|owner| owner.kind == kind)?;
    Some(ObjectRef::new(kind, &meta.namespace, &owner.name))
}

/// An owner reference that controls (`metav1.NewControllerRef`).
pub(crate) fn controller_of<R: Resource>(owner: &R) -> OwnerReference {
    let meta = owner.meta();
    OwnerReference {
        api_version: R::API_VERSION.into(),
        kind: R::KIND.into(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        controller: true,
        block_owner_deletion: true,
    }
}

/// A pod of a template (`controller.GetPodFromTemplate`); its name comes from `generate_name`.
pub(crate) fn from_template<R: Resource>(template: &PodTemplateSpec, owner: &R) -> Pod {
    let name = &owner.meta().name;
    let metadata = ObjectMeta {
        namespace: owner.meta().namespace.clone(),
        generate_name: format!("{name}-").into(),
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
        finalizers: template.metadata.finalizers.clone(),
        owner_references: vec![controller_of(owner)].into(),
        ..ObjectMeta::default()
    };
    Pod { metadata, spec: defaulted(template.spec.clone()), ..Pod::default() }
}

/// The pod spec with the API server's defaults for what the twin reads.
pub(crate) fn defaulted(mut spec: PodSpec) -> PodSpec {
    if spec.restart_policy.is_empty() {
        spec.restart_policy = "Always".into();
    }
    spec.termination_grace_period_seconds.get_or_insert(30);
    if spec.service_account_name.is_empty() {
        spec.service_account_name = "default".into();
    }
    spec
}

/// Sets a condition; the transition time stays where the status stays.
pub(crate) fn set_condition(conditions: &mut Vec<Condition>, condition: Condition) {
    match conditions.iter_mut().find(|former| former.type_ == condition.type_) {
        Some(former) if former.status == condition.status => {
            let since = former.last_transition_time;
            *former = Condition { last_transition_time: since, ..condition };
        }
        Some(former) => *former = condition,
        None => conditions.push(condition),
    }
}

/// The pods of an owner in the order in which a ReplicaSet deletes them
/// (`controller.ActivePodsWithRanks`); `related` are the pods of all ReplicaSets of the same controller.
pub(crate) fn rank_for_deletion(mut pods: Vec<Pod>, related: &[&Pod], now: Time) -> Vec<Pod> {
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in related.iter().filter(|pod| is_active(pod)) {
        *on_node.entry(pod.spec.node_name.as_str()).or_default() += 1;
    }
    let crowd = |pod: &Pod| on_node.get(pod.spec.node_name.as_str()).copied().unwrap_or(0);
    pods.sort_by(|a, b| {
        let assigned = |pod: &Pod| !pod.spec.node_name.is_empty();
        assigned(a)
            .cmp(&assigned(b))
            .then_with(|| phase_ordinal(a).cmp(&phase_ordinal(b)))
            .then_with(|| a.is_ready().cmp(&b.is_ready()))
            .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
            .then_with(|| crowd(b).cmp(&crowd(a)))
            .then_with(|| younger_first(ready_since(a), ready_since(b), (a, b), now))
            .then_with(|| restarts(b).cmp(&restarts(a)))
            .then_with(|| {
                younger_first(a.metadata.creation_timestamp, b.metadata.creation_timestamp, (a, b), now)
            })
    });
    pods
}

fn phase_ordinal(pod: &Pod) -> u8 {
    match pod.status.phase.as_str() {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    }
}

fn deletion_cost(pod: &Pod) -> i32 {
    pod.metadata.annotation(DELETION_COST).and_then(|cost| cost.parse().ok()).unwrap_or(0)
}

fn restarts(pod: &Pod) -> i32 {
    pod.status.container_statuses.iter().map(|container| container.restart_count).max().unwrap_or(0)
}

/// Younger before older, ages compared by their base-2 logarithm, then by uid
/// (`LogarithmicScaleDown`, on by default since 1.22).
fn younger_first(a: Option<Time>, b: Option<Time>, pods: (&Pod, &Pod), now: Time) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return b.is_some().cmp(&a.is_some()).reverse() };
    if a == b {
        return Ordering::Equal;
    }
    let magnitude = |time: Time| {
        let nanos = i128::from(now.millis_since(time)) * 1_000_000;
        u128::try_from(nanos).ok().and_then(u128::checked_ilog2).map_or(-1, i64::from)
    };
    magnitude(a).cmp(&magnitude(b)).then_with(|| pods.0.metadata.uid.cmp(&pods.1.metadata.uid))
}

/// True if the change is that a pod became Ready.
pub(crate) fn became_ready(change: &Change) -> bool {
    pod_of(change).is_some_and(Pod::is_ready) && !change.before::<Pod>().is_some_and(Pod::is_ready)
}

/// The pod of a change, if it is one.
pub(crate) fn pod_of(change: &Change) -> Option<&Pod> {
    match change.new.as_ref() {
        Object::Pod(pod) => Some(pod),
        _ => None,
    }
}
