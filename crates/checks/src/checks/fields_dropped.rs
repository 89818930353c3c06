//! ML0005: objects with fields that the target's definitions drop or refuse.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::KindInfo;
use meshlift_model::names::ObjectRef;

use crate::check::{Check, Entry, Find, Hit, Layer, Versions};
use crate::configuration::{CONFIGURATION, configuration};
use crate::context::{Context, Definitions};
use crate::new_rules::{and_more, new_rules, of_version};
use crate::schema::misfits;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0005",
        layer: Layer::Crds,
        versions: Versions::Target,
        title: "The target's definitions do not take a field",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "move the object to fields that the target knows before its definitions are applied",
        why: "The API server drops fields that a definition does not know as soon as the definition is there, from \
              what it serves and from what is written next: the configuration loses its meaning without an error. \
              Fields of another type, words that are not enumerated, and demanded fields that are missing, make the next write of the object fail.",
        see: "`kubectl get KIND NAME -n NAMESPACE -o yaml` has the field; `grep -n 'FIELD:' MANIFEST`, MANIFEST \
              being the target's, does not find it under that kind. meshlift compares fields, their types, \
              enumerated words of 1.29 and 1.30, lengths of lists and sizes of numbers. New patterns, lengths of \
              texts, other enumerations and CEL rules it only names, as unknown, where an object has the field. It \
              does not judge kinds that it does not read, nor kinds whose definitions the manifest lacks: those of \
              the Gateway API are only in it where you appended its bundle.",
        fix: "Rename or remove the field in Git, or keep the newer definitions: a control plane works with definitions \
              of a later version. Where a rule is new, look at the words of that field beside it; from \
              Kubernetes 1.30 on a field that stays as it is may go on breaking a rule; one that changes, or an object that is made anew, may not.",
        sources: &[
            "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning",
            "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting",
            "https://istio.io/latest/docs/setup/upgrade/canary/",
        ],
    },
    needs: &[CONFIGURATION],
    find: Find::Mesh(find),
};

fn find(context: &Context<'_>) -> Vec<Hit> {
    let outlines = &context.mesh.snapshot.outlines;
    let schemas = match context.definitions {
        Definitions::NotAsked => return Vec::new(),
        Definitions::NotKnown => {
            let hint = "give the target's rendered manifest: --manifest FILE";
            return unknown(context, "no schemas of the target are known", hint);
        }
        Definitions::Known(schemas) => schemas,
    };
    if outlines.is_empty() {
        let hint = "record the mesh anew: this snapshot holds no fields of its configuration";
        return unknown(context, "their fields were not recorded", hint);
    }
    let hits = outlines.iter().filter_map(|(object, outline)| {
        let kind = KindInfo::of(&object.kind)?;
        let misfits = misfits(of_version(kind, schemas.get(kind.resource)?)?, outline);
        let hit = Hit::new(object, format!("{}{}", misfits.first()?, and_more(misfits.len())));
        Some(misfits.iter().fold(hit, |hit, misfit| hit.because(format!("{object} {misfit}"))))
    });
    hits.chain(new_rules(outlines, schemas)).collect()
}

/// That objects could not be judged, where there are any.
fn unknown(context: &Context<'_>, why: &str, hint: &str) -> Vec<Hit> {
    let objects = configuration(context.objects(), |_| true).len();
    if objects == 0 {
        return Vec::new();
    }
    let subject = ObjectRef::cluster("Cluster", "kubernetes");
    let detail = format!("whether the target takes all fields of {objects} objects cannot be judged: {why}");
    vec![Hit::new(&subject, detail).hint(hint).offers(&["accept-unknown"]).unknown()]
}
