//! ML1021: a PodDisruptionBudget that never allows an eviction.

use std::collections::BTreeSet;

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::PodDisruptionBudget;
use meshlift_model::names::ObjectRef;

use super::below_budget::desired_healthy;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1021",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A PodDisruptionBudget allows no eviction",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "let the budget allow one disruption, or add a replica, before nodes are drained",
        why: "Even with all pods healthy the budget leaves no disruption. It blocks every drain and every \
              eviction of its pods, so a node upgrade beside the mesh upgrade would hang. Rollouts ignore it.",
        see: "`kubectl get pdb -A`: ALLOWED DISRUPTIONS is 0 with all pods healthy.",
        fix: "Use `maxUnavailable: 1`, or one replica more than minAvailable.",
        sources: &["https://kubernetes.io/docs/tasks/run-application/configure-pdb/"],
    },
    needs: &[WORKLOADS, &["poddisruptionbudgets.policy"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let asked: BTreeSet<&ObjectRef> = context.restarted().flat_map(|workload| &workload.budgets).collect();
    asked.into_iter().filter_map(|reference| hit(context, reference)).collect()
}

fn hit(context: &Context<'_>, reference: &ObjectRef) -> Option<Hit> {
    let budget = context.object::<PodDisruptionBudget>(reference)?;
    let expected = context.pods_under(reference);
    let desired = desired_healthy(budget, expected);
    let allowed = budget.status.disruptions_allowed;
    (expected > 0 && desired >= expected).then(|| {
        Hit::new(reference, format!("it wants {desired} of {expected} pods: no drain can evict one"))
            .because(format!("{reference} status.disruptionsAllowed={allowed}"))
    })
}
