//! The harness itself: clusters come up side by side, behave, and go.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests among real clocks; one that cannot go on fails"
)]

mod recorded;
mod rollout;
