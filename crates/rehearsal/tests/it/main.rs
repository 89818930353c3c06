//! Rehearsals of recorded meshes.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod faults;
mod injection;
mod rollback;
