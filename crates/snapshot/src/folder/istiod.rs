//! What each istiod answered: `istiod/POD/{version,syncz.json,connections.json,metrics.txt,refusals.json}`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use meshlift_model::k8s::Known;
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::{
    Connection, IstiodAnswers, ProxyStatus, ReadProblem, Snapshot, SourceStatus, SyncState, VALIDATOR,
};
use meshlift_model::time::Time;
use serde::{Deserialize, Deserializer, Serialize};

use super::list::ListError;
use super::sources::Listed;
use super::{ISTIOD, entries, read_file};
use crate::error::SnapshotError;
use crate::kinds::is_pod_name;
use crate::metrics::parse_metrics;

/// Endpoints that are read, with the file of each.
pub(crate) const ENDPOINTS: &[(&str, &str)] = &[
    ("version", "version"),
    ("syncz", "syncz.json"),
    ("connections", "connections.json"),
    ("metrics", "metrics.txt"),
];

/// What a validator refuses: objects and words. It is there only where one was asked.
pub(super) const REFUSALS: &str = "refusals.json";

/// Start of the type URLs of Envoy's resources.
const TYPES: &str = "type.googleapis.com/";

/// Entry of `/debug/syncz` (istio: pilot/pkg/xds/debug.go, `SyncStatus`). `cluster_sent` and its like are read only
/// where `resources` is absent.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct SyncEntry {
    proxy: String,
    proxy_type: String,
    istio_version: String,
    /// By type URL; absent before it was introduced.
    resources: Option<BTreeMap<String, SyncedResource>>,
    #[serde(skip_serializing)]
    cluster_sent: Option<String>,
    #[serde(skip_serializing)]
    cluster_acked: Option<String>,
    #[serde(skip_serializing)]
    listener_sent: Option<String>,
    #[serde(skip_serializing)]
    listener_acked: Option<String>,
    #[serde(skip_serializing)]
    route_sent: Option<String>,
    #[serde(skip_serializing)]
    route_acked: Option<String>,
    #[serde(skip_serializing)]
    endpoint_sent: Option<String>,
    #[serde(skip_serializing)]
    endpoint_acked: Option<String>,
    #[serde(skip_serializing)]
    extensionconfig_sent: Option<String>,
    #[serde(skip_serializing)]
    extensionconfig_acked: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct SyncedResource {
    #[serde(skip_serializing_if = "String::is_empty")]
    sent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    acked: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    last_error: String,
}

impl SyncedResource {
    /// istio: pilot/pkg/xds/statusgen.go.
    fn state(self) -> SyncState {
        if !self.last_error.is_empty() {
            SyncState::Error(self.last_error)
        } else if self.sent.is_empty() {
            SyncState::NotSent
        } else if self.acked == self.sent {
            SyncState::Synced
        } else {
            SyncState::Stale
        }
    }

    /// Nonces are not kept: any that give the same state will do.
    fn of(state: &SyncState) -> Self {
        let (sent, acked, last_error) = match state {
            SyncState::Synced => ("1", "1", ""),
            SyncState::Stale => ("2", "1", ""),
            SyncState::NotSent => ("", "", ""),
            SyncState::Error(words) => ("2", "1", words.as_str()),
        };
        Self { sent: sent.to_owned(), acked: acked.to_owned(), last_error: last_error.to_owned() }
    }
}

impl SyncEntry {
    /// By type URL, from the fields of former times.
    fn former(&mut self) -> BTreeMap<String, SyncedResource> {
        let fields = [
            ("envoy.config.cluster.v3.Cluster", &mut self.cluster_sent, &mut self.cluster_acked),
            ("envoy.config.listener.v3.Listener", &mut self.listener_sent, &mut self.listener_acked),
            ("envoy.config.route.v3.RouteConfiguration", &mut self.route_sent, &mut self.route_acked),
            (
                "envoy.config.endpoint.v3.ClusterLoadAssignment",
                &mut self.endpoint_sent,
                &mut self.endpoint_acked,
            ),
            (
                "envoy.config.core.v3.TypedExtensionConfig",
                &mut self.extensionconfig_sent,
                &mut self.extensionconfig_acked,
            ),
        ];
        let sent = fields.into_iter().filter_map(|(name, sent, acked)| {
            let sent = sent.take().filter(|nonce| !nonce.is_empty())?;
            let acked = acked.take().unwrap_or_default();
            Some((format!("{TYPES}{name}"), SyncedResource { sent, acked, ..SyncedResource::default() }))
        });
        sent.collect()
    }
}

