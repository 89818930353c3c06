//! ML1046: a rollout runs.

use meshlift_mesh::facts::RolloutState;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1046",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A rollout is running",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "wait until it has ended; meshlift awaits it and does not restart on top of it",
        why: "Somebody else is replacing these pods. Two rollouts at once cannot be told apart when one fails, \
              and what this snapshot shows of the workload is a moment in between.",
        see: "`kubectl rollout status KIND/NAME -n NAMESPACE`.",
        fix: "Let it end, then record the mesh again.",
        sources: &[
            "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progressing-deployment",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let running = context.proxied().filter(|workload| workload.state == RolloutState::Running);
    running
        .map(|workload| {
            Hit::new(&workload.workload, format!("its {} pods are being replaced", workload.replicas))
        })
        .collect()
}
