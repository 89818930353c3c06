//! A recording with one field flipped, as it is once all pods carry it.

use std::sync::Arc;

use meshlift_mesh::facts::Mesh;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{
    DaemonSet, Deployment, IntOrString, Object, Objects, Resource, ResourceQuota, RollingUpdate, Service,
    ServicePort, StatefulSet, StringMap,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_ports::WorldPort;
use meshlift_twin::traffic::Corner;

use crate::driver::{Driver, ROOM};
use crate::flips::{FLIPPED_QUOTA, Flip, Hook, apply, apply_to_pod};

/// Kinds without a namespace that decide about pods.
const CLUSTER_KINDS: [&str; 3] = ["Namespace", "Node", "MutatingWebhookConfiguration"];
/// preStop sleep of workloads for which none is recommended.
const SLEEP_SECONDS: i64 = 15;
/// Where control planes run.
const ROOT: &str = "istio-system";

/// The recording, without what is in other namespaces.
pub(crate) fn trimmed(snapshot: &Snapshot, namespace: &str) -> Snapshot {
    let mut objects = Objects::default();
    let wanted = |object: &Object| {
        let place = object.meta().namespace.as_str();
        if object.info().namespaced {
            place == namespace || place == ROOT
        } else {
            CLUSTER_KINDS.contains(&object.info().kind)
        }
    };
    snapshot.objects.to_vec().into_iter().filter(wanted).for_each(|object| objects.push(object));
    Snapshot { objects, ..snapshot.clone() }
}

/// The recording once everybody has followed its advice: sleeps are as recommended, and what has no clients gets
/// some. Most of its workloads are safe.
pub(crate) fn advised(recording: &Snapshot) -> Snapshot {
    let mut snapshot = recording.clone();
    let mesh = Mesh::derive(Arc::new(recording.clone()));
    let assessed = meshlift_checks::assess(&mesh, &Intent::default(), None);
    for (workload, rule) in &assessed.workloads {
        let facts = &mesh.workloads[workload];
        if facts.services.is_empty() {
            let selector = (*facts.template.metadata.labels).clone();
            snapshot.objects.services.push(service(workload, selector));
        }
        let seconds = rule.cure_sleep_seconds.unwrap_or(SLEEP_SECONDS);
        apply(&Flip::PreStop(Hook::Sleep(seconds)), workload, &mut snapshot.objects);
        for pod in &facts.pods {
            apply_to_pod(&Flip::PreStop(Hook::Sleep(seconds)), pod, &mut snapshot.objects);
        }
    }
    snapshot
}

/// A Service for a workload that had none.
fn service(workload: &ObjectRef, selector: StringMap) -> Service {
    let port = ServicePort {
        name: "http".into(),
        port: 80,
        target_port: IntOrString::Int(8080),
        ..ServicePort::default()
    };
    let mut service = Service::default();
    service.metadata.name = format!("{}-clients", workload.name);
    service.metadata.namespace.clone_from(&workload.namespace);
    service.metadata.uid = format!("{}-clients", workload.name);
    service.spec.cluster_ip = "10.96.200.1".into();
    service.spec.selector = selector.into();
    service.spec.ports.push(port);
    service
}

/// The scene with the field flipped, its pods of the flipped template; `None` where nothing was to be flipped.
pub(crate) fn flipped(scene: &Snapshot, workload: &ObjectRef, flip: &Flip) -> Option<Snapshot> {
    let mut start = scene.clone();
    if !apply(flip, workload, &mut start.objects) {
        return None;
    }
    let kept = Kept::of(workload, &start.objects);
    ease(workload, &mut start.objects);
    let mut driver = Driver::load(&start, Corner::BEST, 4);
    driver.settle(workload);
    let mut settled = driver.0.snapshot().unwrap();
    kept.restore(workload, &mut settled.objects);
    if let Flip::Quota(resource, room) = flip {
        limit(&mut settled.objects, &workload.namespace, resource, *room);
    }
    Some(settled)
}

/// What would keep pods from being replaced at once.
struct Kept {
    deployment: Option<Deployment>,
    stateful_set: Option<StatefulSet>,
    daemon_set: Option<DaemonSet>,
    quotas: Vec<ResourceQuota>,
}

impl Kept {
    fn of(workload: &ObjectRef, objects: &Objects) -> Self {
        Self {
            deployment: find(workload, objects),
            stateful_set: find(workload, objects),
            daemon_set: find(workload, objects),
            quotas: objects.resource_quotas.clone(),
        }
    }

    fn restore(self, workload: &ObjectRef, objects: &mut Objects) {
        let Self { deployment, stateful_set, daemon_set, quotas } = self;
        if let Some((now, kept)) = find_mut::<Deployment>(workload, objects).zip(deployment) {
            now.spec.strategy = kept.spec.strategy;
        }
        if let Some((now, kept)) = find_mut::<StatefulSet>(workload, objects).zip(stateful_set) {
            now.spec.update_strategy = kept.spec.update_strategy;
        }
        if let Some((now, kept)) = find_mut::<DaemonSet>(workload, objects).zip(daemon_set) {
            now.spec.update_strategy = kept.spec.update_strategy;
        }
        for now in &mut objects.resource_quotas {
            let kept = quotas.iter().find(|quota| quota.object_ref() == now.object_ref());
            if let Some(kept) = kept.filter(|kept| kept.metadata.name != FLIPPED_QUOTA) {
                now.spec.hard.clone_from(&kept.spec.hard);
                now.status.hard.clone_from(&kept.spec.hard);
            }
        }
    }
}

fn find<R: Resource + Clone>(workload: &ObjectRef, objects: &Objects) -> Option<R> {
    R::list(objects).iter().find(|one| one.object_ref() == *workload).cloned()
}

fn find_mut<'a, R: Resource>(workload: &ObjectRef, objects: &'a mut Objects) -> Option<&'a mut R> {
    R::list_mut(objects).iter_mut().find(|one| one.object_ref() == *workload)
}