impl From<SyncEntry> for ProxyStatus {
    fn from(mut entry: SyncEntry) -> Self {
        let resources = entry.resources.take().unwrap_or_else(|| entry.former());
        Self {
            proxy: entry.proxy,
            proxy_type: entry.proxy_type.into(),
            istio_version: entry.istio_version,
            types: resources.into_iter().map(|(url, resource)| (url, resource.state())).collect(),
        }
    }
}

/// An entry as it is kept: what else it says is gone before the next one is read.
struct Kept(ProxyStatus);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SyncEntry::deserialize(deserializer).map(|entry| Self(entry.into()))
    }
}

impl From<&ProxyStatus> for SyncEntry {
    fn from(status: &ProxyStatus) -> Self {
        let resources = status.types.iter().map(|(url, state)| (url.clone(), SyncedResource::of(state)));
        Self {
            proxy: status.proxy.clone(),
            proxy_type: status.proxy_type.to_string(),
            istio_version: status.istio_version.clone(),
            resources: Some(resources.collect()),
            ..Self::default()
        }
    }
}

/// `/debug/connections`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionsFile {
    total_clients: usize,
    #[serde(default)]
    clients: Option<Vec<ConnectionEntry>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionEntry {
    connection_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connected_at: Option<Time>,
    #[serde(default)]
    address: String,
}

impl From<&Vec<Connection>> for ConnectionsFile {
    fn from(connections: &Vec<Connection>) -> Self {
        let entry = |connection: &Connection| ConnectionEntry {
            connection_id: connection.connection_id.clone(),
            connected_at: connection.connected_at,
            address: connection.address.clone(),
        };
        Self { total_clients: connections.len(), clients: Some(connections.iter().map(entry).collect()) }
    }
}

/// Reads the folders of all istiod pods.
pub(super) fn read_istiods(
    folder: &Path,
    listed: &Listed,
    snapshot: &mut Snapshot,
) -> Result<(), SnapshotError> {
    let found = if folder.is_dir() { entries(folder)? } else { Vec::new() };
    let mut pods: BTreeSet<String> = listed.istiod.keys().map(|(pod, _)| pod.clone()).collect();
    for pod in found {
        if is_pod_name(&pod) && folder.join(&pod).is_dir() {
            pods.insert(pod);
        } else {
            snapshot.problems.push(ReadProblem {
                source: ISTIOD.to_owned(),
                place: pod,
                problem: format!("is no folder of a pod's answers ({ISTIOD}/POD/ENDPOINT); skipped"),
            });
        }
    }
    for pod in pods {
        let own = folder.join(&pod);
        let mut answers = IstiodAnswers::default();
        for (endpoint, file) in ENDPOINTS {
            let key = (pod.clone(), (*endpoint).to_owned());
            let listed = listed.istiod.get(&key).map(|source| &source.status);
            let status = read_endpoint(&own.join(file), endpoint, listed, &mut answers);
            snapshot.sources.insert(format!("{ISTIOD}/{pod}/{endpoint}"), status);
        }
        let refusals = own.join(REFUSALS);
        if refusals.exists() {
            match read_refusals(&refusals) {
                Ok(read) => answers.refusals = Some(read),
                Err(problem) => {
                    let (source, place) = (format!("{ISTIOD}/{pod}/{VALIDATOR}"), REFUSALS.to_owned());
                    snapshot.problems.push(ReadProblem { source, place, problem });
                }
            }
        }
        snapshot.istiods.insert(pod, answers);
    }
    for ((pod, endpoint), source) in &listed.istiod {
        let name = format!("{ISTIOD}/{pod}/{endpoint}");
        // Endpoints that are not read keep their status; one answer counts one.
        let status = match &source.status {
            SourceStatus::Read { .. } if endpoint == VALIDATOR => source.status.clone(),
            SourceStatus::Read { .. } => SourceStatus::Read { count: 1 },
            other => other.clone(),
        };
        snapshot.sources.entry(name).or_insert(status);
    }
    Ok(())
}

