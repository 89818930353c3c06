//! Small text files: intents, plans, reports.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::failure::{Failure, FileError};

/// Largest text file that is read, in bytes; what a file is says its reader.
const TEXT_BYTES_MAX: u64 = 1 << 28;

/// Text of a file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let error = |source| FileError { verb: "read", path: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).map_err(error)?.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(error)?;
    Ok(text)
}

/// Writes a file, whole or not at all. A link stays one; what is no file (a pipe, `/dev/stdout`) is written as it is.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let error = |source| FileError { verb: "write", path: path.to_owned(), source };
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_device = path.starts_with("/dev") || (place.exists() && !place.is_file());
    let written = if is_device {
        fs::write(&place, text)
    } else {
        meshlift_snapshot::write_atomically(&place, text.as_bytes())
    };
    Ok(written.map_err(error)?)
}
