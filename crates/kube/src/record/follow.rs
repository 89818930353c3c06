//! One object, followed: whoever waits for a change looks again at once.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, WatchEvent, WatchParams};

/// How long one watch stays open: what breaks in silence delays a change for no longer.
const WATCH_SECONDS: u32 = 20;
/// Between two looks where there is no watch.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// Returns once the object may have changed since that version (none: since it was not there), or after a while.
///
/// A watch that is cut, not permitted, or whose version is too old (410) is no failure: the caller looks again after a
/// pause, and follows from what it sees then
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>).
pub(super) async fn until_changed(maps: &Api<ConfigMap>, name: &str, version: Option<&str>) {
    let params = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
    let change = async {
        let mut events = pin!(maps.watch(&params, version.unwrap_or_default()).await.ok()?);
        loop {
            match events.next().await?.ok()? {
                WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) => return Some(()),
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(_) => return None,
            }
        }
    };
    let longest = Duration::from_secs(u64::from(WATCH_SECONDS)) + LOOK;
    if !matches!(tokio::time::timeout(longest, change).await, Ok(Some(()))) {
        tokio::time::sleep(LOOK).await;
    }
}