fn read_refusals(path: &Path) -> Result<BTreeMap<ObjectRef, String>, String> {
    let read = read_file(path).map_err(|ListError(why)| why)?;
    serde_json::from_slice(&read).map_err(|error| format!("cannot be understood ({error}); skipped"))
}

fn read_endpoint(
    path: &Path,
    endpoint: &str,
    listed: Option<&SourceStatus>,
    answers: &mut IstiodAnswers,
) -> SourceStatus {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match listed {
        Some(
            status @ (SourceStatus::Absent | SourceStatus::Refused { .. } | SourceStatus::Broken { .. }),
        ) => {
            return status.clone();
        }
        Some(SourceStatus::Read { .. }) if !path.exists() => {
            let reason = format!("sources.json says that it was read, but {file} is not there");
            return SourceStatus::Broken { reason };
        }
        None if !path.exists() => {
            return SourceStatus::Broken { reason: super::sources::NOT_RECORDED.to_owned() };
        }
        Some(SourceStatus::Read { .. }) | None => {}
    }
    let read = read_file(path).and_then(|bytes| istiod_answer(endpoint, &bytes, answers).map_err(ListError));
    match read {
        Ok(count) => SourceStatus::Read { count },
        Err(ListError(reason)) => SourceStatus::Broken { reason: format!("{file} {reason}") },
    }
}

/// Puts an istiod's answer of an endpoint (`syncz`, `connections`, `metrics`, `version`) in its place; yields how many
/// entries it has.
///
/// # Errors
/// The end of the sentence `FILE …`, where the answer is none of that endpoint.
pub fn istiod_answer(endpoint: &str, bytes: &[u8], answers: &mut IstiodAnswers) -> Result<usize, String> {
    let json = |error: serde_json::Error| format!("cannot be understood ({error})");
    let text = || std::str::from_utf8(bytes).map_err(|_| "is no text".to_owned());
    match endpoint {
        "syncz" => {
            let entries: Vec<Kept> = serde_json::from_slice(bytes).map_err(json)?;
            if entries.iter().any(|Kept(status)| status.proxy.is_empty()) {
                return Err("has entries without a proxy".to_owned());
            }
            let syncz: &mut Vec<_> =
                answers.syncz.insert(entries.into_iter().map(|Kept(status)| status).collect());
            // Most proxies are in one state; the next istiod's answer needs the room.
            let mut known = Known::default();
            syncz.iter_mut().for_each(|status| known.join(&mut status.types));
            syncz.shrink_to_fit();
            Ok(syncz.len())
        }
        "connections" => {
            let file: ConnectionsFile = serde_json::from_slice(bytes).map_err(json)?;
            let clients = file.clients.unwrap_or_default();
            if clients.len() != file.total_clients {
                return Err(format!("counts {} clients and lists {}", file.total_clients, clients.len()));
            }
            let connection = |entry: ConnectionEntry| Connection {
                connection_id: entry.connection_id,
                connected_at: entry.connected_at,
                address: entry.address,
            };
            Ok(answers.connections.insert(clients.into_iter().map(connection).collect()).len())
        }
        "metrics" => {
            let metrics = parse_metrics(text()?).ok_or_else(|| "holds no metrics".to_owned())?;
            Ok(answers.metrics.insert(metrics).len())
        }
        _ => {
            let version = text()?.trim();
            if version.is_empty() || version.len() > VERSION_BYTES_MAX {
                return Err("names no version".to_owned());
            }
            answers.version = Some(version.to_owned());
            Ok(1)
        }
    }
}

/// Longest answer of `/version`; more is an error page.
const VERSION_BYTES_MAX: usize = 200;
