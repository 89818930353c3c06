//! ML2004: pinned to a bare revision.

use meshlift_mesh::facts::Follows;
use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::intent::MoveBy;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::{Context, WORKLOADS};

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML2004",
        layer: Layer::Tags,
        versions: Versions::Any,
        title: "A namespace is pinned to a bare revision",
        severity: Severity::Info,
        consequence: Consequence::Selection,
        offers: &[],
        may_accept_unknown: true,
        hint: "it moves by its own label; a tag in its place would let it move with others",
        why: "No tag move reaches it: its label has to change with every upgrade. Forgotten, it keeps the old \
              revision alive, or loses its sidecars when that is removed.",
        see: "`kubectl get ns -L istio.io/rev` names a revision that is no tag.",
        fix: "Use a tag. With `move: namespace` meshlift changes the label to the new revision; with \
              `move: tag` choose relabel-namespace.",
        sources: &["https://istio.io/latest/docs/setup/upgrade/canary/#stable-revision-labels"],
    },
    needs: &[WORKLOADS],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    context
        .mesh
        .namespaces
        .values()
        .filter_map(|namespace| {
            let Follows::Revision { revision } = &namespace.follows else { return None };
            // One that `istio-injection` chose is pinned to nothing: it goes where the default goes.
            namespace.selector.rev.as_ref()?;
            let move_by = context.intent.moves.get(&namespace.name).unwrap_or(&context.intent.move_by);
            // Pinned to where the upgrade goes is how a namespace looks while it moves.
            (!context.is_target(revision)).then(|| {
                let subject = ObjectRef::cluster("Namespace", &namespace.name);
                let hit = Hit::new(&subject, format!("istio.io/rev={revision} is a revision, no tag"))
                    .because(format!("{subject} istio.io/rev={revision}"));
                match move_by {
                    MoveBy::Namespace => hit,
                    MoveBy::Tag => hit.severity(Severity::Warn).offers(&["relabel-namespace"]),
                }
            })
        })
        .collect()
}
