//! A journal in memory: rehearsals and tests.

use meshlift_model::journal::JournalLine;
use meshlift_ports::{JournalError, JournalPort};

/// Lines in memory; they live as long as the value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryJournal {
    lines: Vec<JournalLine>,
}

impl MemoryJournal {
    /// A journal that goes on after these lines.
    #[must_use]
    pub fn from_lines(lines: Vec<JournalLine>) -> Self {
        Self { lines }
    }
}

impl JournalPort for MemoryJournal {
    fn append(&mut self, line: &JournalLine) -> Result<(), JournalError> {
        let found = self.lines.len() as u64;
        if line.sequence != found {
            return Err(JournalError::Stale { place: "memory".to_owned(), expected: line.sequence, found });
        }
        self.lines.push(line.clone());
        Ok(())
    }

    fn lines(&self) -> Result<Vec<JournalLine>, JournalError> {
        Ok(self.lines.clone())
    }
}