/// Lets all pods be replaced at once.
fn ease(workload: &ObjectRef, objects: &mut Objects) {
    if let Some(one) = find_mut::<Deployment>(workload, objects) {
        one.spec.strategy.type_ = "Recreate".to_owned();
        one.spec.strategy.rolling_update = None;
    }
    if let Some(one) = find_mut::<StatefulSet>(workload, objects) {
        one.spec.update_strategy.type_ = "RollingUpdate".to_owned();
        one.spec.update_strategy.rolling_update = None;
    }
    if let Some(one) = find_mut::<DaemonSet>(workload, objects) {
        one.spec.update_strategy.type_ = "RollingUpdate".to_owned();
        let all = Some(IntOrString::String("100%".to_owned()));
        one.spec.update_strategy.rolling_update =
            Some(RollingUpdate { max_unavailable: all, ..RollingUpdate::default() });
    }
    for quota in &mut objects.resource_quotas {
        quota.spec.hard.values_mut().for_each(|hard| ROOM.clone_into(hard));
    }
}

/// Gives the flipped quota room for so many pods more than there are.
fn limit(objects: &mut Objects, namespace: &str, resource: &str, room: i64) {
    let mut quotas = objects.resource_quotas.iter_mut();
    let quota =
        quotas.find(|quota| quota.metadata.namespace == namespace && quota.metadata.name == FLIPPED_QUOTA);
    let quota = quota.unwrap_or_else(|| panic!("the flipped quota is not there"));
    let used: i64 = quota.status.used.get(resource).map_or(0, |used| used.parse().unwrap());
    let hard = (used + room).max(0).to_string();
    quota.spec.hard.insert(resource.to_owned(), hard.clone());
    quota.status.hard.insert(resource.to_owned(), hard);
}
