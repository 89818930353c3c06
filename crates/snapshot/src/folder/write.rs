//! Writes a snapshot as a folder of kubectl lists that reads back to the equal snapshot.

use std::fs;
use std::io;
use std::path::Path;

use meshlift_model::k8s::{KINDS, KindWork, Resource, with_kind};
use meshlift_model::snapshot::{IstiodAnswers, ProxyStatus, Snapshot, SourceStatus};
use serde::Serialize;
use serde_json::{Value, json};

use super::istiod::{ConnectionsFile, ENDPOINTS, REFUSALS, SyncEntry};
use super::sources::{IstiodEntry, ResourceEntry, SourcesFile};
use super::{API, ISTIOD, OUTLINES, SOURCES, VERSION};
use crate::error::SnapshotError;
use crate::kinds::is_pod_name;
use crate::metrics::write_metrics;
use crate::normal::normalise;

/// Writes a snapshot as `api/RESOURCE.json`, `istiod/POD/ENDPOINT`, `version.json` and `sources.json`.
///
/// Objects are trimmed to what meshlift reads. `sources.json` comes last: a folder that was not finished
/// reads as unknown where something is missing, never as empty.
///
/// # Errors
/// Where the folder holds something already or cannot be written.
pub fn write_folder(snapshot: &Snapshot, folder: &Path) -> Result<(), SnapshotError> {
    let error = |source| SnapshotError::Write { path: folder.to_owned(), source };
    if folder.exists() && fs::read_dir(folder).map_err(error)?.next().is_some() {
        return Err(SnapshotError::NotEmpty { path: folder.to_owned() });
    }
    let mut snapshot = snapshot.clone();
    normalise(&mut snapshot);
    write_all(&snapshot, folder).map_err(error)
}

fn write_all(snapshot: &Snapshot, folder: &Path) -> io::Result<()> {
    let api = folder.join(API);
    fs::create_dir_all(&api)?;
    for kind in KINDS {
        let items = with_kind(kind.resource, Items(snapshot)).unwrap_or(Ok(Vec::new()))?;
        let counted = matches!(snapshot.source(kind.resource), SourceStatus::Read { count } if count > 0);
        if counted || !items.is_empty() {
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
            write_json(&api.join(format!("{}.json", kind.resource)), &list)?;
        }
    }
    // Empty ones too: those of trimmed objects would say too little.
    write_json(&folder.join(OUTLINES), &snapshot.outlines.iter().collect::<Vec<_>>())?;
    if let Some(version) = &snapshot.kubernetes_version {
        write_json(&folder.join(VERSION), &json!({ "serverVersion": { "gitVersion": version } }))?;
    }
    for (pod, answers) in &snapshot.istiods {
        if !is_pod_name(pod) {
            return Err(io::Error::other(format!("`{pod}` is no name of a pod")));
        }
        let own = folder.join(ISTIOD).join(pod);
        fs::create_dir_all(&own)?;
        for (endpoint, file) in ENDPOINTS {
            if let Some(bytes) = answer(endpoint, answers)? {
                fs::write(own.join(file), bytes)?;
            }
        }
        if let Some(refusals) = &answers.refusals {
            write_json(&own.join(REFUSALS), refusals)?;
        }
    }
    write_json(&folder.join(SOURCES), &sources_file(snapshot))
}

struct Items<'a>(&'a Snapshot);

impl KindWork for Items<'_> {
    type Output = serde_json::Result<Vec<Value>>;

    fn run<R: Resource + Serialize + Clone>(self) -> Self::Output {
        let objects = R::list(&self.0.objects).iter();
        objects.map(|object| object.clone().into_object().to_value()).collect()
    }
}

/// An endpoint's answer as istiod words it; `None` where there is none.
fn answer(endpoint: &str, answers: &IstiodAnswers) -> io::Result<Option<Vec<u8>>> {
    let bytes = match endpoint {
        "syncz" => {
            let entries = |all: &Vec<ProxyStatus>| all.iter().map(SyncEntry::from).collect::<Vec<_>>();
            answers.syncz.as_ref().map(|all| serde_json::to_vec(&entries(all))).transpose()?
        }
        "connections" => {
            let file = answers.connections.as_ref().map(ConnectionsFile::from);
            file.map(|file| serde_json::to_vec(&file)).transpose()?
        }
        "metrics" => answers.metrics.as_ref().map(|metrics| write_metrics(metrics).into_bytes()),
        _ => answers.version.as_ref().map(|version| version.clone().into_bytes()),
    };
    Ok(bytes)
}

fn sources_file(snapshot: &Snapshot) -> SourcesFile {
    let mut file = SourcesFile { problems: snapshot.problems.clone(), ..SourcesFile::default() };
    for (name, status) in &snapshot.sources {
        match name.strip_prefix("istiod/").and_then(|rest| rest.split_once('/')) {
            Some((pod, endpoint)) => file.istiod.push(IstiodEntry {
                pod: pod.to_owned(),
                endpoint: endpoint.to_owned(),
                status: status.into(),
            }),
            None => file.resources.push(ResourceEntry { resource: name.clone(), status: status.into() }),
        }
    }
    file
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    fs::write(path, bytes)
}
