//! Reads a folder of kubectl lists: `api/RESOURCE.json`, `istiod/POD/ENDPOINT`, `version.json`, `sources.json`.
//!
//! A source that was not read whole never reads as empty: each gets a status, and what is wrong with it is
//! said where it is asked for.

pub(crate) mod istiod;
pub(crate) mod list;
mod page;
pub(crate) mod sources;
mod write;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use meshlift_model::k8s::{KINDS, with_kind};
use meshlift_model::snapshot::{ReadProblem, Snapshot, SourceStatus};
use serde::Deserialize;

pub use self::istiod::istiod_answer;
use self::list::{ListError, ReadList, count_items};
use self::sources::{Evidence, Listed};
pub use self::write::write_folder;
use crate::error::SnapshotError;
use crate::limits::FILE_BYTES_MAX;
use crate::normal::normalise;
use crate::report::ReadReport;

/// Folder of the lists.
const API: &str = "api";
/// Folder of the istiods' answers.
pub(crate) const ISTIOD: &str = "istiod";
/// What was asked.
const SOURCES: &str = "sources.json";
/// Outlines of objects that were trimmed when the folder was written.
const OUTLINES: &str = "outlines.json";
/// `kubectl version -o json`.
const VERSION: &str = "version.json";
/// Source of the server's version.
pub(crate) const VERSION_SOURCE: &str = "version";
/// Resource of the CRDs, which tell what the cluster serves.
const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Reads a folder.
pub(crate) fn read_folder(path: &Path) -> Result<(Snapshot, ReadReport), SnapshotError> {
    let api = path.join(API);
    if !api.is_dir() {
        let what = format!("it has no folder {API}/");
        return Err(SnapshotError::NoRecording { path: path.to_owned(), what });
    }
    let mut snapshot = Snapshot::default();
    let mut report = ReadReport::default();
    let listed = Listed::read(&path.join(SOURCES))?;
    snapshot.problems.clone_from(&listed.problems);

    let evidence = read_lists(&api, &mut snapshot, &mut report)?;
    if evidence.is_empty() && listed.resources.is_empty() {
        let what = format!("its folder {API}/ has no file RESOURCE.json");
        return Err(SnapshotError::NoRecording { path: path.to_owned(), what });
    }
    sources::settle_resources(&listed, &evidence, &mut snapshot);
    read_outlines(&path.join(OUTLINES), &mut snapshot);
    read_version(path, &listed, &mut snapshot);
    istiod::read_istiods(&path.join(ISTIOD), &listed, &mut snapshot)?;
    fail_if_nothing_was_read(path, &snapshot)?;
    normalise(&mut snapshot);
    Ok((snapshot, report))
}

/// Reads every list, known kinds into `snapshot`; what each file turned out to be, by resource.
fn read_lists(
    api: &Path,
    snapshot: &mut Snapshot,
    report: &mut ReadReport,
) -> Result<BTreeMap<String, Evidence>, SnapshotError> {
    let mut evidence = BTreeMap::new();
    for file in entries(api)? {
        let Some(resource) = file.strip_suffix(".json") else {
            report.unread_files.push(format!("{API}/{file}"));
            continue;
        };
        let bytes = read_file(&api.join(&file));
        let typed = ReadList { file: &file, bytes: bytes.as_deref(), snapshot, report };
        let found = match with_kind(resource, typed) {
            Some(found) => found,
            None => {
                let count = count_items(bytes.as_deref());
                report.unread_kinds.insert(resource.to_owned(), *count.as_ref().unwrap_or(&0));
                count
            }
        };
        let found = found.map_err(|ListError(reason)| format!("{API}/{file} {reason}"));
        evidence.insert(resource.to_owned(), Evidence(found));
    }
    Ok(evidence)
}

/// `kubectl version -o json`, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionFile {
    server_version: Option<ServerVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerVersion {
    git_version: String,
}

/// Outlines as they were before the objects were trimmed, where a folder has them.
fn read_outlines(file: &Path, snapshot: &mut Snapshot) {
    if !file.exists() {
        return;
    }
    let parsed = read_file(file).and_then(|bytes| {
        serde_json::from_slice::<Vec<_>>(&bytes).map_err(|error| ListError(error.to_string()))
    });
    match parsed {
        Ok(outlines) => snapshot.outlines = outlines.into_iter().collect(),
        Err(ListError(problem)) => {
            // Those of trimmed objects would say too little.
            snapshot.outlines.clear();
            let (source, place) = ("outlines".to_owned(), OUTLINES.to_owned());
            snapshot.problems.push(ReadProblem { source, place, problem: format!("{problem}; skipped") });
        }
    }
}

fn read_version(path: &Path, listed: &Listed, snapshot: &mut Snapshot) {
    let file = path.join(VERSION);
    let found = if file.exists() {
        let parsed = read_file(&file).and_then(|bytes| {
            serde_json::from_slice::<VersionFile>(&bytes).map_err(|error| ListError(error.to_string()))
        });
        match parsed {
            Ok(VersionFile { server_version: Some(server) }) => {
                snapshot.kubernetes_version = Some(server.git_version);
                SourceStatus::Read { count: 1 }
            }
            Ok(_) => SourceStatus::Broken { reason: format!("{VERSION} names no server version") },
            Err(ListError(reason)) => SourceStatus::Broken { reason: format!("{VERSION}: {reason}") },
        }
    } else {
        let status = listed.resources.get(VERSION_SOURCE).map(|listed| listed.status.clone());
        status.unwrap_or_else(|| SourceStatus::Broken { reason: format!("{VERSION} is not there") })
    };
    snapshot.sources.insert(VERSION_SOURCE.to_owned(), found);
}

/// One clear error where a folder has files of which none could be read.
fn fail_if_nothing_was_read(path: &Path, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    let statuses = || KINDS.iter().map(|kind| (kind.resource, snapshot.source(kind.resource)));
    if statuses().any(|(_, status)| matches!(status, SourceStatus::Read { .. })) {
        return Ok(());
    }
    let reasons = statuses().filter_map(|(name, status)| match status {
        SourceStatus::Read { .. } | SourceStatus::Absent => None,
        SourceStatus::Refused { reason } | SourceStatus::Broken { reason } => {
            Some((reason == sources::NOT_RECORDED, format!("{name} ({reason})")))
        }
    });
    let mut reasons: Vec<_> = reasons.collect();
    // What is there and damaged says more than what is not there.
    reasons.sort();
    let first = reasons.first().map(|(_, reason)| reason.clone()).unwrap_or_default();
    Err(SnapshotError::NothingRead { path: path.to_owned(), failed: reasons.len(), first })
}

/// Names in a folder, sorted; dot files are skipped.
fn entries(folder: &Path) -> Result<Vec<String>, SnapshotError> {
    let error = |source| SnapshotError::Io { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(error)? {
        let name = entry.map_err(error)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A whole file, under the limit.
fn read_file(path: &Path) -> Result<Vec<u8>, ListError> {
    let error = |error: std::io::Error| ListError(format!("cannot be opened: {error}"));
    let mut bytes = Vec::new();
    File::open(path).map_err(error)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ListError(format!("is over the limit of {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
