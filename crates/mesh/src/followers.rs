//! Namespaces, and whatever selects a revision by a name.

use std::collections::BTreeMap;

use meshlift_model::action::Selector;
use meshlift_model::k8s::{Namespace, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};

use crate::facts::{
    ByReference, Follower, Follows, GatewayFacts, GatewayKind, NamespaceFacts, PodFacts, ProxyKind, Workload,
};
use crate::index::Index;
use crate::injector::Injectors;
use crate::owner::managed_by;
use crate::tags::Names;
use crate::workloads::DATAPLANE_MODE;

/// Facts of every recorded namespace.
pub(crate) fn namespaces(
    index: &Index<'_>,
    injectors: &Injectors<'_>,
    workloads: &ByReference<Workload>,
    pods: &ByReference<PodFacts>,
) -> BTreeMap<String, NamespaceFacts> {
    let fact = |namespace: &Namespace| {
        let metadata = &namespace.metadata;
        let selector = Selector::of(metadata);
        NamespaceFacts {
            name: metadata.name.clone(),
            follows: injectors.namespace(&metadata.name),
            two_selectors: selector.injection.is_some() && selector.rev.is_some(),
            selector,
            ambient: metadata.label(DATAPLANE_MODE) == Some("ambient"),
            workloads: Vec::new(),
            pods: 0,
            managed_by: managed_by(metadata),
        }
    };
    let recorded = index.snapshot.objects.namespaces.iter();
    let mut facts: BTreeMap<String, NamespaceFacts> =
        recorded.map(|namespace| (namespace.metadata.name.clone(), fact(namespace))).collect();
    // Both are in the order of their namespaces, kind by kind.
    let (workloads, pods): (Vec<&ObjectRef>, Vec<&PodFacts>) =
        (workloads.keys().collect(), pods.values().collect());
    for here in workloads.chunk_by(|one, next| one.namespace == next.namespace) {
        if let Some(namespace) = facts.get_mut(here[0].namespace.as_str()) {
            namespace.workloads.extend(here.iter().copied().cloned());
        }
    }
    for here in pods.chunk_by(|one, next| one.pod.namespace == next.pod.namespace) {
        if let Some(namespace) = facts.get_mut(here[0].pod.namespace.as_str()) {
            namespace.pods += here.iter().filter(|pod| !pod.finished).count();
        }
    }
    facts
}

/// All followers, in order of what they follow.
pub(crate) fn followers(
    mesh: &Followed<'_>,
    injectors: &Injectors<'_>,
    namespaces: &BTreeMap<String, NamespaceFacts>,
    gateways: &[GatewayFacts],
) -> Vec<Follower> {
    let counts = mesh.injected_by_namespace();
    let mut all: Vec<Follower> = Vec::new();
    for namespace in namespaces.values() {
        let ignored = injectors.ignored_of_namespace(&namespace.name);
        if namespace.follows == Follows::Nothing && ignored.is_none() {
            continue;
        }
        all.push(Follower {
            subject: ObjectRef::cluster(Namespace::KIND, &namespace.name),
            revision: mesh.names.revision(&namespace.follows),
            follows: namespace.follows.clone(),
            pods: counts.get(namespace.name.as_str()).copied().unwrap_or(0),
            ignored,
        });
    }
    for workload in mesh.workloads.values().filter(|one| one.pod_bound && one.follows != Follows::Nothing) {
        all.push(Follower {
            subject: workload.workload.clone(),
            revision: mesh.names.revision(&workload.follows),
            follows: workload.follows.clone(),
            pods: workload.pods.iter().filter(|pod| mesh.is_injected(pod)).count(),
            ignored: None,
        });
    }
    let managed = |kind: GatewayKind| match kind {
        GatewayKind::Managed | GatewayKind::Waypoint => true,
        GatewayKind::Injected | GatewayKind::Rendered => false,
    };
    for gateway in gateways.iter().filter(|one| managed(one.kind) && one.follows != Follows::Nothing) {
        all.push(Follower {
            subject: gateway.gateway.clone(),
            follows: gateway.follows.clone(),
            revision: gateway.owner.clone(),
            pods: gateway.running.values().sum(),
            ignored: gateway.ignored.clone(),
        });
    }
    all.sort_by(|a, b| (&a.follows, &a.subject).cmp(&(&b.follows, &b.subject)));
    all
}

/// What followers are counted from.
pub(crate) struct Followed<'m> {
    pub(crate) names: Names<'m>,
    pub(crate) workloads: &'m ByReference<Workload>,
    pub(crate) pods: &'m ByReference<PodFacts>,
}

impl<'m> Followed<'m> {
    fn is_injected(&self, pod: &ObjectRef) -> bool {
        self.pods.get(pod).and_then(|facts| facts.proxy).is_some_and(is_injected)
    }

    /// Injected pods whose namespace decides, by namespace.
    fn injected_by_namespace(&self) -> BTreeMap<&'m str, usize> {
        let mut counts = BTreeMap::new();
        let mut last: Option<&Workload> = None;
        for facts in
            self.pods.values().filter(|facts| !facts.finished && facts.proxy.is_some_and(is_injected))
        {
            // Pods of a workload come one after another.
            last = last
                .filter(|last| last.workload == facts.workload)
                .or_else(|| self.workloads.get(&facts.workload));
            if let Some(workload) = last.filter(|workload| !workload.pod_bound) {
                *counts.entry(workload.workload.namespace.as_str()).or_default() += 1;
            }
        }
        counts
    }
}

/// True for proxies that a webhook put into their pod.
pub(crate) fn is_injected(proxy: ProxyKind) -> bool {
    match proxy {
        ProxyKind::Native | ProxyKind::Classic | ProxyKind::Gateway => true,
        ProxyKind::ManagedGateway | ProxyKind::Waypoint | ProxyKind::Ztunnel => false,
    }
}

/// Pods by the revision that they carry, finished ones left out.
pub(crate) fn pods_by_revision(pods: &ByReference<PodFacts>) -> BTreeMap<&RevisionName, usize> {
    let mut counts = BTreeMap::new();
    for revision in pods.values().filter(|pod| !pod.finished).filter_map(|pod| pod.revision.as_ref()) {
        *counts.entry(revision).or_default() += 1;
    }
    counts
}
