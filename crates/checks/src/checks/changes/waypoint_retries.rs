//! ML4172: waypoints that retry other requests.

use meshlift_mesh::facts::Role;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(crate) const CHECK: Check = Check {
    entry: Entry {
        code: "ML4172",
        layer: Layer::Ambient,
        versions: Versions::SincePatches(&[(30, 3), (31, 0)]),
        title: "A waypoint retries other requests by default",
        severity: Severity::Info,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "see that what stands behind the waypoint bears a request that arrives twice",
        why: "Where no route speaks of retries, a waypoint sent a request again when its connection was reset before the \
              backend had it (twice at most, and not on ports of gRPC). From 1.30.3 on it does as sidecars have always done: \
              two retries when no connection comes about, a stream is refused, or the answer is one of gRPC's cancelled and \
              unavailable; or what defaultHttpRetryPolicy of the mesh config says. Resets before the request are not \
              retried any more.",
        see: "`istioctl proxy-config route WAYPOINT-POD.NAMESPACE -o json | grep retryOn`.",
        fix: "Give the Services that cannot bear it a route with retries of its own (VirtualService: `retries: {attempts: 0}`). \
              defaultHttpRetryPolicy of the mesh config would do it for all, sidecars and gateways too.",
        sources: &[
            "https://github.com/istio/istio/blob/1.30.2/pilot/pkg/networking/core/httproute.go",
            "https://github.com/istio/istio/blob/1.30.3/pilot/pkg/networking/core/httproute.go",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let waypoints = context.mesh.workloads.values().filter(|workload| workload.role == Role::Waypoint);
    waypoints.map(|one| Hit::new(&one.workload, "today it retries resets before the request alone")).collect()
}
