//! ML1032: a bare pod.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1032",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Nothing makes this pod again",
        severity: Severity::Warn,
        consequence: Consequence::NotReached,
        offers: &["delete-bare-pod"],
        may_accept_unknown: true,
        hint: "choose delete-bare-pod: it is made anew from what is stored of it, without what injection added",
        why: "A pod without a controller cannot be restarted: deleted, it is gone. It keeps the old proxy for \
              as long as it lives, and with it the old control plane.",
        see: "`kubectl get pod NAME -n NAMESPACE -o jsonpath='{.metadata.ownerReferences}'` is empty.",
        fix: "Delete and create it again, or give it a controller.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/pods/#working-with-pods"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let subject = &workload.workload;
    (workload.rules == RolloutRules::Bare).then(|| {
        Hit::new(subject, "it has a proxy and no controller").because(format!("{subject} has no owner"))
    })
}
