//! The ambient data plane, and who is in it.

use std::collections::BTreeMap;

use meshlift_model::names::{IstioVersion, ObjectRef};

use crate::bare::BarePod;
use crate::control::image_version;
use crate::facts::{Ambient, ByReference, NamespaceFacts, PodFacts, Role, Workload};
use crate::followers::is_injected;
use crate::index::Index;
use crate::workloads::is_enrolled;

/// Value of `ambient.istio.io/redirection` on a pod whose traffic ztunnel carries.
const ENABLED: &str = "enabled";

/// Ambient facts.
pub(crate) fn ambient(
    index: &Index<'_>,
    workloads: &ByReference<Workload>,
    namespaces: &BTreeMap<String, NamespaceFacts>,
    facts: &ByReference<PodFacts>,
) -> Ambient {
    let of_role = |role: Role| workloads.values().filter(move |workload| workload.role == role);
    let mut enrolled: Vec<ObjectRef> = Vec::new();
    let mut not_captured = Vec::new();
    for pod in index.snapshot.objects.pods.iter().filter(|pod| !pod.is_finished()) {
        let (labels, _) = index.labels_of(&pod.metadata.namespace);
        if !is_enrolled(&labels, &BarePod::of_pod(pod)) {
            continue;
        }
        let reference = meshlift_model::k8s::Resource::object_ref(pod);
        let Some(fact) = facts.get(&reference) else { continue };
        // istio-cni leaves pods with a sidecar alone.
        if fact.proxy.is_some_and(is_injected) {
            continue;
        }
        // istio-cni captures a pod when its network is made, which the scheduler comes before.
        let is_up = pod.status.phase != "Pending";
        if is_up && fact.redirection.as_deref() != Some(ENABLED) {
            not_captured.push(reference.clone());
        }
        enrolled.push(reference);
    }
    enrolled.sort();
    not_captured.sort();
    Ambient {
        ztunnels: of_role(Role::Ztunnel).map(|one| one.workload.clone()).collect(),
        cni: of_role(Role::Cni).map(|one| one.workload.clone()).collect(),
        cni_version: one_version(of_role(Role::Cni)),
        ztunnel_version: one_version(of_role(Role::Ztunnel)),
        namespaces: namespaces.values().filter(|one| one.ambient).map(|one| one.name.clone()).collect(),
        enrolled,
        not_captured,
    }
}

/// Version by image, where all say the same.
fn one_version<'m>(workloads: impl Iterator<Item = &'m Workload>) -> Option<IstioVersion> {
    let images = workloads.flat_map(|workload| &workload.template.spec.containers);
    let mut versions: Vec<IstioVersion> =
        images.filter_map(|container| image_version(&container.image)).collect();
    versions.sort();
    versions.dedup();
    if versions.len() == 1 { versions.pop() } else { None }
}
