//! Reads and writes snapshots. The one room that reads files of cluster objects.
//!
//! A snapshot has two forms that hold the same: a folder of kubectl lists ([`write_folder`]), which people
//! can look into, and meshlift's own packed file ([`write_file`]), which is small and carries a checksum.
//! [`read`] takes either. What could not be read is said, never guessed: see
//! [`SourceStatus`](meshlift_model::snapshot::SourceStatus).

mod demo;
mod error;
mod file;
#[cfg(feature = "fixtures")]
pub mod fixtures;
mod folder;
mod frame;
mod intake;
mod kinds;
pub mod limits;
pub mod live;
mod manifest;
mod metrics;
mod normal;
mod parts;
mod redact;
mod report;
mod schemas;
mod sections;
mod wire;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use meshlift_model::snapshot::Snapshot;

pub use demo::demo;
pub use error::{ManifestError, SnapshotError};
pub use file::write_whole;
pub use folder::{istiod_answer, write_folder};
pub use manifest::{
    manifest_documents, parse_manifest, read_manifest, read_whole_manifest, shipped_manifest,
};
pub use metrics::METRICS_READ;
pub use redact::redact;
pub use report::ReadReport;

/// Reads a snapshot: a file of meshlift's own, or a folder of kubectl lists.
///
/// # Errors
/// Where the whole cannot be read. Damage to single sources and objects is in the snapshot itself.
pub fn read(path: &Path) -> Result<Snapshot, SnapshotError> {
    read_with_report(path).map(|(snapshot, _)| snapshot)
}

/// Reads a snapshot, and tells what is in a folder and not read. The report of a file is empty.
///
/// # Errors
/// As [`read`].
pub fn read_with_report(path: &Path) -> Result<(Snapshot, ReadReport), SnapshotError> {
    if path.is_dir() {
        return folder::read_folder(path);
    }
    let error = |source| SnapshotError::Io { path: path.to_owned(), source };
    let place = path.display().to_string();
    let limit_bytes = limits::FILE_BYTES_MAX;
    let mut bytes = Vec::new();
    File::open(path).map_err(error)?.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(SnapshotError::TooLarge { place, what: "the file".to_owned(), limit_bytes });
    }
    Ok((file::from_bytes(&bytes, &place)?, ReadReport::default()))
}

/// Reads a snapshot from the bytes of meshlift's own file; `place` names them in errors.
///
/// # Errors
/// Where they are no snapshot, cut off, changed, of a newer format or beyond the limits.
pub fn read_bytes(bytes: &[u8], place: &str) -> Result<Snapshot, SnapshotError> {
    file::from_bytes(bytes, place)
}

/// The bytes of meshlift's own file: redacted, sorted; the same snapshot gives the same bytes.
///
/// # Errors
/// Never for snapshots that were read; the signature keeps the failure visible.
pub fn to_bytes(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    file::to_bytes(snapshot)
}

/// Writes meshlift's own file, whole or not at all.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_file(snapshot: &Snapshot, path: &Path) -> Result<(), SnapshotError> {
    let error = |source| SnapshotError::Write { path: path.to_owned(), source };
    file::write_whole(path, &to_bytes(snapshot).map_err(error)?).map_err(error)
}

/// Digest of a snapshot: sha256 in hex, the same for any order of its lists and for either form.
#[must_use]
pub fn digest(snapshot: &Snapshot) -> String {
    let mut snapshot = snapshot.clone();
    normal::normalise(&mut snapshot);
    let sections = sections::sections_of(&snapshot).unwrap_or_default();
    let mut text = Vec::new();
    // Empty sections are left out, so that a kind that is learnt later changes no digest.
    for section in sections.iter().filter(|section| !section.lines.is_empty()) {
        text.extend(section.name.as_bytes());
        for line in &section.lines {
            text.push(b'\n');
            text.extend(line);
        }
        text.extend(b"\n\n");
    }
    frame::sha256_hex(&text)
}
