//! ML1004: pods end before their clients know.

use meshlift_model::finding::{Consequence, Severity};

use super::gap::{GAP_NEEDS, gap};
use crate::check::{Check, Entry, Find, Layer, Versions};
use crate::traffic::GapCause;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1004",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Its pods end before their clients know",
        severity: Severity::Block,
        consequence: Consequence::Gap,
        offers: &["accept-loss", "failover-elsewhere"],
        may_accept_unknown: true,
        hint: "raise terminationGracePeriodSeconds, or choose accept-loss or failover-elsewhere",
        why: "Clients learn of a terminating endpoint through EndpointSlices, istiod's push, kube-proxy or a \
              load balancer, never at once. A grace of 0, or a proxy that exits 5 s after SIGTERM behind a \
              load balancer that needs longer, is gone before that even if the app does its best.",
        see: "`kubectl get pod NAME -n NAMESPACE -o jsonpath='{.spec.terminationGracePeriodSeconds}'`; the type of \
              the Services that select it; where `istio-proxy` is an ordinary container.",
        fix: "Give the pod a grace period of 30 s or more. For a classic sidecar behind a load balancer use a \
              native sidecar, or raise terminationDrainDuration beyond the load balancer's delay.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination"],
    },
    needs: GAP_NEEDS,
    find: Find::Restarted(|context, workload| {
        gap(context, workload, &[GapCause::NoGrace, GapCause::LoadBalancer])
    }),
};
