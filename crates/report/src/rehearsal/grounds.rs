//! What the figures of a rehearsal rest on, and what it did not try: printed with every verdict.

use meshlift_model::defaults::REQUESTS_PER_SECOND;
use meshlift_model::run_report::FaultReport;
use meshlift_model::traffic_constants as numbers;

use crate::text::figure;

/// What the figures rest on; `with_faults` where some were played.
#[must_use]
pub fn assumptions(with_faults: bool) -> Vec<String> {
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
        format!(
            "pods find a node, images are there, nothing but the plan {}changes the mesh",
            if with_faults { "and the faults that were played " } else { "" }
        ),
    ]
}

/// What was tried: both corners, the faults that struck, and the way back where one was asked for.
#[must_use]
pub fn tried(rollback_after: Option<&str>, faults: &[FaultReport]) -> Vec<String> {
    let mut tried = vec![
        "the whole plan in the best corner, then in the worst: what a snapshot cannot tell (how apps stop, how fast \
         endpoints spread and pods start) at its kindest and at its harshest"
            .to_owned(),
    ];
    let struck = faults.iter().filter(|fault| fault.at.is_some());
    tried.extend(struck.map(|fault| format!("{}: {} {}", fault.kind, fault.object, fault.detail)));
    if let Some(step) = rollback_after {
        tried.push(format!("everything taken back once step {step} was done, from the journal of the run"));
    }
    tried
}

/// What was not tried, beyond the faults that struck and the rollback where one was asked for.
#[must_use]
pub fn not_tested(rolled_back: bool, faults: &[FaultReport]) -> Vec<String> {
    let mut struck = faults.iter().filter(|fault| fault.at.is_some());
    let (other, hands) = if struck.clone().next().is_some() {
        (
            "other faults: lost nodes, failing pulls, an unreachable webhook, rejected config, lost answers",
            "other hands beyond those faults: GitOps, scaling down, deletions; requests that a crash itself loses",
        )
    } else {
        (
            "faults: lost nodes, failing pulls, crashing pods, an unreachable webhook, rejected config, lost answers",
            "other hands: deploys, autoscaling by load, GitOps and people at work while the plan runs",
        )
    };
    let back = match (rolled_back, struck.any(|fault| fault.kind == "own-crash")) {
        (false, false) => Some("taking the whole plan back, and going on after a crash of meshlift"),
        (false, true) => Some("taking the whole plan back"),
        (true, false) => Some("going on after a crash of meshlift"),
        (true, true) => None,
    };
    let rest = [
        "the config that the new istiod would send, beyond filters pinned to a proxy version",
        "real load: latency, memory, connection storms on istiod",
        "the six corners between the best and the worst",
    ];
    [other, hands].into_iter().chain(back).chain(rest).map(ToOwned::to_owned).collect()
}

#[expect(clippy::cast_precision_loss, reason = "constants of a few thousand milliseconds")]
fn seconds(millis: i64) -> String {
    figure(millis as f64 / 1000.0)
}
