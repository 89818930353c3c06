//! ML5013: a control plane of one istiod.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5013",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "Its control plane is a single istiod",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "run two istiods of this revision while the upgrade lasts, by its HorizontalPodAutoscaler's minReplicas",
        why: "While its one pod restarts, is evicted or is moved to another node, no pod can be injected: with \
              failurePolicy Fail restarts and autoscalers stand, with Ignore pods come without a sidecar. An upgrade \
              makes pods all the time, and every proxy that reconnects asks it at once.",
        see: "`kubectl get deploy,hpa -n istio-system -l app=istiod`.",
        fix: "Chart istiod: `--set autoscaleMin=2`; istioctl: `--set values.pilot.autoscaleMin=2`. Or replicas 2 \
              where there is no autoscaler.",
        sources: &["https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models"],
    },
    needs: &[WORKLOADS, &["horizontalpodautoscalers.autoscaling"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let single = context
        .mesh
        .used_revisions()
        .filter(|revision| revision.replicas == 1 && revision.autoscaler.is_none_or(|(least, _)| least < 2));
    single
        .map(|revision| {
            let subject = ObjectRef::cluster("Revision", revision.name.as_str());
            let hit = Hit::new(&subject, format!("one istiod serves {} pods", revision.pods));
            revision
                .deployment
                .iter()
                .fold(hit, |hit, deployment| hit.because(format!("{deployment} spec.replicas=1")))
        })
        .collect()
}
