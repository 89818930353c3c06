//! The only loop: ports → engine → journal → effects. The same code runs under command line, controller
//! and twin.

mod drive;
mod file_journal;
mod line_format;
mod memory_journal;

pub use drive::{DriveError, DriverPolicy, begin, drive, load};
pub use file_journal::FileJournal;
pub use line_format::{line_bytes, parse_line, parse_lines, whole_lines};
pub use memory_journal::MemoryJournal;
