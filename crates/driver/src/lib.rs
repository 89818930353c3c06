//! The only loop: ports → engine → journal → effects. The same code runs under command line, controller
//! and twin.

mod checked_world;
mod drive;
mod file_journal;
mod memory_journal;

pub use checked_world::CheckedWorld;
pub use drive::{DriveError, DriverPolicy, begin, drive, load};
pub use file_journal::FileJournal;
pub use memory_journal::MemoryJournal;
