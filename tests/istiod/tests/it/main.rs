//! The stand-in against recordings of real istiods.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ads;
mod pages;
mod recorded;
