//! Damaged catalogues of releases: read or refused, and gone over.
#![no_main]

#[path = "../../crates/planner/tests/it/catalogue.rs"]
mod catalogue;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catalogue::judge(bytes));
