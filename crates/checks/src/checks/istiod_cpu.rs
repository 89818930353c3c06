//! ML5030: istiods that their limit of CPU slows down.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::{Deployment, HorizontalPodAutoscaler};
use meshlift_model::names::ObjectRef;
use meshlift_model::quantity::thousandths;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

/// How many times its CPU an istiod should be able to take: a pod of it that restarts leaves its proxies to another one.
const FACTOR: i128 = 2;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML5030",
        layer: Layer::ControlPlane,
        versions: Versions::Any,
        title: "istiod is near its limit of CPU",
        severity: Severity::Warn,
        consequence: Consequence::Shared,
        offers: &[],
        may_accept_unknown: true,
        hint: "take the limit of CPU away from both revisions, or raise it to several times what one istiod uses",
        why: "A proxy that connects is given all of its configuration and a certificate at once: while proxies move, the new \
              revision works more than the old one does in quiet times, and so does the old one on a way back. A limit of CPU \
              stops an istiod in the midst of that: new pods wait for their configuration, and its probes may fail. The \
              charts set no limit. The twin's istiods need no CPU: a rehearsal does not show it.",
        see: "`kubectl top pods -n istio-system -l app=istiod` beside `resources.limits.cpu`.",
        fix: "Leave `resources.limits.cpu` out of the values of chart istiod (istioctl: `values.pilot.resources.limits.cpu`) for both \
              revisions, and let the request say what they need.",
        sources: &[
            "https://istio.io/latest/docs/ops/deployment/performance-and-scalability/",
            "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#how-pods-with-resource-limits-are-run",
            "https://github.com/istio/istio/blob/1.30.0/manifests/charts/istio-control/istio-discovery/values.yaml",
        ],
    },
    needs: &[WORKLOADS, &["horizontalpodautoscalers.autoscaling"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let hits = context.mesh.used_revisions().filter_map(|revision| {
        let reference = revision.deployment.as_ref()?;
        let deployment = context.object::<Deployment>(reference)?;
        let mut containers = deployment.spec.template.spec.containers.iter();
        let limit = containers.find(|one| one.name == "discovery")?.resources.limits.get("cpu")?;
        // Nobody else keeps what istiods use: where no autoscaler measures it, it is not known, as everywhere.
        let autoscaler = context.mesh.workloads.get(reference)?.autoscaler.as_ref()?;
        let status = &context.object::<HorizontalPodAutoscaler>(autoscaler)?.status;
        let mut measured = status.current_metrics.iter().filter_map(|one| one.resource.as_ref());
        let used = measured.find(|one| one.name == "cpu")?.current.average_value.as_ref()?;
        let is_near = thousandths(limit)? < thousandths(used)?.saturating_mul(FACTOR);
        let subject = ObjectRef::cluster("Revision", revision.name.as_str());
        is_near.then(|| {
            Hit::new(&subject, format!("its istiods use {used} of {limit} each, on average"))
                .because(format!("{autoscaler} status.currentMetrics cpu averageValue={used}"))
                .because(format!("{reference} resources.limits.cpu={limit}"))
        })
    });
    hits.collect()
}
