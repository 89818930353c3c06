//! What the four kinds of gaps have in common.

use meshlift_mesh::facts::Workload;

use crate::check::Hit;
use crate::context::{Context, SERVICES, WORKLOADS};
use crate::traffic::{GapCause, whole_millis};

/// Sources of the traffic rule.
pub(super) const GAP_NEEDS: &[&[&str]] = &[WORKLOADS, SERVICES];

/// A workload that loses requests in the best corner for one of these causes. Gateways that take traffic
/// from outside have a hazard of their own.
pub(super) fn gap(context: &Context<'_>, workload: &Workload, causes: &[GapCause]) -> Option<Hit> {
    let subject = &workload.workload;
    let judged = context.judged.get(subject)?;
    let why = causes.iter().find_map(|cause| judged.causes.get(cause))?;
    if context.is_outside_gateway(workload) {
        return None;
    }
    let (kept, all) = (judged.restart.ready_min, judged.restart.replicas);
    let lost = whole_millis(judged.restart.exposure_millis);
    let hit = Hit::new(subject, why.clone()).because(format!("{subject} keeps {kept} of {all} pods"));
    Some(hit.because(format!("lost in the worst corner: {lost} ms × share")))
}
