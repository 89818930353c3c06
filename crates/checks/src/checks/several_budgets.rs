//! ML1022: pods under more than one PodDisruptionBudget.

use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1022",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "More than one PodDisruptionBudget covers its pods",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "leave one budget for these pods, and take the others away",
        why: "The API server answers 500 to every eviction of a pod that two budgets cover, whatever they allow. \
              No drain gets past such a pod, and what meshlift moves by eviction stays. Rollouts go on, for they \
              do not ask budgets.",
        see: "`kubectl get pdb -n NAMESPACE -o custom-columns=:metadata.name,:spec.selector`; `kubectl drain NODE \
              --dry-run=server --ignore-daemonsets --delete-emptydir-data` says `more than one \
              PodDisruptionBudget, which the eviction subresource does not support`.",
        fix: "Narrow the selectors until one budget is left for each pod.",
        sources: &[
            "https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/#troubleshooting-stuck-evictions",
        ],
    },
    needs: &[WORKLOADS, &["poddisruptionbudgets.policy"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let several = context.restarted().filter(|workload| workload.budgets.len() > 1);
    several
        .map(|workload| {
            let names: Vec<&str> = workload.budgets.iter().map(|budget| budget.name.as_str()).collect();
            let hit = Hit::new(
                &workload.workload,
                format!("{} cover its pods: none can be evicted", names.join(" and ")),
            );
            workload.budgets.iter().fold(hit, |hit, budget| hit.because(budget.to_string()))
        })
        .collect()
}
