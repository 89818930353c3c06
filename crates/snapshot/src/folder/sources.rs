//! What became of each source: `sources.json`, the files, and the recorded CRDs taken together.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use meshlift_model::k8s::KINDS;
use meshlift_model::snapshot::{ReadProblem, Snapshot, SourceStatus};
use serde::{Deserialize, Serialize};

use super::{API, CRDS, ISTIOD, SOURCES};
use crate::error::SnapshotError;
use crate::kinds::is_pod_name;
use crate::limits::FILE_BYTES_MAX;
use crate::normal::ITEM_PLACE;

/// Reason of a source that has neither an entry nor a file.
pub(super) const NOT_RECORDED: &str = "it was not recorded";

/// Kinds that meshlift asks about without reading their fields: whether they are served decides who owns a
/// workload and who installed the mesh.
pub(crate) const FOREIGN_CRDS: &[&str] = &[
    "applications.argoproj.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "istiooperators.install.istio.io",
    "istiorevisions.sailoperator.io",
    "istiorevisiontags.sailoperator.io",
    "istios.sailoperator.io",
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "rollouts.argoproj.io",
    "scaledobjects.keda.sh",
];

/// `sources.json`.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct SourcesFile {
    pub(super) resources: Vec<ResourceEntry>,
    pub(super) istiod: Vec<IstiodEntry>,
    #[serde(skip_serializing)]
    pub(super) left_out: serde_json::Value,
    /// Objects that were skipped when this was read before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) problems: Vec<ReadProblem>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct ResourceEntry {
    pub(super) resource: String,
    #[serde(flatten)]
    pub(super) status: StatusEntry,
}

#[derive(Deserialize, Serialize)]
pub(super) struct IstiodEntry {
    pub(super) pod: String,
    pub(super) endpoint: String,
    #[serde(flatten)]
    pub(super) status: StatusEntry,
}

#[derive(Deserialize, Serialize)]
pub(super) struct StatusEntry {
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<&SourceStatus> for StatusEntry {
    fn from(status: &SourceStatus) -> Self {
        let (word, count, reason) = match status {
            SourceStatus::Read { count } => ("read", Some(*count), None),
            SourceStatus::Absent => ("absent", None, None),
            SourceStatus::Refused { reason } => ("refused", None, Some(reason.clone())),
            SourceStatus::Broken { reason } => ("broken", None, Some(reason.clone())),
        };
        Self { status: word.to_owned(), count, reason }
    }
}

/// Status that `sources.json` gives a source.
pub(super) struct ListedSource {
    /// With count 0 where none is given.
    pub(super) status: SourceStatus,
    count_given: bool,
}

impl From<StatusEntry> for ListedSource {
    fn from(entry: StatusEntry) -> Self {
        let reason = entry.reason.unwrap_or_else(|| "no reason given".to_owned());
        let status = match entry.status.as_str() {
            "read" => SourceStatus::Read { count: entry.count.unwrap_or(0) },
            "absent" => SourceStatus::Absent,
            "refused" => SourceStatus::Refused { reason },
            "broken" => SourceStatus::Broken { reason },
            other => {
                SourceStatus::Broken { reason: format!("sources.json gives the unknown status `{other}`") }
            }
        };
        Self { status, count_given: entry.count.is_some() }
    }
}

/// All that `sources.json` says; empty where there is none.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) resources: BTreeMap<String, ListedSource>,
    /// By pod and endpoint.
    pub(super) istiod: BTreeMap<(String, String), ListedSource>,
    pub(super) problems: Vec<ReadProblem>,
}

impl Listed {
    pub(super) fn read(path: &Path) -> Result<Self, SnapshotError> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let io = |source| SnapshotError::Io { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(io)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(io)?;
        let file: SourcesFile = serde_json::from_slice(&bytes)
            .map_err(|source| SnapshotError::Sources { path: path.to_owned(), source })?;
        let mut listed = Self { problems: file.problems, ..Self::default() };
        for (resource, why) in file.left_out.as_object().into_iter().flatten() {
            let reason = format!("left out on purpose: {}", why.as_str().unwrap_or("no reason given"));
            let status = SourceStatus::Broken { reason };
            listed.resources.insert(resource.clone(), ListedSource { status, count_given: false });
        }
        for entry in file.resources {
            listed.resources.insert(entry.resource, entry.status.into());
        }
        for entry in file.istiod {
            if !is_pod_name(&entry.pod) {
                listed.problems.push(ReadProblem {
                    source: ISTIOD.to_owned(),
                    place: SOURCES.to_owned(),
                    problem: format!("`{}` is no name of a pod; skipped", entry.pod),
                });
                continue;
            }
            listed.istiod.insert((entry.pod, entry.endpoint), entry.status.into());
        }
        Ok(listed)
    }

