//! Damaged lists of objects: decoded, understood, judged.
#![no_main]

#[path = "../../crates/checks/tests/it/damaged.rs"]
mod damaged;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| damaged::judge(bytes));
