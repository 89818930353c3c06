//! ML0006: what nothing here has judged, because it could not be read.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::KindInfo;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::context::Context;
use crate::new_rules::and_more;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0006",
        layer: Layer::Crds,
        versions: Versions::Any,
        title: "Objects could not be read, so nothing here has judged them",
        severity: Severity::Block,
        consequence: Consequence::Blind,
        offers: &[],
        may_accept_unknown: true,
        hint: "mend the field that the evidence names, or record the mesh again",
        why: "An object with a field of another type than Kubernetes' or Istio's own is left out: no check sees it, and no \
              wave restarts it. What would be found in it is missing from everything that is said of the mesh. An API server \
              has such objects where a definition was laxer when they were written; files have them where somebody changed \
              them.",
        see: "The evidence (`-o json`) names each object and field; `kubectl get KIND NAME -n NAMESPACE -o yaml` shows it.",
        fix: "Write the field as the kind's definition has it, or remove an object that nobody misses. In a file: record the \
              mesh again with this meshlift.",
        sources: &["https://kubernetes.io/docs/reference/using-api/api-concepts/"],
    },
    needs: &[],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let problems = &context.mesh.snapshot.problems;
    for kind in meshlift_model::k8s::KINDS {
        let of_kind: Vec<String> = problems
            .iter()
            .filter(|problem| problem.source == kind.resource)
            .map(|problem| format!("{}: {}", problem.place, problem.problem))
            .collect();
        let Some(first) = of_kind.first() else { continue };
        hits.push(hit(kind, first, &of_kind));
    }
    hits
}

fn hit(kind: &KindInfo, first: &str, all: &[String]) -> Hit {
    let subject = ObjectRef::cluster("Source", kind.resource);
    let detail = format!("of {}, {first}{}", kind.resource, and_more(all.len()));
    let hit = Hit::new(&subject, detail).offers(&["accept-unknown"]).unknown();
    all.iter().fold(hit, Hit::because)
}
