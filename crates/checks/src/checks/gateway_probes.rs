//! ML3004: a gateway whose probes come by injection alone.

use meshlift_mesh::facts::{GatewayKind, Workload};
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::PodTemplateSpec;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};
use crate::traffic::PROXY;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML3004",
        layer: Layer::Gateways,
        versions: Versions::Any,
        title: "A gateway's probes come by injection alone",
        severity: Severity::Info,
        consequence: Consequence::Gateway,
        offers: &[],
        may_accept_unknown: true,
        hint: "judge it by its pods, not by its template; write the probe into the template to keep it",
        why: "The template has no readiness probe; injection adds one. Whether a new pod waits until it can \
              serve depends on the injection template of the revision that makes it.",
        see: "`kubectl get deploy NAME -n NAMESPACE -o yaml` has no readinessProbe, its pods have one.",
        fix: "Nothing has to be done as long as the new revision's injection template keeps the probe.",
        sources: &["https://istio.io/latest/docs/setup/additional-setup/gateway/"],
    },
    needs: &[WORKLOADS],
    find: Find::Restarted(hit),
};

fn hit(context: &Context<'_>, workload: &Workload) -> Option<Hit> {
    let gateway = context.gateway_of(&workload.workload)?;
    (gateway.kind == GatewayKind::Injected && by_injection_alone(workload)).then(|| {
        Hit::new(&workload.workload, "its pods have a readiness probe, its template has none")
            .because(format!("{} spec.template: {PROXY} without readinessProbe", workload.workload))
    })
}

fn by_injection_alone(workload: &Workload) -> bool {
    let probed = |template: &PodTemplateSpec| {
        let mut proxies = template.spec.all_containers().filter(|container| container.name == PROXY);
        proxies.any(|container| container.readiness_probe.is_some())
    };
    !probed(&workload.template) && workload.as_injected.as_ref().is_some_and(probed)
}
