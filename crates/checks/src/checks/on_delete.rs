//! ML1030: strategy OnDelete.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1030",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A restart replaces no pod (OnDelete)",
        severity: Severity::Warn,
        consequence: Consequence::NotReached,
        offers: &["delete-pods"],
        may_accept_unknown: true,
        hint: "choose delete-pods: one by one, under their budget",
        why: "With update strategy OnDelete a restart changes the template and no pod; `rollout restart` \
              reports success all the same. The pods keep the old proxy until somebody deletes them.",
        see: "`kubectl get sts,ds -A -o custom-columns=:metadata.name,:spec.updateStrategy.type` says OnDelete.",
        fix: "Delete its pods one by one, each after the one before is ready, or use RollingUpdate.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#on-delete"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let subject = &workload.workload;
    (workload.rules == RolloutRules::OnDelete && workload.replicas > 0).then(|| {
        Hit::new(subject, format!("its {} pods keep their proxy until each is deleted", workload.replicas))
            .because(format!("{subject} spec.updateStrategy.type=OnDelete"))
    })
}
