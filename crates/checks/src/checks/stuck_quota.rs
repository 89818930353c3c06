//! ML1010: the quota has no room for a surge pod.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{PodSpec, ResourceQuota, StringMap};

use crate::check::{Check, Entry, Hit};
use crate::context::{Context, WORKLOADS};
use crate::quantity::thousandths;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1010",
        title: "The quota has no room for a surge pod",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &["raise-quota", "allow-unavailable"],
        may_accept_unknown: true,
        hint: "choose raise-quota 1 for the step, or allow-unavailable 1 to roll without a surge pod",
        why: "With maxUnavailable 0 a rollout needs room for one pod more before it may take one away. Where \
              the ResourceQuota is full, the new pod is refused and the rollout stands still for ever; \
              raising the quota later does not revive it until the controller's back-off ends.",
        see: "`kubectl get resourcequota -n NAMESPACE`: used equals hard; the ReplicaSet has events `exceeded quota`.",
        fix: "Raise the quota by one pod of this kind, or allow one pod to be unavailable.",
        sources: &["https://kubernetes.io/docs/concepts/policy/resource-quotas/"],
    },
    needs: &[WORKLOADS, &["resourcequotas"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.restarted().filter_map(|workload| hit(context, workload)).collect()
}

/// The first full quota of a workload that cannot roll without surge.
pub(super) fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let (RolloutRules::Rolling { max_unavailable: 0, .. } | RolloutRules::PerNode { max_unavailable: 0, .. }) =
        workload.rules
    else {
        return None;
    };
    if workload.replicas == 0 {
        return None;
    }
    let pod = &workload.as_injected.as_ref().unwrap_or(&workload.template).spec;
    let quotas = workload.quotas.iter().filter_map(|reference| context.object::<ResourceQuota>(reference));
    let (quota, resource, hard, used) =
        quotas.filter(|quota| counts(quota, pod)).find_map(|quota| full(quota, pod))?;
    let name = &quota.metadata.name;
    Some(
        Hit::new(
            &workload.workload,
            format!("quota {name} has {resource} {used}/{hard}, a surge pod does not fit and none may be missing"),
        )
        .because(format!("ResourceQuota/{} {resource} used {used} of {hard}", quota.metadata.path())),
    )
}

/// True if the quota's scopes cover the pod. What a scope says of priority classes is not read: it may.
fn counts(quota: &ResourceQuota, pod: &PodSpec) -> bool {
    let best_effort = pod
        .all_containers()
        .all(|container| container.resources.requests.is_empty() && container.resources.limits.is_empty());
    quota.spec.scopes.iter().all(|scope| match scope.as_str() {
        "Terminating" => false,
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        _ => true,
    })
}

/// The first resource of which one more pod would ask too much: name, hard limit, used.
fn full<'a>(quota: &'a ResourceQuota, pod: &PodSpec) -> Option<(&'a ResourceQuota, String, String, String)> {
    let hard = if quota.status.hard.is_empty() { &quota.spec.hard } else { &quota.status.hard };
    hard.iter().find_map(|(resource, limit)| {
        let used = quota.status.used.get(resource).cloned().unwrap_or_else(|| "0".to_owned());
        let asked = asked(resource, pod)?;
        let over = thousandths(&used)?.checked_add(asked)? > thousandths(limit)?;
        over.then(|| (quota, resource.clone(), limit.clone(), used))
    })
}

/// What one pod asks of a quota's resource, in thousandths; `None` for what pods do not ask.
fn asked(resource: &str, pod: &PodSpec) -> Option<i128> {
    let sum = |pick: fn(&meshlift_model::k8s::Resources) -> &StringMap, name: &str| {
        let running = pod
            .containers
            .iter()
            .chain(pod.init_containers.iter().filter(|container| container.restart_policy == "Always"));
        running.filter_map(|container| thousandths(pick(&container.resources).get(name)?)).sum::<i128>()
    };
    match resource {
        "pods" | "count/pods" => Some(1000),
        "cpu" | "memory" => Some(sum(|resources| &resources.requests, resource)),
        _ => match resource.split_once('.') {
            Some(("requests", name @ ("cpu" | "memory"))) => Some(sum(|resources| &resources.requests, name)),
            Some(("limits", name @ ("cpu" | "memory"))) => Some(sum(|resources| &resources.limits, name)),
            _ => None,
        },
    }
}
