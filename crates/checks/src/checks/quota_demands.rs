//! ML1062: a quota that demands what a container does not say.

use meshlift_mesh::facts::Workload;
use meshlift_mesh::{InOrder, by_namespace};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Container, LimitRange, Resource, ResourceQuota};

use super::limit_range::{Asked, defaults};
use super::stuck_quota::BY_SCOPE;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1062",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A quota demands requests or limits that a container does not have",
        severity: Severity::Block,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the container what the quota counts, or the namespace a LimitRange with a default",
        why: "Where a ResourceQuota counts CPU or memory, each container of a new pod must say how much of it, init \
              containers and the sidecar too; the API server refuses a pod that does not (`must specify limits.cpu`). \
              Pods that run are not asked: a quota that was added since is met by the next pod, and the rollout stands \
              at its first one. Pods that say anything for all containers together (`spec.resources` of the \
              pod, from Kubernetes 1.34 on) are let in.",
        see: "`kubectl get resourcequota -n NAMESPACE -o yaml`: hard; the ReplicaSet has events `failed quota: … must \
              specify`.",
        fix: "Set `resources` of the container. For the sidecar: the annotations sidecar.istio.io/proxyCPU, proxyMemory, \
              proxyCPULimit and proxyMemoryLimit, all that the quota counts, as one of them takes the place of all of \
              `global.proxy.resources`. For all of a namespace: a LimitRange with `default` and `defaultRequest`.",
        sources: &[
            "https://kubernetes.io/docs/concepts/policy/resource-quotas/#compute-resource-quota",
            "https://github.com/kubernetes/kubernetes/blob/master/pkg/quota/v1/evaluator/core/pods.go",
        ],
    },
    needs: &[WORKLOADS, &["resourcequotas", "limitranges"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ranges = by_namespace(&context.objects().limit_ranges);
    context.remade().filter_map(|workload| hit(context, workload, &ranges)).collect()
}

fn hit(context: &Context<'_>, workload: &Workload, ranges: &InOrder<&str, Vec<&LimitRange>>) -> Option<Hit> {
    let pod = &context.as_injected(workload).spec;
    if workload.quotas.is_empty() || pod.asks_for_all() {
        return None;
    }
    let ranges = ranges.get(workload.workload.namespace.as_str());
    let defaults = ranges.map(|ranges| defaults(ranges)).unwrap_or_default();
    let asked: Vec<(&Container, Asked)> =
        pod.all_containers().map(|container| (container, Asked::of(container, &defaults))).collect();
    let is_best_effort = asked.iter().all(|(_, asks)| asks.is_nothing());
    let quotas = workload.quotas.iter().filter_map(|one| context.object::<ResourceQuota>(one));
    let counts = |quota: &ResourceQuota| quota.spec.counts(is_best_effort);
    let refusing = quotas.filter_map(|quota| {
        let missing: Vec<String> = asked.iter().filter_map(|one| missing(one, quota)).collect();
        (counts(quota) != Some(false) && !missing.is_empty()).then_some((quota, missing))
    });
    // What is known comes first.
    let (quota, missing) = refusing.min_by_key(|(quota, _)| counts(quota).is_none())?;
    let (name, missing) = (&quota.metadata.name, missing.join("; "));
    let detail = format!("quota {name} counts what its containers do not say: {missing}");
    let hit = Hit::new(&workload.workload, detail).because(format!("{} spec.hard", quota.object_ref()));
    Some(if counts(quota).is_none() { hit.because(BY_SCOPE).severity(Severity::Warn).unknown() } else { hit })
}

/// What a quota counts and a container does not say, in words.
fn missing((container, asks): &(&Container, Asked), quota: &ResourceQuota) -> Option<String> {
    let missing = quota.spec.hard.keys().filter(|counted| asks.says(counted) == Some(false));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    (!missing.is_empty()).then(|| format!("{} has no {}", container.name, missing.join(", ")))
}
