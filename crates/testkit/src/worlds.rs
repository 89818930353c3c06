//! Meshes that have everything: the clean ones, as they are, with each hazard, and with an object of every kind.

use meshlift_model::k8s::{CustomResourceDefinition, KINDS, KindInfo, Resource, Telemetry};
use meshlift_model::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::full::full;
use crate::mutations::{Base, Mutation, TARGET, add_value, all_run, mutations};

/// What is put into a clean mesh.
#[derive(Clone, Copy, Debug)]
pub enum With {
    /// Nothing.
    Nothing,
    /// A hazard: most kinds of Istio's configuration are in such meshes alone.
    Hazard(Mutation),
    /// What looks alike and is in order.
    NearMiss(Mutation),
    /// One object of every kind, with all its fields ([`made`]). It runs a version from before all changes that are known.
    EveryKind,
}

/// A mesh, by what it is made of.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// The clean mesh.
    pub base: Base,
    /// What is put into it.
    pub with: With,
}

/// From before all changes, and after them.
const OLDEST: &str = "1.22.6";
const NEWEST: &str = "1.31.1";

impl World {
    /// All of them; the clean meshes come first, in the order of [`Base::ALL`].
    #[must_use]
    pub fn all() -> Vec<Self> {
        let clean = Base::ALL.map(|base| Self { base, with: With::Nothing });
        let every_kind = Base::ALL.map(|base| Self { base, with: With::EveryKind });
        let changed = mutations().into_iter().flat_map(|one| {
            [With::Hazard(one), With::NearMiss(one)].map(|with| Self { base: one.base, with })
        });
        clean.into_iter().chain(every_kind).chain(changed).collect()
    }

    /// The mesh, from the clean one and its recording.
    #[must_use]
    pub fn mesh(&self, clean: &Snapshot, recording: &Snapshot) -> Snapshot {
        let mut mesh = clean.clone();
        match self.with {
            With::Nothing => {}
            With::Hazard(mutation) => {
                mutation.prepare(&mut mesh);
                (mutation.plant)(&mut mesh, recording);
            }
            With::NearMiss(mutation) => {
                mutation.prepare(&mut mesh);
                (mutation.near_miss)(&mut mesh, recording);
            }
            With::EveryKind => {
                all_run(&mut mesh, OLDEST);
                mesh.objects.crds.retain(|one| one.metadata.name != Telemetry::RESOURCE);
                made(self.base).into_iter().for_each(|(kind, value)| add_value(&mut mesh, kind.kind, value));
                mesh.objects.sort();
            }
        }
        mesh
    }

    /// Version to go to.
    #[must_use]
    pub fn target(&self) -> &'static str {
        match self.with {
            With::Nothing => TARGET,
            With::Hazard(mutation) => mutation.target,
            With::NearMiss(mutation) => mutation.from_target,
            With::EveryKind => NEWEST,
        }
    }
}

/// One object of every kind with all its fields, as JSON, for an app of the mesh, and a definition with the rules that
/// definitions have: of these a type keeps nothing.
#[must_use]
pub fn made(base: Base) -> Vec<(&'static KindInfo, Value)> {
    let app = match base {
        Base::Sidecars | Base::TwoRevisions => ("web", "bff"),
        Base::Ambient => ("streams", "broker"),
    };
    let definitions = KindInfo::of(CustomResourceDefinition::KIND);
    let definition = definitions.map(|kind| (kind, definition()));
    KINDS.iter().map(|kind| (kind, full(kind, app))).chain(definition).collect()
}

fn definition() -> Value {
    let rules = json!({
        "enum": ["a"], "exclusiveMaximum": true, "exclusiveMinimum": true, "format": "uri", "maxLength": 9,
        "minLength": 1, "multipleOf": 2, "pattern": "^a", "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "it stays"}],
    });
    let spec = json!({"properties": {
        "tracing": {"items": rules, "oneOf": [rules], "allOf": [rules]},
        "selector": {"additionalProperties": rules, "anyOf": [rules]},
    }});
    let schema = json!({"openAPIV3Schema": {"properties": {"spec": spec}}});
    let versions = json!([{"name": "v1", "served": true, "storage": true, "schema": schema}]);
    let spec =
        json!({"group": "telemetry.istio.io", "names": {"kind": Telemetry::KIND}, "versions": versions});
    json!({"metadata": {"name": Telemetry::RESOURCE}, "spec": spec})
}
