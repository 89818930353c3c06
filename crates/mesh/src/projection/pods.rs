//! Pods that are made anew.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::STATUS_ANNOTATION;
use meshlift_model::k8s::{Container, ObjectMeta, Pod, PodTemplateSpec, Resource, StatefulSet};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use meshlift_model::snapshot::{Connection, ProxyStatus, Snapshot, SyncState};
use serde_json::{Value, json};

use super::control::{make_ready, scale, settle};
use crate::bare::{BarePod, PROXY_CONTAINER, REVISION_ANNOTATION};
use crate::control::ControlPlane;
use crate::facts::{Injection, ProxyKind};
use crate::followers::is_injected;
use crate::index::Index;
use crate::injected::predicted;
use crate::injector::Injectors;
use crate::owner::Owners;
use crate::proxy::{carried, proxy_container};
use crate::revisions::canonical_service;
use crate::rollout::{Newest, REVISION_HASH, stays_behind};

/// Environment variables of a proxy that name its istiod.
const ISTIOD_ADDRESSES: [&str; 2] = ["CA_ADDR", "PROXY_CONFIG"];
/// istiod's secure port.
const XDS_PORT: u16 = 15012;

/// A pod as it comes out of its restart, and where it lies in the snapshot.
struct Remade {
    place: usize,
    pod: Pod,
}

/// Makes all pods of these workloads anew.
pub(super) fn restart(snapshot: &mut Snapshot, workloads: &[&ObjectRef]) {
    let wanted: BTreeSet<&ObjectRef> = workloads.iter().copied().collect();
    fill(snapshot, &wanted);
    let remade = remake(snapshot, &wanted);
    connect(snapshot, &remade);
    for Remade { place, pod } in remade {
        if let Some(old) = snapshot.objects.pods.get_mut(place) {
            *old = pod;
        }
    }
    settle_all(snapshot, &wanted);
}

/// Brings Deployments that are in the middle of something to the pods that they should have.
fn fill(snapshot: &mut Snapshot, wanted: &BTreeSet<&ObjectRef>) {
    let owners = Owners::new(snapshot);
    let mut counts: BTreeMap<ObjectRef, i32> = BTreeMap::new();
    for pod in snapshot.objects.pods.iter().filter(|pod| !pod.is_finished()) {
        *counts.entry(owners.of_pod(pod).workload).or_default() += 1;
    }
    let deployments = snapshot.objects.deployments.iter();
    let replicas = deployments.map(|one| (one.object_ref(), one.spec.replicas.unwrap_or(1)));
    let unfilled: Vec<(ObjectRef, i32)> = replicas
        .filter(|(deployment, replicas)| {
            wanted.contains(deployment) && counts.get(deployment).copied().unwrap_or(0) != *replicas
        })
        .collect();
    for (deployment, replicas) in unfilled {
        scale(snapshot, &deployment, replicas);
    }
}

fn remake(snapshot: &Snapshot, wanted: &BTreeSet<&ObjectRef>) -> Vec<Remade> {
    let index = Index::new(snapshot);
    let control = ControlPlane::new(&index);
    let injectors = Injectors::new(&index, &control);
    let owners = Owners::new(snapshot);
    let newest = Newest::new(snapshot);
    let sets: BTreeMap<ObjectRef, &StatefulSet> =
        snapshot.objects.stateful_sets.iter().map(|set| (set.object_ref(), set)).collect();
    let mut remade = Vec::new();
    for (place, old) in snapshot.objects.pods.iter().enumerate().filter(|(_, pod)| !pod.is_finished()) {
        let owner = owners.of_pod(old).workload;
        let behind = sets.get(&owner).is_some_and(|set| stays_behind(set, old));
        if !wanted.contains(&owner) || behind {
            continue;
        }
        let mut pod = inject(old, &injectors);
        if let Some(hash) = newest.hash(&owner.kind, &owner.namespace, &owner.name) {
            pod.metadata.labels.insert(REVISION_HASH.to_owned(), hash.to_owned());
        }
        make_ready(&mut pod);
        remade.push(Remade { place, pod });
    }
    remade
}

