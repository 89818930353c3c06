//! ML5002: a proxy has not acknowledged its configuration.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5002",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "A proxy has not acknowledged its configuration",
        severity: Severity::Info,
        consequence: Consequence::Blind,
        offers: &[],
        may_accept_unknown: true,
        hint: "look again in a minute; if it stays, look at the proxy's log and istiod's load",
        why: "Right after a push this is normal. If it stays, the proxy does not follow changes, and istiod may \
              be too busy for a wave of restarts.",
        see: "`istioctl proxy-status -v 1` (before 1.27 without `-v 1`) says STALE.",
        fix: "Wait; then restart the pod, or give istiod more room.",
        sources: &["https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/"],
    },
    needs: &[WORKLOADS, &["istiod/syncz"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let pods = context.mesh.pods.values();
    let stale = pods.filter(|pod| {
        pod.connected_to.is_some() && !pod.synced && pod.nack.is_none() && !pod.finished && !pod.terminating
    });
    stale.map(|pod| Hit::new(&pod.pod, "connected, and behind what istiod sent")).collect()
}
