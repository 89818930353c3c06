//! Small text files: intents, plans, reports.

use std::fs::File;
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

/// Makes a folder, and those that it is in.
pub(crate) fn create_folder(path: &Path) -> Result<(), Failure> {
    let error = |source| FileError { verb: "write", path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(error)?;
    Ok(())
}

/// Writes a file: [`meshlift_snapshot::write_whole`].
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let error = |source| FileError { verb: "write", path: path.to_owned(), source };
    meshlift_snapshot::write_whole(path, text.as_bytes()).map_err(error)?;
    Ok(())
}