/// The pod as the webhooks make it now. What istiod's Gateway controller made stays as it is: its owner
/// decides, no webhook.
fn inject(old: &Pod, injectors: &Injectors<'_>) -> Pod {
    let kind = carried(old).map(|carried| carried.kind);
    let mut pod = old.clone();
    if !kind.is_none_or(is_injected) {
        return pod;
    }
    let bare = BarePod::of_pod(old);
    let injection = injectors.inject(&bare);
    let Some(revision) = injection.revision.clone().filter(|_| !injection.refused) else {
        if kind.is_some() {
            take(&mut pod, bare.to_template());
        }
        return pod;
    };
    if !keeps_shape(kind, &injection) {
        let Some(settings) = injectors.settings(&revision) else { return pod };
        let native = injection.native.unwrap_or(false);
        take(&mut pod, predicted(&bare.to_template(), settings, native));
        mark(&mut pod.metadata, native);
    }
    retarget(&mut pod, &revision, injectors);
    pod
}

/// True if the proxy that the pod has is of the kind that it gets.
fn keeps_shape(kind: Option<ProxyKind>, injection: &Injection) -> bool {
    match kind {
        Some(ProxyKind::Native) => injection.native != Some(false),
        Some(ProxyKind::Classic) => injection.native != Some(true),
        Some(ProxyKind::Gateway) => true,
        Some(ProxyKind::ManagedGateway | ProxyKind::Waypoint | ProxyKind::Ztunnel) | None => false,
    }
}

fn take(pod: &mut Pod, template: PodTemplateSpec) {
    let node = std::mem::take(&mut pod.spec.node_name);
    pod.spec = template.spec;
    pod.spec.node_name = node;
    pod.metadata.labels = template.metadata.labels;
    pod.metadata.annotations = template.metadata.annotations;
}

/// Writes what injection writes down about itself.
fn mark(metadata: &mut ObjectMeta, native: bool) {
    let (init, beside) = if native {
        (json!(["istio-init", PROXY_CONTAINER]), Value::Null)
    } else {
        (json!(["istio-init"]), json!([PROXY_CONTAINER]))
    };
    let status = json!({"initContainers": init, "containers": beside, "volumes": null, "revision": null});
    metadata.annotations.insert(STATUS_ANNOTATION.to_owned(), status.to_string());
}

/// Lets a pod's proxy be one of this revision: annotations, images, istiod's address.
fn retarget(pod: &mut Pod, revision: &RevisionName, injectors: &Injectors<'_>) {
    let annotations = &mut pod.metadata.annotations;
    annotations.insert(REVISION_ANNOTATION.to_owned(), revision.as_str().to_owned());
    if let Some(status) = annotations.get_mut(STATUS_ANNOTATION)
        && let Ok(Value::Object(mut fields)) = serde_json::from_str(status)
    {
        fields.insert("revision".to_owned(), revision.as_str().into());
        *status = Value::Object(fields).to_string();
    }
    let old_image = proxy_container(&pod.spec).map(|proxy| proxy.image.clone()).unwrap_or_default();
    let version = injectors.control.version(injectors.index, revision);
    let settings = injectors.settings(revision);
    let image =
        settings.and_then(|settings| settings.proxy_image.clone()).or_else(|| tagged(&old_image, version));
    let (from, to) = (old_address(pod), address(injectors.index.snapshot, revision));
    for container in pod.spec.init_containers.iter_mut().chain(&mut pod.spec.containers) {
        if let Some(image) = image.as_ref().filter(|_| container.image == old_image) {
            container.image.clone_from(image);
        }
        if let (Some(from), Some(to)) = (&from, &to)
            && container.name == PROXY_CONTAINER
        {
            readdress(container, from, to);
        }
    }
}

/// The image with the version as its tag.
fn tagged(image: &str, version: Option<IstioVersion>) -> Option<String> {
    let (repository, _) = image.rsplit_once(':')?;
    Some(format!("{repository}:{}", version?))
}

fn old_address(pod: &Pod) -> Option<String> {
    proxy_container(&pod.spec)?.env_value("CA_ADDR").map(str::to_owned).filter(|address| !address.is_empty())
}

