//! The one place that asks what time it is.

use k8s_openapi::jiff::Timestamp;
use meshlift_model::time::Time;

/// Time now, by this machine's clock, to the millisecond.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a live cluster runs by the clock; the rest is told the time")]
pub fn now() -> Time {
    Time::from_millis(Timestamp::now().as_millisecond())
}

/// A time as Kubernetes writes it.
pub(crate) fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_millisecond(time.millis()).unwrap_or_default()
}
