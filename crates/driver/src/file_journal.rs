//! A journal in a file: JSON Lines, each durable before the effect that rests on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use meshlift_model::journal::JournalLine;
use meshlift_ports::{JournalError, JournalPort, line_bytes, parse_lines, whole_lines};

/// A journal in a file. Holds the file's lock: one writer at a time.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: File,
    next: u64,
    /// A line may be half written: nothing is appended behind it until the file is opened again.
    torn: bool,
}

impl FileJournal {
    /// Opens the journal, or begins an empty one. A torn last line counts as absent and is cut off.
    ///
    /// # Errors
    /// Where the file cannot be opened, is held by another process, is of a newer format, or is damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let place = path.display().to_string();
        let write =
            |error: std::io::Error| JournalError::Write { place: place.clone(), reason: error.to_string() };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(write)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let reason = "another process is driving this run".to_owned();
                return Err(JournalError::Write { place, reason });
            }
            Err(TryLockError::Error(error)) => return Err(write(error)),
        }
        let text = read(path)?;
        let whole = whole_lines(&text);
        let next = parse_lines(&place, whole)?.len() as u64;
        if whole.len() < text.len() {
            file.set_len(whole.len() as u64).map_err(write)?;
            file.sync_all().map_err(write)?;
        }
        file.seek(SeekFrom::End(0)).map_err(write)?;
        sync_folder(path).map_err(write)?;
        Ok(Self { path: path.to_owned(), file, next, torn: false })
    }

    fn write_error(&self, reason: impl ToString) -> JournalError {
        JournalError::Write { place: self.path.display().to_string(), reason: reason.to_string() }
    }
}

impl JournalPort for FileJournal {
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        if self.torn {
            return Err(self.write_error("an earlier line could not be written"));
        }
        if line.sequence != self.next {
            let place = self.path.display().to_string();
            return Err(JournalError::Stale { place, expected: line.sequence, found: self.next });
        }
        let text = line_bytes(&self.path.display().to_string(), line)?;
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        self.torn = written.is_err();
        written.map_err(|error| self.write_error(error))?;
        self.next += 1;
        Ok(())
    }

    fn lines(&self) -> Result<Vec<JournalLine>, JournalError> {
        parse_lines(&self.path.display().to_string(), &read(&self.path)?)
    }
}

/// A new file is durable once its folder is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn read(path: &Path) -> Result<Vec<u8>, JournalError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut text));
    let place = path.display().to_string();
    read.map_err(|error| JournalError::Read { place, reason: error.to_string() })?;
    Ok(text)
}
