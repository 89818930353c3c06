//! ML2003: a name that nothing serves, and no pod was injected.

use meshlift_model::finding::{Consequence, Severity};

use super::unserved::unserved;
use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2003",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "It follows a name that nothing serves, without sidecars",
        severity: Severity::Warn,
        consequence: Consequence::Unserved,
        offers: &["leave-uninjected", "relabel-namespace"],
        may_accept_unknown: true,
        hint: "nothing changes by itself (leave-uninjected); choose relabel-namespace TAG to bring it into the mesh",
        why: "The label names a revision or tag that does not exist. Its pods look as if they were in the mesh \
              and are not. An upgrade leaves that as it is: bringing pods into the mesh is a change of its own.",
        see: "`kubectl get ns -L istio.io/rev`, and no webhook configuration of that name; its pods have one \
              container less than people think.",
        fix: "Remove the label, or point it at a tag that exists and restart the pods when that is wanted.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let bare = unserved(context).into_iter().filter(|unserved| unserved.injected == 0);
    bare.map(|unserved| {
        let (name, pods) = (&unserved.name, unserved.pods);
        Hit::new(
            &unserved.subject,
            format!("it follows {name}, which nothing serves: {pods} pods without a sidecar"),
        )
        .because(format!("{} follows {name}", unserved.subject))
        .because(format!("no webhook of a revision or tag {name}"))
    })
    .collect()
}
