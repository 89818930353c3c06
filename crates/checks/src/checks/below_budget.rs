//! ML1020: a rollout goes below a PodDisruptionBudget.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::PodDisruptionBudget;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1020",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Its rollout goes below its PodDisruptionBudget",
        severity: Severity::Warn,
        consequence: Consequence::BelowPdb,
        offers: &["allow-unavailable"],
        may_accept_unknown: true,
        hint: "choose allow-unavailable N if its owner agrees, or give the rollout surge in place of unavailability",
        why: "A PodDisruptionBudget holds back evictions, never a rollout: controllers delete pods without \
              asking it. What the budget promises is broken for as long as the rollout lasts.",
        see: "Replicas minus maxUnavailable (a StatefulSet: minus one, or its own maxUnavailable) is less than \
              `kubectl get pdb -n NAMESPACE` demands.",
        fix: "Deployments: `maxUnavailable: 0` with surge. StatefulSets: one more replica, or a budget that \
              allows one disruption; with a maxUnavailable of their own, a lower one.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-budgets"],
    },
    needs: &[WORKLOADS, &["poddisruptionbudgets.policy"]],
    find: Find::Restarted(hit),
};

const WITHOUT_SURGE: &str =
    "choose allow-unavailable N if its owner agrees, or give it one more replica: a StatefulSet has no surge";

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let missing = workload.may_miss();
    if missing <= 0 {
        return None;
    }
    let (budget, desired, expected) = workload
        .budgets
        .iter()
        .filter_map(|reference| {
            let expected = context.pods_under(reference);
            let budget = context.object::<PodDisruptionBudget>(reference)?;
            Some((reference, desired_healthy(budget, expected), expected))
        })
        .find(|(_, desired, expected)| expected - missing < *desired)?;
    let name = &budget.name;
    let kept = expected - missing;
    let detail =
        format!("its rollout goes down to {kept} of {expected} pods, budget {name} promises {desired}");
    let hit = Hit::new(&workload.workload, detail)
        .because(format!("{budget} wants {desired} of {expected}"))
        .because(format!("{} may miss {missing}", workload.workload));
    Some(if workload.is_made_in_turn() { hit.hint(WITHOUT_SURGE) } else { hit })
}

/// Pods that must stay healthy (`disruption.getExpectedPodCount` of Kubernetes: percentages round up).
pub(super) fn desired_healthy(budget: &PodDisruptionBudget, expected: i32) -> i32 {
    let scaled = |value: &meshlift_model::k8s::IntOrString| value.scaled(expected, true).unwrap_or(expected);
    match (&budget.spec.min_available, &budget.spec.max_unavailable) {
        (Some(least), _) => scaled(least),
        (None, Some(most)) => expected.saturating_sub(scaled(most)).max(0),
        (None, None) => 0,
    }
}
