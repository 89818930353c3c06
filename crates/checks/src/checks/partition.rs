//! ML1031: a StatefulSet with a partition.

use meshlift_mesh::facts::{PodFacts, RolloutRules, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1031",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "A restart does not reach pods below the partition",
        severity: Severity::Warn,
        consequence: Consequence::NotReached,
        offers: &["set-partition"],
        may_accept_unknown: true,
        hint: "choose set-partition 0 if nobody needs the partition any more",
        why: "A partition keeps pods with a lower ordinal on their old revision: a restart leaves them, and \
              their proxies, as they are. Somebody set it for a reason, often a canary that was forgotten.",
        see: "`kubectl get sts NAME -n NAMESPACE -o jsonpath='{.spec.updateStrategy.rollingUpdate.partition}'` is \
              not 0.",
        fix: "Find out why it is there; set it to 0.",
        sources: &["https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#partitions"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let RolloutRules::Ordered { partition, .. } = workload.rules else { return None };
    let runs_target = |facts: &PodFacts| facts.revision.as_ref().is_some_and(|one| context.is_target(one));
    let pods = context.running_pods(workload).iter().map(|(_, facts)| facts);
    let kept: Vec<&str> = pods
        .filter(|facts| ordinal(&facts.pod).is_some_and(|ordinal| ordinal < partition))
        .filter(|facts| !runs_target(facts))
        .map(|facts| facts.pod.name.as_str())
        .collect();
    (!kept.is_empty()).then(|| {
        let subject = &workload.workload;
        Hit::new(subject, format!("partition {partition} keeps {} as it is", kept.join(", ")))
            .because(format!("{subject} spec.updateStrategy.rollingUpdate.partition={partition}"))
    })
}

fn ordinal(pod: &ObjectRef) -> Option<i32> {
    pod.name.rsplit_once('-')?.1.parse().ok()
}
