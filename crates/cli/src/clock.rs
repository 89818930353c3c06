//! The day by this machine's clock: what is still supported or accepted depends on it, and nothing else does.

use std::time::{SystemTime, UNIX_EPOCH};

use meshlift_model::time::Time;
use meshlift_planner::versions::Day;

/// Today, by UTC.
#[expect(clippy::disallowed_methods, reason = "what people decided with an end depends on the day")]
pub(crate) fn today() -> Day {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = Time::from_millis(i64::try_from(seconds).unwrap_or(0).saturating_mul(1000)).to_string();
    now.get(..10).and_then(|day| day.parse().ok()).unwrap_or_default()
}
