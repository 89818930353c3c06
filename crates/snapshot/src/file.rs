//! meshlift's own file: the sections of a snapshot, packed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use meshlift_model::snapshot::Snapshot;

use crate::error::SnapshotError;
use crate::frame::{Frames, Writer};
use crate::normal::{normalise, tidy};
use crate::parts::Parts;
use crate::redact::redact_rest;
use crate::sections::{Assembly, packed_sections};

/// Word of the header.
const CONTENT: &str = "snapshot";
/// From this version of the format on, a file has once what objects have in common.
const FORMAT_WITH_PARTS: u32 = 2;
/// And from this one on, states of containers and data of ConfigMaps are among that.
const FORMAT_WITH_DATA: u32 = 3;

/// Reads a snapshot from a file's bytes.
pub(crate) fn from_bytes(bytes: &[u8], place: &str) -> Result<Snapshot, SnapshotError> {
    let mut frames = Frames::open(bytes, CONTENT, place)?;
    let in_parts = frames.format >= FORMAT_WITH_PARTS;
    let mut assembly = match frames.format {
        ..FORMAT_WITH_PARTS => Assembly::default(),
        FORMAT_WITH_PARTS..FORMAT_WITH_DATA => Assembly::of_parts(Parts::of_format_2()),
        FORMAT_WITH_DATA.. => Assembly::of_parts(Parts::default()),
    };
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
    if in_parts {
        redact_rest(&mut snapshot.objects);
        tidy(&mut snapshot);
    } else {
        normalise(&mut snapshot);
    }
    Ok(snapshot)
}

/// The bytes of a snapshot's file.
pub(crate) fn to_bytes(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    let mut snapshot = snapshot.clone();
    normalise(&mut snapshot);
    let mut writer = Writer::new(CONTENT);
    for section in packed_sections(&snapshot)? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sections::sections_of;

    #[test]
    fn files_of_whole_objects_and_of_parts_hold_the_same() {
        let snapshot = crate::demo().unwrap();
        let mut writer = Writer::of_format(CONTENT, FORMAT_WITH_PARTS - 1);
        for section in sections_of(&snapshot).unwrap() {
            writer.frame(section.name, &section.lines).unwrap();
        }
        let (whole, parts) = (writer.finish(), to_bytes(&snapshot).unwrap());
        assert_eq!(from_bytes(&parts, "x").unwrap(), snapshot);
        let old = Snapshot { outlines: Default::default(), ..snapshot };
        assert_eq!(from_bytes(&whole, "x").unwrap(), old);
        assert!(to_bytes(&old).unwrap().len() < whole.len());
    }

    #[test]
    fn an_object_whose_parts_are_not_there_is_skipped_and_said() {
        let snapshot = crate::demo().unwrap();
        let mut writer = Writer::new(CONTENT);
        let sections = packed_sections(&snapshot).unwrap();
        for section in sections.iter().filter(|section| section.name != "parts/containers") {
            writer.frame(section.name, &section.lines).unwrap();
        }
        let read = from_bytes(&writer.finish(), "x").unwrap();
        assert!(read.objects.pods.is_empty() && !read.objects.services.is_empty());
        let problem = read.problems.iter().find(|one| one.source == "pods").unwrap();
        assert_eq!(problem.problem, "its parts are not in the file; skipped");
    }
}
