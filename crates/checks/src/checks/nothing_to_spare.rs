//! ML1041: one replica, held by surge alone.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1041",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "One replica: nothing to spare",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "a second replica lets retries help while one goes",
        why: "Its rollout makes the new pod before the old one goes, so there is no gap by itself. But no \
              other endpoint exists that a retry could reach, and a node that fails meanwhile takes all of it.",
        see: "`spec.replicas` is 1, and maxUnavailable resolves to 0 (25 % of 1, rounded down).",
        fix: "Run two replicas where the app allows it.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let keeps_it = matches!(workload.rules, RolloutRules::Rolling { max_unavailable: 0, .. });
    let subject = &workload.workload;
    (workload.replicas == 1 && keeps_it).then(|| {
        Hit::new(subject, "its only pod is replaced by surge").because(format!("{subject} spec.replicas=1"))
    })
}
