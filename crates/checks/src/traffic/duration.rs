//! How long a restart takes, predicted from its limits, probes and minReadySeconds.

use meshlift_model::traffic_constants as c;

use super::pod::{PodShape, ProxyShape};
use super::rule::{Limits, first_success_millis};

/// Seconds of a whole restart with usual starts; apps are taken to use their whole grace.
pub(super) fn seconds(limits: &Limits, shape: &PodShape) -> i64 {
    let per_batch = start_millis(shape) + limits.min_ready_millis;
    let old = if limits.after_old { shape.grace_millis } else { 0 };
    let batches = i64::from((limits.replicas + limits.batch() - 1) / limits.batch());
    let starts = if limits.in_turn { i64::from(limits.replicas) } else { batches };
    let last = if limits.after_old { 0 } else { shape.grace_millis };
    (starts * per_batch + batches * old + last + 999) / 1000
}

fn start_millis(shape: &PodShape) -> i64 {
    let app = shape
        .apps
        .iter()
        .map(|app| match app.probe {
            Some(probe) => first_success_millis(probe, c::APP_LISTENS_USUAL_MILLIS),
            None => 0,
        })
        .max()
        .unwrap_or(0);
    match shape.proxy {
        ProxyShape::Native => c::PROXY_READY_USUAL_MILLIS + app,
        ProxyShape::Classic(_) | ProxyShape::Gateway(_) => c::PROXY_READY_USUAL_MILLIS.max(app),
    }
}
