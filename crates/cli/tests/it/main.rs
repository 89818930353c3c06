//! The binary, from outside: what it takes, what it says, and how rehearsals end.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod bad_input;
mod common;
mod documentation;
mod endings;
mod faults;
mod report_file;
mod rollback;
mod screens;
