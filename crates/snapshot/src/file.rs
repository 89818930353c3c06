//! meshlift's own file: the sections of a snapshot, packed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use meshlift_model::snapshot::Snapshot;

use crate::error::SnapshotError;
use crate::frame::{Frames, Writer};
use crate::normal::normalise;
use crate::sections::{Assembly, sections_of};

/// Word of the header.
const CONTENT: &str = "snapshot";

/// Reads a snapshot from a file's bytes.
pub(crate) fn from_bytes(bytes: &[u8], place: &str) -> Result<Snapshot, SnapshotError> {
    let mut frames = Frames::open(bytes, CONTENT, place)?;
    let mut assembly = Assembly::default();
    while let Some(frame) = frames.next()? {
        assembly.saw(frame.name);
        frames.lines(&frame, |number, line| {
            assembly.take(frame.name, number, line).map_err(|error| SnapshotError::Damaged {
                place: place.to_owned(),
                what: format!("frame {}, line {number}: {error}", frame.name),
            })
        })?;
    }
    let mut snapshot = assembly.finish().ok_or_else(|| frames.damaged("it has no frame head".into()))?;
    normalise(&mut snapshot);
    Ok(snapshot)
}

/// The bytes of a snapshot's file.
pub(crate) fn to_bytes(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let mut snapshot = snapshot.clone();
    normalise(&mut snapshot);
    let mut writer = Writer::new(CONTENT);
    for section in sections_of(&snapshot)? {
        writer.frame(section.name, &section.lines)?;
    }
    Ok(writer.finish())
}

/// Writes a file whole or not at all: beside its place first, then renamed. A link stays one; what is no file (a pipe,
/// `/dev/stdout`) is written as it is.
///
/// # Errors
/// Where the system refuses; the file that was there before is there still.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if path.starts_with("/dev") || (place.exists() && !place.is_file()) {
        return fs::write(&place, bytes);
    }
    let part = part_path(&place)?;
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, &place)
    };
    write().inspect_err(|_| {
        // The first error is the one that is told; a leftover is named after its process.
        let _ = fs::remove_file(&part);
    })
}

fn part_path(path: &Path) -> io::Result<PathBuf> {
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "is no file name"))?;
    let name = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(name))
}
