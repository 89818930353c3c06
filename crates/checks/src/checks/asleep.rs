//! ML1047: a workload that has no pods now.

use meshlift_mesh::facts::RolloutRules;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1047",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "It has no pods now, and starts on whatever it follows then",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "nothing to restart; try it once after the upgrade, for nobody will have seen it start",
        why: "A workload that is scaled to zero is not restarted by an upgrade, and proves nothing in it. Whoever \
              scales it up later, perhaps at night, is the first to run it with the new proxy.",
        see: "`kubectl get deploy,sts -A`: READY is 0/0.",
        fix: "Scale it up once while the old revision is still there.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#scaling-a-deployment",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let scaled = |rules: &RolloutRules| {
        matches!(rules, RolloutRules::Rolling { .. } | RolloutRules::Recreate | RolloutRules::Ordered { .. })
    };
    let asleep = context
        .proxied()
        .filter(|workload| workload.replicas == 0 && workload.pods.is_empty() && scaled(&workload.rules));
    asleep
        .map(|workload| {
            let next =
                workload.on_restart.revision.as_ref().map_or("no revision", |revision| revision.as_str());
            Hit::new(&workload.workload, format!("its next pod gets a sidecar of {next}, as things are"))
                .because(format!("{} spec.replicas=0", workload.workload))
        })
        .collect()
}
