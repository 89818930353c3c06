//! When something last happened, as several effects at once see it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The last time, if there was one.
#[derive(Debug, Default)]
pub(super) struct Moment(Mutex<Option<Instant>>);

impl Moment {
    pub(super) fn set(&self, at: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// True if it was less than so long ago.
    pub(super) fn is_within(&self, span: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|at| at.elapsed() < span)
    }
}
