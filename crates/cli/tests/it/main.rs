//! The binary, from outside: what it takes, what it says, and how rehearsals end.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod bad_input;
#[path = "../common/mod.rs"]
mod common;
mod documentation;
mod endings;
mod faults;
mod findings;
mod golden;
mod report_file;
mod rollback;
mod sarif;
mod screens;
