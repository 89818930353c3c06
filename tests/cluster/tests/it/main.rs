//! The harness itself: clusters come up side by side, behave, and go.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod inside;
mod recorded;
mod rollout;