/// Address of a revision's istiods, as proxies write it.
fn address(snapshot: &Snapshot, revision: &RevisionName) -> Option<String> {
    let service = canonical_service(snapshot, revision)?;
    Some(format!("{}.{}.svc:{XDS_PORT}", service.metadata.name, service.metadata.namespace))
}

fn readdress(proxy: &mut Container, from: &str, to: &str) {
    for variable in proxy.env.iter_mut().filter(|one| ISTIOD_ADDRESSES.contains(&one.name.as_str())) {
        variable.value = variable.value.replace(from, to);
    }
}

/// Takes the pods' proxies from the istiods that they were connected to, and connects them to those of the
/// revision that they carry now.
fn connect(snapshot: &mut Snapshot, remade: &[Remade]) {
    let ids: BTreeMap<String, &Pod> = remade
        .iter()
        .map(|one| (format!("{}.{}", one.pod.metadata.name, one.pod.metadata.namespace), &one.pod))
        .collect();
    let mut before: BTreeMap<String, ProxyStatus> = BTreeMap::new();
    for answers in snapshot.istiods.values_mut() {
        if let Some(syncz) = &mut answers.syncz {
            for status in syncz.extract_if(.., |status| ids.contains_key(&status.proxy)) {
                before.insert(status.proxy.clone(), status);
            }
        }
        if let Some(connections) = &mut answers.connections {
            connections.retain(|connection| !ids.contains_key(connection.proxy()));
        }
    }
    let heirs = heirs(snapshot);
    for (id, pod) in ids {
        let Some(carried) = carried(pod) else { continue };
        let Some(heir) = carried.revision.and_then(|revision| heirs.get(&revision)) else { continue };
        let Some(answers) = snapshot.istiods.get_mut(heir) else { continue };
        let proxy_type = if carried.kind == ProxyKind::Gateway { "router" } else { "sidecar" };
        let mut status = before.remove(&id).unwrap_or_else(|| ProxyStatus {
            proxy: id.clone(),
            proxy_type: proxy_type.into(),
            ..ProxyStatus::default()
        });
        status.types.values_mut().for_each(|state| *state = SyncState::Synced);
        status.istio_version = carried.image_version.map(|version| version.to_string()).unwrap_or_default();
        if let Some(syncz) = &mut answers.syncz {
            syncz.push(status);
        }
        if let Some(connections) = &mut answers.connections {
            let connection_id = format!("{id}-{}", connections.len());
            connections.push(Connection { connection_id, ..Connection::default() });
        }
    }
}

/// An istiod that answers, for each revision.
fn heirs(snapshot: &Snapshot) -> BTreeMap<RevisionName, String> {
    let index = Index::new(snapshot);
    let control = ControlPlane::new(&index);
    let answering = control.by_pod.iter().filter(|(pod, _)| snapshot.istiods.contains_key(**pod));
    // The first by name wins.
    answering.rev().map(|(pod, revision)| (revision.clone(), (*pod).to_owned())).collect()
}

/// Brings the status of workloads to what their controllers report when a rollout is through.
fn settle_all(snapshot: &mut Snapshot, wanted: &BTreeSet<&ObjectRef>) {
    let objects = &mut snapshot.objects;
    objects.deployments.iter_mut().filter(|one| wanted.contains(&one.object_ref())).for_each(settle);
    for set in objects.stateful_sets.iter_mut().filter(|one| wanted.contains(&one.object_ref())) {
        let replicas = set.spec.replicas.unwrap_or(1);
        set.status.observed_generation = set.metadata.generation;
        set.status.replicas = replicas;
        set.status.ready_replicas = replicas;
        set.status.available_replicas = replicas;
    }
    for set in objects.daemon_sets.iter_mut().filter(|one| wanted.contains(&one.object_ref())) {
        let status = &mut set.status;
        status.observed_generation = set.metadata.generation;
        status.updated_number_scheduled = status.desired_number_scheduled;
        status.number_ready = status.desired_number_scheduled;
        status.number_available = status.desired_number_scheduled;
        status.number_unavailable = 0;
    }
}
