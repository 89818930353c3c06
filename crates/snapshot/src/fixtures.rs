//! Recorded meshes and rollouts, for tests. They are files of the source tree, so no binary carries them.

use std::fs;
use std::io;
use std::path::PathBuf;

use meshlift_model::k8s::Object;
use meshlift_model::manifest::Manifest;
use meshlift_model::snapshot::Snapshot;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::SnapshotError;
use crate::frame::{Frames, Writer};
use crate::kinds::kind_of;
use crate::redact::redact_object;

/// Stages of one hand-made upgrade of a sidecar mesh, then of an ambient mesh.
pub const CLUSTERS: &[&str] = &[
    "before",
    "canary-installed",
    "canary-moved",
    "half-moved",
    "moved",
    "after",
    "after-broken",
    "ambient-before",
    "ambient-canary-installed",
    "ambient-tag-moved",
    "ambient-frozen-tag-moved",
];

/// Namespaces whose real rollouts were recorded.
pub const ROLLOUTS: &[&str] = &["checkout", "data", "payments", "quota-tight", "web"];

/// Ending of packed files.
const ENDING: &str = "meshlift";
/// Word of the header of packed rollouts.
const ROLLOUT: &str = "rollout";
/// Frame of a rollout's events.
const EVENTS: &str = "events";

/// One event of a watch, as it reached the watcher.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct WatchEvent {
    /// Milliseconds since the watch began.
    pub at_millis: i64,
    /// What happened.
    #[serde(rename = "type")]
    pub type_: WatchEventType,
    /// The object after it; before it for `Deleted`.
    pub object: Object,
}

/// What happened to a watched object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WatchEventType {
    /// It is there, or was when the watch began.
    Added,
    /// It was changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// Where a fixture lies in the source tree: `path("clusters", "before")`.
#[must_use]
pub fn path(folder: &str, name: &str) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    fixtures.join(folder).join(format!("{name}.{ENDING}"))
}

/// A recorded mesh, by a name of [`CLUSTERS`].
///
/// # Errors
/// Where there is none of that name.
pub fn cluster(name: &str) -> Result<Snapshot, SnapshotError> {
    crate::read(&path("clusters", name))
}

/// The recorded rollouts of a namespace of [`ROLLOUTS`], in the order of arrival.
///
/// # Errors
/// Where there are none of that namespace.
pub fn rollout(namespace: &str) -> Result<Vec<WatchEvent>, SnapshotError> {
    let path = path("rollouts", namespace);
    let bytes = fs::read(&path).map_err(|source| SnapshotError::Io { path: path.clone(), source })?;
    let place = path.display().to_string();
    let mut frames = Frames::open(&bytes, ROLLOUT, &place)?;
    let mut events = Vec::new();
    while let Some(frame) = frames.next()? {
        frames.lines(&frame, |number, line| {
            let what = |error| format!("line {number}: {error}");
            events.push(
                serde_json::from_str(line)
                    .map_err(|error| SnapshotError::Damaged { place: place.clone(), what: what(error) })?,
            );
            Ok(())
        })?;
    }
    Ok(events)
}

/// What was started when during the recorded rollouts: seconds on the clock of the events, then the command.
///
/// # Errors
/// Where the file cannot be read.
pub fn rollout_commands() -> Result<String, SnapshotError> {
    let path = path("rollouts", "commands").with_extension("txt");
    fs::read_to_string(&path).map_err(|source| SnapshotError::Io { path, source })
}

/// Packs a recorded watch, one JSON object `{t, resource, type, object}` per line. Kinds that meshlift does not
/// read are left out; the order of the lines is kept.
///
/// # Errors
/// Where a line is no event.
pub fn pack_rollout(lines: &str) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    for line in lines.lines() {
        if let Some(event) = read_event(line)? {
            packed.push(serde_json::to_vec(&event)?);
        }
    }
    let mut writer = Writer::new(ROLLOUT);
    writer.frame(EVENTS, &packed)?;
    Ok(writer.finish())
}

/// A recorded line.
#[derive(Deserialize)]
struct RecordedEvent {
    /// Seconds since the watch began.
    t: f64,
    #[serde(rename = "type")]
    type_: WatchEventType,
    object: Value,
}

fn read_event(line: &str) -> io::Result<Option<WatchEvent>> {
    let recorded: RecordedEvent = serde_json::from_str(line)?;
    let text = |key: &str| recorded.object.get(key).and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = kind_of(text("kind"), text("apiVersion")) else {
        return Ok(None);
    };
    let Some(object) = Object::from_value(kind.kind, recorded.object).transpose()? else {
        return Ok(None);
    };
    let at_millis = (recorded.t * 1000.0).round() as i64;
    Ok(Some(WatchEvent { at_millis, type_: recorded.type_, object: redact_object(object) }))
}

/// Packs a manifest, as those that are built in are packed.
///
/// # Errors
/// Never for manifests that were read.
pub fn pack_manifest(manifest: &Manifest) -> io::Result<Vec<u8>> {
    crate::manifest::pack(manifest)
}
