//! Small text files: intents, plans, reports.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

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

/// Files of YAML in the folders of a folder, in order. What cannot be read is none.
pub(crate) fn yaml_below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders: BTreeSet<PathBuf> = entries(folder).filter(|path| path.is_dir()).collect();
    let files: BTreeSet<PathBuf> = folders.iter().flat_map(|folder| entries(folder)).collect();
    files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
}
