//! ML5027: istiods that cannot become more.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::HorizontalPodAutoscaler;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5027",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "The autoscaler of its istiods is at its maximum",
        severity: Severity::Info,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "raise autoscaleMax of the revision that proxies move to, and of this one for a way back",
        why: "As many istiods run as may, because of their CPU. Proxies that move ask the new revision for everything at once, and \
              a way back asks the old one: what is at its maximum in quiet times answers late then, and new pods wait for their \
              configuration.",
        see: "`kubectl get hpa -n istio-system`: REPLICAS equals MAXPODS, TARGETS above its goal.",
        fix: "`--set autoscaleMax=N` (istioctl: `--set values.pilot.autoscaleMax=N`) for both revisions, or more CPU for each istiod; \
              and see that its nodes have room.",
        sources: &[
            "https://istio.io/latest/docs/ops/deployment/performance-and-scalability/",
            "https://github.com/istio/istio/blob/1.30.0/manifests/charts/istio-control/istio-discovery/templates/autoscale.yaml",
        ],
    },
    needs: &[WORKLOADS, &["horizontalpodautoscalers.autoscaling"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hits = context.mesh.used_revisions().filter_map(|revision| {
        let workload = context.mesh.workloads.get(revision.deployment.as_ref()?)?;
        let reference = workload.autoscaler.as_ref()?;
        let spec = &context.object::<HorizontalPodAutoscaler>(reference)?.spec;
        let (least, most) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
        // One that may not scale at all is not at its maximum for its load.
        let is_full = workload.replicas >= most && most > least;
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        is_full.then(|| {
            Hit::new(&subject, format!("it runs {} istiods of at most {most}", workload.replicas))
                .because(format!("{reference} spec.maxReplicas={most}"))
        })
    });
    hits.collect()
}
