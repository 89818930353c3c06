//! ML0005: objects with fields that the target's definitions drop or refuse.

use meshlift_model::finding::{Consequence, Severity};
use meshlift_model::k8s::KindInfo;
use meshlift_model::names::ObjectRef;
use serde_json::Value;

use crate::check::{Check, Entry, Hit, Layer, Versions};
use crate::configuration::{CONFIGURATION, configuration};
use crate::context::{Context, Definitions};
use crate::schema::misfits;

pub(super) const CHECK: Check = Check {
    entry: Entry {
        code: "ML0005",
        layer: Layer::Crds,
        versions: Versions::Any,
        title: "The target's definitions do not take a field",
        severity: Severity::Block,
        consequence: Consequence::Behaviour,
        offers: &[],
        may_accept_unknown: true,
        hint: "move the object to fields that the target knows before its definitions are applied",
        why: "The API server drops fields that a definition does not know as soon as the definition is there, from \
              what it serves and from what is written next: the configuration loses its meaning without an error. \
              Fields of another type, words that are not enumerated, and demanded fields that are missing, make the next write of the object fail.",
        see: "`kubectl get KIND NAME -n NAMESPACE -o yaml`, beside the schema in the target's manifest. Compared are \
              fields, their types and alternatives, enumerated words of 1.29 and 1.30, lengths of lists and sizes of \
              numbers; patterns and CEL rules are not, nor kinds that meshlift does not read or whose definitions are not \
              in the manifest, such as the Gateway API's where its bundle is not appended to it.",
        fix: "Rename or remove the field in Git, or keep the newer definitions: a control plane works with definitions \
              of a later version.",
        sources: &[
            "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning",
            "https://istio.io/latest/docs/setup/upgrade/canary/",
        ],
    },
    needs: &[CONFIGURATION],
    find,
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
    let schema = |object: &ObjectRef| -> Option<&Value> {
        let kind = KindInfo::of(&object.kind)?;
        let (_, version) = kind.api_version.split_once('/')?;
        let versions = schemas.get(kind.resource)?;
        versions.get(version).or_else(|| versions.values().last())
    };
    let hits = outlines.iter().filter_map(|(object, outline)| {
        let misfits = misfits(schema(object)?, outline);
        let more = match misfits.len() {
            0 | 1 => String::new(),
            all => format!(", and {} more", all - 1),
        };
        let hit = Hit::new(object, format!("{}{more}", misfits.first()?));
        Some(misfits.iter().fold(hit, |hit, misfit| hit.because(format!("{object} {misfit}"))))
    });
    hits.collect()
}

/// That objects could not be judged, where there are any.
fn unknown(context: &Context<'_>, why: &str, hint: &str) -> Vec<Hit> {
    let objects = configuration(context.objects(), |_| true).len();
    if objects == 0 {
        return Vec::new();
    }
    let subject = ObjectRef::cluster("Cluster", "kubernetes");
    let detail = format!("whether the target takes all fields of {objects} objects cannot be judged: {why}");
    vec![Hit::new(&subject, detail).severity(Severity::Info).hint(hint).unknown()]
}
