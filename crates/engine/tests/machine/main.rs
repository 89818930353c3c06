//! The state machine by itself: illegal records, and inputs in any order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod illegal;
mod plan;
mod random;
