//! ML2012: a pod template's selector that has no say.

use meshlift_mesh::facts::Role;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2012",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A pod template's selector has no say",
        severity: Severity::Info,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "remove the label from the template, or the one from the namespace",
        why: "In a namespace that selects a revision, `istio.io/rev` of the pods is ignored: they follow the \
              namespace. Who moves the tag that the pods name sees no effect.",
        see: "`spec.template.metadata.labels` has `istio.io/rev`, and so has the namespace (or istio-injection).",
        fix: "Keep one of the two.",
        sources: &["https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let apps = context.mesh.workloads.values().filter(|workload| workload.role == Role::App);
    apps.filter_map(|workload| {
        let ignored = workload.ignored.as_ref()?;
        Some(Hit::new(&workload.workload, ignored.as_str()).because(ignored.as_str()))
    })
    .collect()
}
