//! ML2007: a restart would lose the sidecar.

use meshlift_mesh::facts::{Follows, Workload};
use meshlift_model::finding::{Consequence, Severity};

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2007",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A restart would lose the sidecar",
        severity: Severity::Block,
        consequence: Consequence::Unserved,
        offers: &["hold-namespace"],
        may_accept_unknown: false,
        hint: "find out what selected it, and bring that back before anything restarts",
        why: "Pods that run have a sidecar, and pods made now would get none: labels or webhooks changed since. \
              Any restart, eviction or crash takes the pod out of the mesh without a word; one whose template has \
              `image: auto` does not start at all, since only injection makes an image of that.",
        see: "`meshlift inspect KIND/NAMESPACE/NAME` tells which selectors it has and which webhook matches.",
        fix: "Bring back the label of the namespace or of the pod template, or the webhook.",
        sources: &["https://istio.io/latest/docs/ops/common-problems/injection/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context.proxied().filter(|workload| context.is_injected(workload)).filter_map(hit).collect()
}

fn hit(workload: &Workload) -> Option<Hit> {
    let carry: usize = workload.now.iter().filter(|(revision, _)| revision.is_some()).map(|(_, n)| n).sum();
    // A name that nothing serves is reported where the name stands.
    let elsewhere = matches!(workload.follows, Follows::Unserved { .. });
    let loses = workload.on_restart.revision.is_none() && workload.on_restart.uncertain.is_empty();
    (carry > 0 && loses && !elsewhere).then(|| {
        let why = &workload.on_restart.why;
        Hit::new(
            &workload.workload,
            format!("{carry} pods have a sidecar and would come back without: {why}"),
        )
        .because(why.as_str())
    })
}
