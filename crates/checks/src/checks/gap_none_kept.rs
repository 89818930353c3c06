//! ML1001: no pod is kept while the workload restarts.

use meshlift_model::finding::{Consequence, Severity};

use super::gap::{GAP_NEEDS, gap};
use crate::check::{Check, Entry, Find, Layer, Versions};
use crate::traffic::GapCause;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1001",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "No pod is kept while it restarts",
        severity: Severity::Block,
        consequence: Consequence::Gap,
        offers: &["scale-up-first", "accept-loss", "failover-elsewhere"],
        may_accept_unknown: true,
        hint: "choose scale-up-first if two instances may run together, else accept-loss or failover-elsewhere",
        why: "The rollout may take away as many pods as there are before a new one is ready, so there is a \
              time without any endpoint. Every request in it is lost, whatever the app does at SIGTERM. A \
              PodDisruptionBudget does not help: controllers do not ask it.",
        see: "`kubectl get deploy NAME -n NAMESPACE -o jsonpath='{.spec.replicas} {.spec.strategy}'`: replicas minus \
              maxUnavailable (percentages of it rounded down) is 0; a StatefulSet or a bare pod has one replica; or \
              a StatefulSet's own maxUnavailable leaves none.",
        fix: "Give a Deployment `maxUnavailable: 0` and `maxSurge: 1`, or a second replica. A StatefulSet's own \
              `updateStrategy.rollingUpdate.maxUnavailable` must leave a pod. Where none of that is possible, decide in the \
              intent.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment",
        ],
    },
    needs: GAP_NEEDS,
    find: Find::Restarted(|context, workload| gap(context, workload, &[GapCause::NoneKept])),
};
