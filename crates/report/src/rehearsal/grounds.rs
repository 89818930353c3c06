//! What the figures of a rehearsal rest on, and what it did not try: printed with every verdict.

use meshlift_model::defaults::REQUESTS_PER_SECOND;
use meshlift_model::traffic_constants as numbers;

use crate::text::figure;

/// What the figures rest on.
#[must_use]
pub fn assumptions() -> Vec<String> {
    let corner = |name: &str, app: &str, slice: i64, push: i64, proxy: i64, listens: i64| {
        format!(
            "{name} corner: apps {app} at SIGTERM; endpoints spread within {} s of debounce, slice and push; a \
             proxy is ready after {} s, an app without a probe listens after {} s",
            seconds(slice + push),
            seconds(proxy),
            seconds(listens)
        )
    };
    vec![
        corner(
            "best",
            "serve to the end of their grace",
            numbers::ENDPOINT_SLICE_FAST_MILLIS,
            numbers::PUSH_FAST_MILLIS + numbers::DEBOUNCE_QUIET_MILLIS,
            numbers::PROXY_READY_FAST_MILLIS,
            numbers::APP_LISTENS_FAST_MILLIS,
        ),
        corner(
            "worst",
            "close their listeners at once",
            numbers::ENDPOINT_SLICE_SLOW_MILLIS,
            numbers::PUSH_SLOW_MILLIS + numbers::DEBOUNCE_QUIET_MILLIS,
            numbers::PROXY_READY_SLOW_MILLIS,
            numbers::APP_LISTENS_SLOW_MILLIS,
        ),
        format!(
            "{} requests a second to every Service whose rate nobody recorded; its clients are unknown, so the \
             worse of meshed (with the route's retries) and unmeshed counts",
            figure(REQUESTS_PER_SECOND)
        ),
        "approvals are granted by the rehearsal itself; what a person must do is not".to_owned(),
        "pods find a node, images are there, nothing but the plan changes the mesh".to_owned(),
    ]
}

/// What was tried: both corners, and the way back where one was asked for.
#[must_use]
pub fn tried(rollback_after: Option<&str>) -> Vec<String> {
    let mut tried = vec![
        "the whole plan in the best corner, then in the worst: what a snapshot cannot tell (how apps stop, how fast \
         endpoints spread and pods start) at its kindest and at its harshest"
            .to_owned(),
    ];
    if let Some(step) = rollback_after {
        tried.push(format!("everything taken back once step {step} was done, from the journal of the run"));
    }
    tried
}

/// What was not tried.
#[must_use]
pub fn not_tested(rolled_back: bool) -> Vec<String> {
    let back = if rolled_back {
        "going on after a crash of meshlift"
    } else {
        "taking the whole plan back, and going on after a crash of meshlift"
    };
    [
        "faults: lost nodes, failing pulls, crashing pods, an unreachable webhook, rejected config, lost answers",
        "other hands: deploys, autoscaling by load, GitOps and people at work while the plan runs",
        back,
        "the config that the new istiod would send, beyond filters pinned to a proxy version",
        "real load: latency, memory, connection storms on istiod",
        "the six corners between the best and the worst",
    ]
    .map(ToOwned::to_owned)
    .into()
}

#[expect(clippy::cast_precision_loss, reason = "constants of a few thousand milliseconds")]
fn seconds(millis: i64) -> String {
    figure(millis as f64 / 1000.0)
}
