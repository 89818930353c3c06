//! ML2008: a restart would add a sidecar.

use meshlift_mesh::facts::Workload;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2008",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A restart would add a sidecar",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &["accept-change"],
        may_accept_unknown: true,
        hint: "choose accept-change if it is meant to enter the mesh now",
        why: "Pods run without a sidecar in a place that injects: they are older than its label, or injection \
              failed when they were made. A restart brings them into the mesh: mutual TLS, policies and the \
              sidecar's start apply from then on. That is no upgrade, and nobody may have tested it.",
        see: "`kubectl get pods -n NAMESPACE -o \
              custom-columns='NAME:.metadata.name,CONTAINERS:.spec.containers[*].name,INIT:.spec.initContainers[*].name'`: \
              no `istio-proxy` in either column.",
        fix: "Bring them into the mesh on a day of its own, or keep them out with label \
              `sidecar.istio.io/inject: \"false\"` on the template.",
        sources: &["https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.proxied().filter(|workload| context.is_injected(workload)).filter_map(hit).collect()
}

fn hit(workload: &Workload) -> Option<Hit> {
    let bare = workload.now.get(&None).copied().unwrap_or(0);
    let revision = workload.on_restart.revision.as_ref()?;
    (bare > 0).then(|| {
        Hit::new(
            &workload.workload,
            format!("{bare} pods have no sidecar and would come back with one of {revision}"),
        )
        .because(workload.on_restart.why.as_str())
    })
}
