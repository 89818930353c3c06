//! The facts that a [`Mesh`] holds. Plain data; the modules beside this one derive it.

mod follower;
mod gateway;
mod pod;
mod revision;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use litemap::LiteMap;
use meshlift_model::EcoString;
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::snapshot::Snapshot;
use serde::{Serialize, Serializer};

pub use follower::*;
pub use gateway::*;
pub use pod::*;
pub use revision::*;
pub use workload::*;

/// Facts about objects, in the order of their references. It is built once, of very many: a sorted list takes less room
/// than a tree, and what it is made of need not move.
pub type ByReference<T> = LiteMap<ObjectRef, T>;

/// A mesh, understood.
#[derive(Clone, Debug, Serialize)]
pub struct Mesh {
    /// What it was derived from; not written with the rest.
    #[serde(skip)]
    pub snapshot: Arc<Snapshot>,
    /// Namespaces that hold an istiod, most istiods first.
    pub system_namespaces: Vec<EcoString>,
    /// Revisions by name, complete or not.
    pub revisions: BTreeMap<RevisionName, Revision>,
    /// Tags by name, `default` among them.
    pub tags: BTreeMap<TagName, Tag>,
    /// Revision that owns what selects nothing: by tag `default`, else by the default validator.
    pub default_revision: Option<RevisionName>,
    /// Namespaces by name.
    pub namespaces: BTreeMap<String, NamespaceFacts>,
    /// Every controller of pods and every bare pod, by reference.
    #[serde(serialize_with = "as_map")]
    pub workloads: ByReference<Workload>,
    /// Every pod, by reference.
    #[serde(serialize_with = "as_map")]
    pub pods: ByReference<PodFacts>,
    /// Whatever selects a revision by a name.
    pub followers: Vec<Follower>,
    /// Gateways of all kinds.
    pub gateways: Vec<GatewayFacts>,
    /// Ambient parts.
    pub ambient: Ambient,
    /// Every kubelet can run native sidecars, as istiod judges it; absent where nodes were not read.
    pub nodes_run_native_sidecars: Option<bool>,
    /// How it was installed.
    pub install: InstallMethod,
    /// Proxies that are connected, by istiod pod; absent where that was not read.
    pub connected: BTreeMap<String, Option<usize>>,
}

impl Mesh {
    /// Revisions that carry pods.
    pub fn used_revisions(&self) -> impl Iterator<Item = &Revision> {
        self.revisions.values().filter(|revision| revision.pods > 0)
    }
}

/// Facts as JSON: a map where there are none, too.
fn as_map<T: Serialize, S: Serializer>(facts: &ByReference<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter())
}

/// Pods by revision as JSON: what has none is counted under an empty key.
pub(crate) fn by_revision<S: Serializer>(
    counts: &BTreeMap<Option<RevisionName>, usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer
        .collect_map(counts.iter().map(|(name, pods)| (name.as_ref().map_or("", RevisionName::as_str), pods)))
}
