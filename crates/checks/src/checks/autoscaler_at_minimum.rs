//! ML1045: an autoscaler at its minimum.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::HorizontalPodAutoscaler;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML1045",
        layer: Layer::Rollout,
        versions: Versions::Any,
        title: "Its autoscaler is at its minimum",
        severity: Severity::Info,
        consequence: Consequence::Exposed,
        offers: &[],
        may_accept_unknown: true,
        hint: "raise minReplicas for the time of the restart if its load may grow",
        why: "It runs the fewest pods that its autoscaler allows: one that goes is a large share of them. The \
              autoscaler may also change the count of pods while they are replaced. New proxies need a moment more \
              CPU than old ones that are warm.",
        see: "`kubectl get hpa -n NAMESPACE`: REPLICAS equals MINPODS.",
        fix: "Raise minReplicas before its wave and lower it again afterwards.",
        sources: &["https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/"],
    },
    needs: &[WORKLOADS, &["horizontalpodautoscalers.autoscaling"]],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let reference = workload.autoscaler.as_ref()?;
    let autoscaler = context.object::<HorizontalPodAutoscaler>(reference)?;
    let (least, most) = (autoscaler.spec.min_replicas.unwrap_or(1), autoscaler.spec.max_replicas);
    (workload.replicas <= least && least < most).then(|| {
        let detail = format!("its autoscaler has it at {least} of {least} to {most} pods");
        Hit::new(&workload.workload, detail).because(format!("{reference} spec.minReplicas={least}"))
    })
}
