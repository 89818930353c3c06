//! ML1011: a rollout that cannot go on.

use meshlift_mesh::facts::{RolloutState, Workload};
use meshlift_model::finding::{Consequence, Severity};

use super::stuck_quota;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1011",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A rollout is stuck",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["hold-namespace"],
        may_accept_unknown: true,
        hint: "find out why the rollout does not go on, and let it finish or undo it first",
        why: "A rollout that already stands still says nothing about the proxies that it should bring: a \
              restart on top of it would stand still for the same reason.",
        see: "`kubectl rollout status KIND/NAME -n NAMESPACE` fails with `exceeded its progress deadline` (a \
              Deployment), or waits for ever (a StatefulSet or DaemonSet).",
        fix: "Look at its newest ReplicaSet and its pods (`kubectl describe rs,pod -n NAMESPACE`); repair the cause, \
              or `kubectl rollout undo KIND/NAME -n NAMESPACE`.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#failed-deployment"],
    },
    needs: &[WORKLOADS, &["resourcequotas"]],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let RolloutState::Stuck { why } = &workload.state else { return None };
    // A full quota is reported as such, with the choices that cure it.
    stuck_quota::hit(context, workload).is_none().then(|| {
        Hit::new(&workload.workload, format!("its rollout cannot go on: {why}")).because(why.as_str())
    })
}
