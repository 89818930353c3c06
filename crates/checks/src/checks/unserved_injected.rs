//! ML2002: a name that nothing serves, and pods that would lose their sidecar.

use meshlift_model::finding::{Consequence, Severity};

use super::unserved::unserved;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2002",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "Pods with a sidecar follow a name that nothing serves",
        severity: Severity::Block,
        consequence: Consequence::Unserved,
        offers: &["relabel-namespace"],
        may_accept_unknown: false,
        hint: "choose relabel-namespace TAG, with a tag or revision that exists",
        why: "No webhook matches the label, so each pod that is made anew comes without a sidecar, silently: \
              by a restart, an eviction, a crash or an autoscaler. It leaves the mesh, and strict peers refuse it.",
        see: "`kubectl get mutatingwebhookconfiguration -L istio.io/rev,istio.io/tag` names no such revision or \
              tag.",
        fix: "Point the namespace at a tag or revision that exists, or bring the tag back, before anything restarts.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let losing = unserved(context).into_iter().filter(|unserved| unserved.injected > 0);
    losing
        .map(|unserved| {
            let (name, injected) = (&unserved.name, unserved.injected);
            let hit = Hit::new(
                &unserved.subject,
                format!("it follows {name}, which nothing serves: {injected} pods lose their sidecar when made anew"),
            )
            .because(format!("{} follows {name}", unserved.subject))
            .because(format!("no webhook of a revision or tag {name}"));
            if unserved.is_namespace {
                hit
            } else {
                hit.offers(&["hold-namespace"]).hint("change the label istio.io/rev of its pod template")
            }
        })
        .collect()
}
