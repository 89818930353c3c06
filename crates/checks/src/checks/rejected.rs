//! ML5001: a proxy rejects its configuration.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5001",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "A proxy rejects its configuration",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: false,
        hint: "repair the configuration that the proxy names before anything moves",
        why: "The proxy keeps its last good configuration and no longer follows changes. Made anew, it starts \
              without the rejected part: the fault is hidden until then.",
        see: "`istioctl proxy-status -v 1` (before 1.27 without `-v 1`) says ERROR; `kubectl logs -n istio-system -l \
              app=istiod --tail=-1 | grep 'ACK ERROR'`; metric pilot_total_xds_rejects.",
        fix: "The words of the rejection name the listener, cluster or filter: usually an EnvoyFilter.",
        sources: &["https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/"],
    },
    needs: &[WORKLOADS, &["istiod/syncz"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let rejecting = context.mesh.pods.values().filter_map(|pod| Some((pod, pod.nack.as_ref()?)));
    rejecting
        .map(|(pod, words)| Hit::new(&pod.pod, format!("it rejects: {words}")).because(words.as_str()))
        .collect()
}
