//! ML1041: one replica, held by surge alone.

use meshlift_mesh::facts::RolloutRules;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
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
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let single = context.restarted().filter(|workload| {
        workload.replicas == 1 && matches!(workload.rules, RolloutRules::Rolling { max_unavailable: 0, .. })
    });
    single
        .map(|workload| {
            let subject = &workload.workload;
            Hit::new(subject, "its only pod is replaced by surge")
                .because(format!("{subject} spec.replicas=1"))
        })
        .collect()
}
