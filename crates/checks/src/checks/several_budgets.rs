//! ML1022: pods under more than one PodDisruptionBudget.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
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
    find: Find::Restarted(hit),
};

fn hit(_: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let budgets = &workload.budgets;
    if budgets.len() < 2 {
        return None;
    }
    let names: Vec<&str> = budgets.iter().map(|budget| budget.name.as_str()).collect();
    let detail = format!("{} cover its pods: none can be evicted", names.join(" and "));
    let hit = Hit::new(&workload.workload, detail);
    Some(budgets.iter().fold(hit, |hit, budget| hit.because(budget.to_string())))
}
