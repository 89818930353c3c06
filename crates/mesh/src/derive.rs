//! From a snapshot to a mesh.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshlift_model::intent::SloCritical;
use meshlift_model::k8s::Known;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::Snapshot;

use crate::ambient::ambient;
use crate::connection::Connections;
use crate::control::ControlPlane;
use crate::drafts::{recorded, unrecorded};
use crate::facts::{ByReference, Mesh, PodFacts, Revision, Tag, Workload};
use crate::followers::{Followed, followers, namespaces, pods_by_revision};
use crate::gateways::{Gates, gateways};
use crate::in_order::sorted;
use crate::index::Index;
use crate::injector::Injectors;
use crate::install::method;
use crate::native::nodes_are_able;
use crate::owner::{InTurn, KnownPod, Owners, by_owner};
use crate::pods::Restarts;
use crate::revisions::{revisions, system_namespaces};
use crate::rollout::Newest;
use crate::tags::{Names, default_revision, tags};
use crate::workloads::Workshop;

impl Mesh {
    /// Understands a snapshot. Any snapshot has a mesh, an empty or odd one too; what could not be read
    /// stays unknown.
    #[must_use]
    pub fn derive(snapshot: Arc<Snapshot>) -> Self {
        let index = Index::new(&snapshot);
        let control = ControlPlane::new(&index);
        let injectors = Injectors::new(&index, &control);
        let connections = Connections::new(&snapshot, &control);
        let mut revisions = revisions(&index, &control, &injectors);
        let (workloads, pods) = pods_and_workloads(&index, &injectors, &connections, &revisions);
        let tags = tags(&snapshot, &revisions);
        let default_revision = default_revision(&snapshot, &tags);
        complete(&mut revisions, &tags, &pods, &connections.counts);
        let namespaces = namespaces(&index, &injectors, &workloads, &pods);
        let names =
            || Names { tags: &tags, revisions: &revisions, default_revision: default_revision.as_ref() };
        let gateways = gateways(&Gates::new(&index, &names(), &workloads));
        let followed = Followed { names: names(), workloads: &workloads, pods: &pods };
        let followers = followers(&followed, &injectors, &namespaces, &gateways);
        let ambient = ambient(&index, &workloads, &namespaces, &pods);
        let (install, system_namespaces) = (method(&control), system_namespaces(&control));
        let connected = connections.counts;
        let nodes_run_native_sidecars = nodes_are_able(&index);
        Self {
            system_namespaces,
            revisions,
            tags,
            default_revision,
            namespaces,
            workloads,
            pods,
            followers,
            gateways,
            ambient,
            nodes_run_native_sidecars,
            install,
            connected,
            snapshot,
        }
    }

    /// Namespaces that matter most, by name or by label.
    #[must_use]
    pub fn slo_critical(&self, intent: &SloCritical) -> BTreeSet<String> {
        let namespaces = self.snapshot.objects.namespaces.iter().map(|namespace| &namespace.metadata);
        namespaces.filter(|metadata| intent.covers(metadata)).map(|metadata| metadata.name.clone()).collect()
    }
}

type Derived = (ByReference<Workload>, ByReference<PodFacts>);

fn pods_and_workloads(
    index: &Index<'_>,
    injectors: &Injectors<'_>,
    connections: &Connections<'_>,
    revisions: &BTreeMap<RevisionName, Revision>,
) -> Derived {
    let snapshot = index.snapshot;
    let versions =
        revisions.iter().map(|(name, revision)| (name.clone(), revision.version.clone())).collect();
    let owners = Owners::new(snapshot);
    let mut foreign = BTreeMap::new();
    let mut facts: Vec<(ObjectRef, PodFacts)> = Vec::with_capacity(snapshot.objects.pods.len());
    let (mut restarts, mut owned) = (Restarts::new(injectors), InTurn::new(&owners));
    for pod in &snapshot.objects.pods {
        let owner = owned.of_pod(pod);
        if let Some(words) = owner.foreign {
            foreign.insert(owner.workload.clone(), words);
        }
        let fact = crate::pods::facts(pod, owner.workload, &mut restarts, connections, &versions);
        facts.push((fact.pod.clone(), fact));
    }
    let workloads = {
        let facts = facts.iter().map(|(_, facts)| facts);
        let pods: Vec<KnownPod<'_>> = snapshot.objects.pods.iter().zip(facts).collect();
        let by_owner = by_owner(&pods);
        let shop = Workshop { index, injectors, pods: &by_owner };
        // Most workloads have few pods, all on one revision: their counts are alike.
        let mut counts = Known::default();
        let mut make = |draft| {
            let mut workload = shop.workload(draft);
            counts.join(&mut workload.now);
            (workload.workload.clone(), workload)
        };
        let newest = Newest::new(snapshot);
        let made = recorded(snapshot, &owners, &by_owner, &newest).map(&mut make);
        let mut made = sorted(made.collect());
        let others = unrecorded(&made, &by_owner, &foreign);
        made.extend(others.into_iter().map(make));
        made
    };
    (by_reference(workloads), by_reference(facts))
}

fn by_reference<T>(facts: Vec<(ObjectRef, T)>) -> ByReference<T> {
    ByReference::from_sorted_store_unchecked(sorted(facts))
}

/// Adds to revisions what tags, pods and connections tell.
fn complete(
    revisions: &mut BTreeMap<RevisionName, Revision>,
    tags: &BTreeMap<meshlift_model::names::TagName, Tag>,
    pods: &ByReference<PodFacts>,
    connected: &BTreeMap<String, Option<usize>>,
) {
    let counts = pods_by_revision(pods);
    for (name, revision) in revisions.iter_mut() {
        revision.pods = counts.get(name).copied().unwrap_or(0);
        let pointing = tags.values().filter(|tag| tag.revision.as_ref() == Some(name));
        revision.tags = pointing.map(|tag| tag.name.clone()).collect();
        let of_istiods = revision.istiods.iter().map(|pod| connected.get(pod).copied().flatten());
        revision.connected = of_istiods.sum();
    }
}
