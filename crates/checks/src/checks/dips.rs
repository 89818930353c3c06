//! ML1042: fewer pods than desired while it rolls.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1042",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "It goes below full capacity while it rolls",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "restart it outside of its peak, or use maxUnavailable 0 with surge",
        why: "By its own rollout rules it serves with fewer pods than desired for a while. That is a dip in \
              capacity, not a loss, unless the rest cannot carry the load.",
        see: "maxUnavailable of the Deployment resolves to 1 or more; StatefulSets always miss one pod, or as many as their \
              maxUnavailable.",
        fix: "Deployments: `maxUnavailable: 0`, `maxSurge: 1`.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

const WITHOUT_SURGE: &str =
    "restart it outside of its peak, or give it one more replica: a StatefulSet has no surge";

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let (subject, all, missing) = (&workload.workload, workload.replicas, workload.may_miss());
    let kept = all - missing;
    (missing > 0 && kept > 0).then(|| {
        let hit = Hit::new(subject, format!("it serves with {kept} of {all} pods while it rolls"))
            .because(format!("{subject} may miss {missing}"));
        if workload.is_made_in_turn() { hit.hint(WITHOUT_SURGE) } else { hit }
    })
}
