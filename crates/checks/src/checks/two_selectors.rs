//! ML2001: a namespace with both selectors.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2001",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A namespace has two injection selectors",
        severity: Severity::Warn,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "keep one of the two labels; moving its istio.io/rev changes nothing while istio-injection is there",
        why: "With both labels `istio-injection` decides and `istio.io/rev` has no say. Who moves the tag or \
              the revision label sees no effect, and who removes `istio-injection` moves the whole namespace.",
        see: "`kubectl get ns -L istio-injection,istio.io/rev`.",
        fix: "Remove the label that is not meant. meshlift removes `istio.io/rev` and keeps \
              `istio-injection=enabled`, which keeps what the namespace follows.",
        sources: &["https://istio.io/latest/docs/reference/config/analysis/ist0123/"],
    },
    needs: &[&["namespaces"]],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let both = context.mesh.namespaces.values().filter(|namespace| namespace.two_selectors);
    both.map(|namespace| {
        let labels = &namespace.selector;
        let (injection, revision) =
            (labels.injection.as_deref().unwrap_or_default(), labels.rev.as_deref().unwrap_or_default());
        Hit::new(
            &ObjectRef::cluster("Namespace", &namespace.name),
            format!("istio-injection={injection} decides, istio.io/rev={revision} is ignored"),
        )
        .because(format!(
            "Namespace/{} has istio-injection={injection} and istio.io/rev={revision}",
            namespace.name
        ))
    })
    .collect()
}
