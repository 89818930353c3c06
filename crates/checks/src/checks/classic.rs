//! ML1043: a classic sidecar leaves before its app.

use meshlift_mesh::facts::{ProxyKind, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1043",
        layer: Layer::Sidecars,
        versions: Versions::Any,
        title: "Its classic sidecar leaves before the app does",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "use a native sidecar, or raise terminationDrainDuration",
        why: "A classic sidecar gets SIGTERM together with the app and exits after terminationDrainDuration \
              (5 s) whatever the app still does: requests that last longer, and the app's last calls, are cut. \
              When a pod starts, the app runs before its proxy is ready, and its first calls fail, unless \
              holdApplicationUntilProxyStarts is set.",
        see: "`istio-proxy` is among `spec.containers`; annotation `sidecar.istio.io/nativeSidecar: \"false\"`, \
              or nodes with a kubelet before 1.33.",
        fix: "Native sidecars live until the app has ended. Else raise terminationDrainDuration above the \
              longest request, within the grace period.",
        sources: &["https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let count = pods_of(context, workload, ProxyKind::Classic);
    (count > 0).then(|| {
        Hit::new(&workload.workload, format!("{count} of its pods have a classic sidecar"))
            .because(format!("{} pods: istio-proxy is an ordinary container", workload.workload))
    })
}

/// Pods of the workload with that kind of proxy.
pub(super) fn pods_of(context: &Context<'_>, workload: &Workload, kind: ProxyKind) -> usize {
    context.running_pods(workload).iter().filter(|(_, facts)| facts.proxy == Some(kind)).count()
}
