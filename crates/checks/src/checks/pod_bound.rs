//! ML2005: a pod template that selects by itself.

use meshlift_mesh::facts::Follows;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2005",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A pod template selects its revision by itself",
        severity: Severity::Info,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "it moves when its tag moves, in a wave right after it",
        why: "Its pods follow the label of their own template, in a namespace that selects nothing. No \
              namespace label moves them; changing the template would restart them twice and fight whoever owns it.",
        see: "`spec.template.metadata.labels` has `istio.io/rev` or `sidecar.istio.io/inject`; the namespace \
              has no injection label.",
        fix: "Nothing needs fixing. Where the template names a bare revision, its owner has to change it.",
        sources: &[
            "https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy",
        ],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let bound = context.mesh.workloads.values().filter(|workload| workload.pod_bound);
    bound
        .filter_map(|workload| {
            let subject = &workload.workload;
            match &workload.follows {
                Follows::Tag { tag } => Some(Hit::new(
                    subject,
                    format!("its pods follow tag {tag} by their own label, and move with it"),
                )),
                // One that only asks for injection goes where the default goes.
                Follows::Revision { revision }
                    if !context.is_target(revision)
                        && workload.template.metadata.label(REV_LABEL).is_some() =>
                {
                    Some(
                        Hit::new(
                            subject,
                            format!(
                                "its template names revision {revision}: no tag and no namespace moves it"
                            ),
                        )
                        .severity(Severity::Warn)
                        .hint("let the owner of the template point it at a tag"),
                    )
                }
                Follows::Revision { .. } | Follows::Unserved { .. } | Follows::Nothing => None,
            }
        })
        .collect()
}
