//! ML1002: strategy Recreate.

use meshlift_model::finding::{Consequence, Severity};

use super::gap::{GAP_NEEDS, gap};
use crate::check::{Check, Entry, Find, Layer, Versions};
use crate::traffic::GapCause;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1002",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "All pods are deleted before new ones are made",
        severity: Severity::Block,
        consequence: Consequence::Gap,
        offers: &["accept-loss", "failover-elsewhere"],
        may_accept_unknown: true,
        hint: "choose accept-loss, or failover-elsewhere if another place can take its traffic meanwhile",
        why: "With strategy Recreate all pods go before the first new one is made. Until it listens there is \
              no endpoint: every request is lost.",
        see: "`kubectl get deploy NAME -n NAMESPACE -o jsonpath='{.spec.strategy.type}'` says Recreate; of a \
              StatefulSet `{.spec.updateStrategy.type}`.",
        fix: "If two versions may run side by side, use RollingUpdate; a Deployment with `maxUnavailable: 0`.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment",
        ],
    },
    needs: GAP_NEEDS,
    find: Find::Restarted(|context, workload| gap(context, workload, &[GapCause::Recreate])),
};
