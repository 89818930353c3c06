//! ML1010: the quota has no room for a surge pod.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{PodSpec, ResourceQuota};
use meshlift_model::quantity::{Ask, of_pod, thousandths};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// Why it is not known whether a quota counts some pods.
pub(super) const BY_SCOPE: &str =
    "whether it counts these pods goes by a scope that is not read, such as their priority class";

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1010",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "The quota has no room for a surge pod",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["raise-quota", "allow-unavailable"],
        may_accept_unknown: true,
        hint: "choose raise-quota 1 for the step, or allow-unavailable 1 to roll without a surge pod",
        why: "With maxUnavailable 0 a rollout needs room for one pod more before it may take one away. Where the \
              ResourceQuota is full, the new pod is refused and the rollout stands still. Raising the quota \
              revives it, but only after the controller's back-off, which may take minutes. Where more is used \
              than the quota allows, since somebody lowered it, no pod that goes comes back.",
        see: "`kubectl get resourcequota -n NAMESPACE`: used equals hard; the ReplicaSet has events `exceeded quota`.",
        fix: "Raise `spec.hard` of the quota by one pod of this kind, or set `maxUnavailable: 1`.",
        sources: &["https://kubernetes.io/docs/concepts/policy/resource-quotas/"],
    },
    needs: &[WORKLOADS, &["resourcequotas"]],
    find: Find::Restarted(hit),
};

/// The first full quota of a workload that cannot roll without surge.
pub(super) fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    // Whether a new pod must fit beside all old ones, or may take the room of one that went.
    let beside = match workload.rules {
        RolloutRules::Rolling { max_unavailable, .. } | RolloutRules::PerNode { max_unavailable, .. } => {
            max_unavailable == 0
        }
        RolloutRules::Recreate
        | RolloutRules::Ordered { .. }
        | RolloutRules::OnDelete
        | RolloutRules::Bare => false,
        RolloutRules::NextRun | RolloutRules::Foreign { .. } => return None,
    };
    if workload.replicas == 0 {
        return None;
    }
    let pod = &workload.as_injected.as_ref().unwrap_or(&workload.template).spec;
    let quotas = workload.quotas.iter().filter_map(|reference| context.object::<ResourceQuota>(reference));
    let counts = |quota: &ResourceQuota| quota.spec.counts(pod.is_best_effort());
    let counting = quotas.filter(|quota| counts(quota) != Some(false));
    let full: Vec<Full<'_>> = counting.filter_map(|quota| full(quota, pod, beside)).collect();
    // What is known comes first.
    let full = full.into_iter().min_by_key(|full| counts(full.quota).is_none())?;
    let is_known = counts(full.quota).is_some();
    let Full { quota, resource, hard, used, pods } = full;
    let name = &quota.metadata.name;
    let why = if beside {
        "a surge pod does not fit and none may be missing"
    } else {
        "a pod that goes does not come back"
    };
    let hit = Hit::new(&workload.workload, format!("quota {name} has {resource} {used}/{hard}, {why}"))
        .because(format!("ResourceQuota/{} {resource} used {used} of {hard}", quota.metadata.path()));
    if !is_known {
        return Some(hit.because(BY_SCOPE).unknown());
    }
    // Where more is used than allowed, missing pods make no room.
    if pods > 1 || !beside {
        Some(
            hit.offers(&["raise-quota"])
                .hint(format!("choose raise-quota {pods} for the step, or give it room")),
        )
    } else {
        Some(hit)
    }
}

/// A resource of a quota that has no room.
struct Full<'a> {
    quota: &'a ResourceQuota,
    resource: String,
    hard: String,
    used: String,
    /// Pods of this kind for which room is missing.
    pods: i128,
}

/// The first resource of which a new pod would ask too much, beside all old ones or in the place of one.
fn full<'a>(quota: &'a ResourceQuota, pod: &PodSpec, beside: bool) -> Option<Full<'a>> {
    let limits = if quota.status.hard.is_empty() { &quota.spec.hard } else { &quota.status.hard };
    limits.iter().find_map(|(resource, hard)| {
        let used = quota.status.used.get(resource).cloned().unwrap_or_else(|| "0".to_owned());
        let asked = asked(resource, pod).filter(|asked| *asked > 0)?;
        let more = if beside { asked } else { 0 };
        let missing = thousandths(&used)?.checked_add(more)?.checked_sub(thousandths(hard)?)?;
        let pods = missing.checked_add(asked - 1)?.checked_div(asked)?;
        let full = || Full { quota, resource: resource.clone(), hard: hard.clone(), used, pods };
        (missing > 0).then(full)
    })
}

/// What one pod asks of a quota's resource, in thousandths; `None` for what pods do not ask.
fn asked(resource: &str, pod: &PodSpec) -> Option<i128> {
    match resource {
        "pods" | "count/pods" => Some(1000),
        "cpu" | "memory" => Some(of_pod(pod, Ask::Requests, resource)),
        _ => match resource.split_once('.') {
            Some(("requests", name @ ("cpu" | "memory"))) => Some(of_pod(pod, Ask::Requests, name)),
            Some(("limits", name @ ("cpu" | "memory"))) => Some(of_pod(pod, Ask::Limits, name)),
            _ => None,
        },
    }
}
