//! ML3010: waypoints that are killed before their requests are answered.

use meshlift_mesh::facts::{Role, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Seconds that istiod of before 1.28 gives a waypoint.
const GRACE: i64 = 2;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3010",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A waypoint is killed two seconds after it is told to end",
        severity: Severity::Warn,
        consequence: Consequence::Gateway,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "replace it when few long requests run, and let clients try again",
        why: "istiod of before 1.28 makes waypoints with terminationGracePeriodSeconds 2. Requests and connections that take \
              longer than that are cut when the pod is replaced, also by the upgrade that brings a longer grace: the old pod \
              keeps its own. Requests of the twin are short: a rehearsal does not show it.",
        see: "`kubectl get deploy -A -l gateway.istio.io/managed=istio.io-mesh-controller -o \
              custom-columns=:metadata.namespace,:metadata.name,:spec.template.spec.terminationGracePeriodSeconds`.",
        fix: "`kubectl delete pod NAME -n NAMESPACE --grace-period=30` ends one old pod with a longer grace, once a \
              second waypoint pod serves: scale the waypoint to two before. From 1.28 on istiod leaves Kubernetes' \
              30 seconds.",
        sources: &[
            "https://github.com/istio/istio/blob/1.27.9/manifests/charts/istio-control/istio-discovery/files/waypoint.yaml",
            "https://github.com/istio/istio/blob/1.28.0/manifests/charts/istio-control/istio-discovery/files/waypoint.yaml",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let grace = workload.template.spec.termination_grace_period_seconds?;
    let is_short = workload.role == Role::Waypoint && workload.replicas > 0 && grace <= GRACE;
    is_short.then(|| Hit::new(&workload.workload, format!("its pods get {grace} s to end what they do")))
}