    /// Objects of a resource that were skipped when this folder was written.
    fn skipped(&self, resource: &str) -> usize {
        let skipped =
            |problem: &&ReadProblem| problem.source == resource && problem.place.starts_with(ITEM_PLACE);
        self.problems.iter().filter(skipped).count()
    }
}

/// What a file turned out to be: items in it, or why it cannot be read (a whole sentence).
pub(super) struct Evidence(pub(super) Result<usize, String>);

/// Gives every resource its status.
pub(super) fn settle_resources(
    listed: &Listed,
    evidence: &BTreeMap<String, Evidence>,
    snapshot: &mut Snapshot,
) {
    for (resource, source) in &listed.resources {
        let status = settle_listed(resource, source, evidence.get(resource), listed.skipped(resource));
        snapshot.sources.insert(resource.clone(), status);
    }
    for (resource, Evidence(found)) in evidence {
        let status = match found {
            Ok(count) => SourceStatus::Read { count: *count },
            Err(reason) => SourceStatus::Broken { reason: reason.clone() },
        };
        snapshot.sources.entry(resource.clone()).or_insert(status);
    }
    for kind in KINDS.iter().filter(|kind| kind.built_in) {
        snapshot.sources.entry(kind.resource.to_owned()).or_insert_with(not_recorded);
    }
    settle_crds(snapshot);
}

/// A kind without entry and file is absent only where the CRDs were read and it is not among them.
fn settle_crds(snapshot: &mut Snapshot) {
    let crds_were_read = matches!(snapshot.source(CRDS), SourceStatus::Read { .. });
    let served: Vec<String> = snapshot.objects.crds.iter().map(|crd| crd.metadata.name.clone()).collect();
    let own = KINDS.iter().filter(|kind| !kind.built_in).map(|kind| kind.resource);
    for resource in own.chain(FOREIGN_CRDS.iter().copied()) {
        let absent = crds_were_read && !served.iter().any(|name| name == resource);
        let status = || if absent { SourceStatus::Absent } else { not_recorded() };
        snapshot.sources.entry(resource.to_owned()).or_insert_with(status);
    }
}

fn not_recorded() -> SourceStatus {
    SourceStatus::Broken { reason: NOT_RECORDED.to_owned() }
}

fn settle_listed(
    resource: &str,
    source: &ListedSource,
    found: Option<&Evidence>,
    skipped: usize,
) -> SourceStatus {
    let broken = |reason: String| SourceStatus::Broken { reason };
    let known = KINDS.iter().any(|kind| kind.resource == resource);
    match (&source.status, found) {
        (SourceStatus::Read { .. }, Some(Evidence(Err(reason)))) => broken(reason.clone()),
        (SourceStatus::Read { count }, Some(Evidence(Ok(items)))) => {
            let items = items + skipped;
            if source.count_given && items != *count {
                broken(format!("sources.json counts {count}, {API}/{resource}.json holds {items}"))
            } else {
                SourceStatus::Read { count: items }
            }
        }
        // Empty lists need no file; nor does a kind of which only the count matters.
        (SourceStatus::Read { count }, None) if source.count_given && (*count == 0 || !known) => {
            source.status.clone()
        }
        (SourceStatus::Read { .. }, None) => {
            broken(format!("sources.json says that it was read, but {API}/{resource}.json is not there"))
        }
        (SourceStatus::Absent, Some(Evidence(Ok(items)))) if *items > 0 => {
            broken(format!("sources.json says that it is absent, but {API}/{resource}.json holds {items}"))
        }
        (SourceStatus::Absent | SourceStatus::Refused { .. } | SourceStatus::Broken { .. }, _) => {
            source.status.clone()
        }
    }
}
