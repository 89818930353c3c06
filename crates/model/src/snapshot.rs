//! A mesh as it was read: objects, istiods' answers, and what could not be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::k8s::{Objects, Resource, Shared};
use crate::names::ObjectRef;
use crate::time::Time;
use crate::word::Word;

/// Everything that was read of a cluster, and what was not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// `v1.34.4`; absent where the server's version was not recorded.
    pub kubernetes_version: Option<String>,
    /// Status of every source: a resource such as `deployments.apps`, `version`, or
    /// `istiod/POD/ENDPOINT`; an istiod whose validator was asked has the endpoint [`VALIDATOR`]. What has no entry was never asked: see [`Snapshot::source`].
    pub sources: BTreeMap<String, SourceStatus>,
    /// Typed objects.
    pub objects: Objects,
    /// Answers of each istiod pod, by pod name.
    pub istiods: BTreeMap<String, IstiodAnswers>,
    /// Fields of Istio's own objects ([`crate::outline`]): these may have more than their types hold. Empty where what
    /// wrote the snapshot kept none; no part of its digest.
    pub outlines: Shared<Outlines>,
    /// Single objects and files that were reported and skipped.
    pub problems: Vec<ReadProblem>,
}

/// Endpoint of the mesh's configuration, shown to an istiod's validator object by object.
pub const VALIDATOR: &str = "validate";

/// Outlines by object; equal ones are kept once.
pub type Outlines = BTreeMap<ObjectRef, Shared<Value>>;

/// What became of one source. Only `Read` and `Absent` say something about the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum SourceStatus {
    /// It was read whole.
    Read {
        /// Objects or entries.
        count: usize,
    },
    /// The cluster does not serve it (its CRD is not there).
    Absent,
    /// The cluster would not show it.
    Refused {
        /// What the cluster said.
        reason: String,
    },
    /// It could not be read, or nobody asked.
    Broken {
        /// What went wrong.
        reason: String,
    },
}

impl SourceStatus {
    /// True if the source can be judged: it was read, or is known not to exist.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Absent)
    }
}

/// An object or file that was skipped, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadProblem {
    /// Source that it belongs to.
    pub source: String,
    /// Where in it: `items[3] web/bff`, a field path, a file name.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What one istiod pod answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IstiodAnswers {
    /// `/version`, such as `1.29.6-lab-Clean`.
    pub version: Option<String>,
    /// `/debug/syncz`: proxies that this pod serves; absent where it was not read.
    pub syncz: Option<Vec<ProxyStatus>>,
    /// `/debug/connections`: absent where it was not read.
    pub connections: Option<Vec<Connection>>,
    /// Gauges and counters of `/metrics` that meshlift reads, summed over their labels; absent where not read.
    pub metrics: Option<BTreeMap<String, f64>>,
    /// Objects that its validator refuses, with its words; absent where it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals: Option<BTreeMap<ObjectRef, String>>,
}

/// One entry of `/debug/syncz`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyStatus {
    /// `POD.NAMESPACE`.
    pub proxy: String,
    /// `sidecar`, `router`, `waypoint`, `ztunnel`, `agentgateway`.
    pub proxy_type: Word,
    /// Version that the proxy says it is.
    pub istio_version: String,
    /// State by xDS type URL.
    pub types: Shared<BTreeMap<String, SyncState>>,
}

/// Sync state of one xDS type, by the rule of istioctl (`statusgen.go`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncState {
    /// Acknowledged what was sent.
    Synced,
    /// Not acknowledged yet; normal for a moment after a push.
    Stale,
    /// Nothing to send.
    NotSent,
    /// Rejected (NACK), with the proxy's words.
    Error(String),
}

impl ProxyStatus {
    /// Pod name and namespace.
    #[must_use]
    pub fn pod(&self) -> Option<(&str, &str)> {
        self.proxy.rsplit_once('.')
    }

    /// True if no type is stale or rejected.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.types.values().all(|state| matches!(state, SyncState::Synced | SyncState::NotSent))
    }

    /// The first rejection, if any.
    #[must_use]
    pub fn nack(&self) -> Option<&str> {
        self.types.values().find_map(|state| match state {
            SyncState::Error(words) => Some(words.as_str()),
            SyncState::Synced | SyncState::Stale | SyncState::NotSent => None,
        })
    }
}

/// One entry of `/debug/connections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// `POD.NAMESPACE-NUMBER`.
    pub connection_id: String,
    /// When it connected.
    pub connected_at: Option<Time>,
    /// Peer address.
    pub address: String,
}

impl Connection {
    /// `POD.NAMESPACE` of the connection id.
    #[must_use]
    pub fn proxy(&self) -> &str {
        self.connection_id.rsplit_once('-').map_or(self.connection_id.as_str(), |(proxy, _)| proxy)
    }
}

impl Snapshot {
    /// Status of a source; what was never asked is broken, never empty.
    #[must_use]
    pub fn source(&self, name: &str) -> SourceStatus {
        self.sources
            .get(name)
            .cloned()
            .unwrap_or_else(|| SourceStatus::Broken { reason: "not recorded".to_owned() })
    }

    /// Status of the source of a kind.
    #[must_use]
    pub fn source_of<R: Resource>(&self) -> SourceStatus {
        self.source(R::RESOURCE)
    }

    /// The newest timestamp of any object: the best guess at when it was recorded.
    #[must_use]
    pub fn newest_time(&self) -> Option<Time> {
        let pods = self.objects.pods.iter().flat_map(|pod| {
            pod.status
                .conditions
                .iter()
                .filter_map(|condition| condition.last_transition_time)
                .chain(pod.metadata.creation_timestamp)
                .chain(pod.metadata.deletion_timestamp)
        });
        let deployments = self.objects.deployments.iter().flat_map(|deployment| {
            deployment
                .status
                .conditions
                .iter()
                .filter_map(|condition| condition.last_update_time)
                .chain(deployment.metadata.creation_timestamp)
        });
        let webhooks =
            self.objects.mutating_webhooks.iter().filter_map(|webhook| webhook.metadata.creation_timestamp);
        pods.chain(deployments).chain(webhooks).max()
    }
}
