//! ML4172: waypoints that begin to send requests again.

use meshlift_mesh::facts::Role;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4172",
        layer: Layer::Ambient,
        versions: Versions::SincePatches(&[(30, 3), (31, 0)]),
        title: "A waypoint begins to retry requests by default",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that what stands behind the waypoint bears a request that arrives twice",
        why: "Until 1.30.2 a waypoint sent a request once where no route spoke of it. From 1.30.3 on it does as sidecars have \
              always done: two retries when no connection comes about, a stream is refused, or the answer is one of gRPC's \
              cancelled and unavailable (or what defaultHttpRetryPolicy of the mesh config says). Clients see fewer \
              failures; a backend in trouble sees more requests.",
        see: "`istioctl proxy-config route WAYPOINT-POD.NAMESPACE -o json | grep -c retryPolicy`.",
        fix: "To keep it: `defaultHttpRetryPolicy: {attempts: 0}` in the mesh config (sidecars and gateways obey it too), or \
              a route with retries of its own for the Services that cannot bear it.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.2/pilot/pkg/networking/core/httproute.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/networking/core/httproute.go",
        ],
    },
    needs: &[WORKLOADS, &["configmaps"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let is_off = context.mesh_configs().any(|(_, lines)| {
        let mut own = lines.skip_while(|line| line.trim_end() != "defaultHttpRetryPolicy:");
        own.any(|line| line.trim_end() == "attempts: 0")
    });
    if is_off {
        return Vec::new();
    }
    let waypoints = context.mesh.workloads.values().filter(|workload| workload.role == Role::Waypoint);
    waypoints.map(|one| Hit::new(&one.workload, "it retries nothing by default today")).collect()
}
