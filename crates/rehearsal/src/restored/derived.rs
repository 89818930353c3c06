//! What controllers derive, by its meaning: pods of every workload, endpoints of every Service.

use std::collections::BTreeMap;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::k8s::{
    Container, DaemonSet, EndpointSlice, Job, Objects, Pod, ReplicaSet, Resource, Service, StatefulSet,
};
use meshlift_model::names::ObjectRef;

use super::written::bounds;

/// Label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Counts of what is alike, by description.
type Counts = BTreeMap<String, usize>;

/// Differences by workload and by Service, in words.
///
/// Pods of Jobs are left out: they end by themselves, sooner or later as their start fell. What an autoscaler
/// adds is its own affair.
pub(super) fn differences(reference: &Objects, end: &Objects) -> BTreeMap<ObjectRef, Vec<String>> {
    let (before, mut after) = (pods(reference), pods(end));
    for target in bounds(reference).keys() {
        let Some((old, new)) = before.get(target).zip(after.get_mut(target)) else { continue };
        for (what, count) in new {
            *count = old.get(what).map_or(*count, |old| (*count).min(*old));
        }
    }
    let mut found = compare(&before, &after);
    let now = endpoints(end);
    for (service, before) in endpoints(reference) {
        let after = now.get(&service).copied().unwrap_or(0);
        if after < before {
            let words = format!("has {after} ready endpoints; without us it has {before}");
            found.entry(service).or_default().push(words);
        }
    }
    found
}

fn compare(
    before: &BTreeMap<ObjectRef, Counts>,
    after: &BTreeMap<ObjectRef, Counts>,
) -> BTreeMap<ObjectRef, Vec<String>> {
    let nothing = Counts::new();
    let mut found = BTreeMap::new();
    for name in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(name).unwrap_or(&nothing), after.get(name).unwrap_or(&nothing));
        if old != new {
            let difference = format!("has {}; without us it has {}", rest(new, old), rest(old, new));
            found.insert(name.clone(), vec![difference]);
        }
    }
    found
}

/// What one has that the other has not, in words.
fn rest(mine: &Counts, other: &Counts) -> String {
    let more = mine.iter().filter(|(what, count)| other.get(*what) != Some(count));
    let words: Vec<String> = more.map(|(what, count)| format!("{count} × {what}")).collect();
    if words.is_empty() { "none of these".to_owned() } else { words.join(", ") }
}

/// Living pods of each workload: which revision injected them, what they run, whether they are Ready.
fn pods(objects: &Objects) -> BTreeMap<ObjectRef, Counts> {
    let owners: BTreeMap<(&str, &str), ObjectRef> = objects
        .replica_sets
        .iter()
        .filter_map(|set| {
            let owner = set.metadata.controller()?;
            let owner = ObjectRef::new(&owner.kind, &set.metadata.namespace, &owner.name);
            Some(((set.metadata.namespace.as_str(), set.metadata.name.as_str()), owner))
        })
        .collect();
    let mut all: BTreeMap<ObjectRef, Counts> = BTreeMap::new();
    for pod in objects.pods.iter().filter(|pod| lives(pod)) {
        let meta = &pod.metadata;
        let maker = meta.controller().map(|owner| ObjectRef::new(&owner.kind, &meta.namespace, &owner.name));
        let maker = maker.unwrap_or_else(|| pod.object_ref());
        if maker.kind == Job::KIND {
            continue;
        }
        let key = (maker.namespace.as_str(), maker.name.as_str());
        let owner = owners.get(&key).filter(|_| maker.kind == ReplicaSet::KIND).cloned().unwrap_or(maker);
        *all.entry(owner.clone()).or_default().entry(describe(pod, &owner)).or_default() += 1;
    }
    all
}

fn lives(pod: &Pod) -> bool {
    !pod.is_finished() && pod.metadata.deletion_timestamp.is_none()
}

fn describe(pod: &Pod, owner: &ObjectRef) -> String {
    let place = match owner.kind.as_str() {
        StatefulSet::KIND | Pod::KIND => format!("{} ", pod.metadata.name),
        DaemonSet::KIND => format!("on {} ", pod.spec.node_name),
        _ => String::new(),
    };
    let init = pod.spec.init_containers.iter().map(|one| container("init ", one));
    let parts: Vec<String> = init.chain(pod.spec.containers.iter().map(|one| container("", one))).collect();
    let revision = pod.metadata.annotation(REV_LABEL).unwrap_or("no revision");
    let ready = if pod.is_ready() { "Ready" } else { "not Ready" };
    format!("{place}{revision} {ready} [{}]", parts.join(" "))
}

/// A native sidecar is an init container that restarts.
fn container(prefix: &str, container: &Container) -> String {
    let native = if container.restart_policy == "Always" { "native " } else { prefix };
    format!("{native}{}={}", container.name, container.image)
}

/// Ready endpoints of each Service.
fn endpoints(objects: &Objects) -> BTreeMap<ObjectRef, usize> {
    let mut all: BTreeMap<ObjectRef, usize> = BTreeMap::new();
    for slice in &objects.endpoint_slices {
        if let Some(service) = slice.metadata.label(SERVICE_NAME) {
            let service = ObjectRef::new(Service::KIND, &slice.metadata.namespace, service);
            *all.entry(service).or_default() += ready_endpoints(slice);
        }
    }
    all
}

fn ready_endpoints(slice: &EndpointSlice) -> usize {
    slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false)).count()
}
