//! ML1062: a quota that demands what a container does not say.

use meshlift_mesh::facts::{RolloutRules, Workload};
use meshlift_mesh::{InOrder, by_namespace};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{LimitRange, LimitRangeItem, Resource, ResourceQuota};

use super::limit_range::Asked;
use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1062",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A quota demands requests or limits that a container does not have",
        severity: Severity::Warn,
        consequence: Consequence::Stuck,
        offers: &[],
        may_accept_unknown: true,
        hint: "give the container what the quota counts, or the namespace a LimitRange with a default",
        why: "Where a ResourceQuota counts CPU or memory, each container of a new pod must say how much of it, init \
              containers and the sidecar too; the API server refuses a pod that does not (`must specify limits.cpu`). \
              Pods that run are not asked: a quota that was added since is met by the next pod, and the rollout stands \
              at its first one.",
        see: "`kubectl get resourcequota -n NAMESPACE -o yaml`: hard; the ReplicaSet has events `failed quota: … must \
              specify`.",
        fix: "Set `resources` of the container. For the sidecar: the annotations sidecar.istio.io/proxyCPU, proxyMemory, \
              proxyCPULimit and proxyMemoryLimit, or `global.proxy.resources`. For all of a namespace: a LimitRange with \
              `default` and `defaultRequest`.",
        sources: &[
            "https://kubernetes.io/docs/concepts/policy/resource-quotas/#compute-resource-quota",
            "https://github.com/kubernetes/kubernetes/blob/master/pkg/quota/v1/evaluator/core/pods.go",
        ],
    },
    needs: &[WORKLOADS, &["resourcequotas", "limitranges"]],
    find,
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let ranges = by_namespace(&context.objects().limit_ranges);
    let awake = context.restarted().filter(|workload| workload.replicas > 0);
    let judged = awake.filter(|workload| !matches!(workload.rules, RolloutRules::Foreign { .. }));
    judged.filter_map(|workload| hit(context, workload, &ranges)).collect()
}

fn hit(context: &Context<'_>, workload: &Workload, ranges: &InOrder<&str, Vec<&LimitRange>>) -> Option<Hit> {
    let pod = &workload.as_injected.as_ref().unwrap_or(&workload.template).spec;
    let quotas = workload.quotas.iter().filter_map(|one| context.object::<ResourceQuota>(one));
    let counts = |quota: &ResourceQuota| quota.spec.counts(pod.is_best_effort());
    let ranges = ranges.get(workload.workload.namespace.as_str()).into_iter().flatten();
    let items = ranges.flat_map(|range| &range.spec.limits);
    let defaults: Vec<&LimitRangeItem> = items.filter(|item| item.type_ == "Container").collect();
    let mut refusals = quotas.filter(|quota| counts(quota) != Some(false)).filter_map(|quota| {
        let (container, demanded) = pod.all_containers().find_map(|container| {
            let asks = Asked::of(container, &defaults);
            let mut demanded = quota.spec.hard.keys().filter(|one| asks.says(one) == Some(false));
            Some((container, demanded.next()?))
        })?;
        let quota_name = &quota.metadata.name;
        let detail =
            format!("quota {quota_name} counts {demanded}, and container {} has none", container.name);
        let hit = Hit::new(&workload.workload, detail)
            .because(format!("{} spec.hard.{demanded}", quota.object_ref()));
        let scopes =
            "whether it counts these pods goes by a scope that is not read, such as their priority class";
        Some(if counts(quota).is_none() { hit.because(scopes).unknown() } else { hit })
    });
    refusals.next()
}
