//! Hazards planted in clean meshes, one by one: what each check must find, and what looks alike and is in order.

mod admission;
mod ambient;
mod changes;
mod changes_ambient;
mod changes_late;
mod changes_more;
mod config;
mod control_plane;
mod defaults;
mod definitions;
mod destinations;
mod gateways;
mod next_pods;
mod policies;
mod rollout;
mod routes;
mod selection;
mod surroundings;

use meshlift_model::k8s::{Object, ProjectedVolumeSource, Volume, VolumeProjection};
use meshlift_model::names::ObjectRef;
use meshlift_model::outline::outline_of;
use meshlift_model::snapshot::Snapshot;
use serde_json::Value;

use crate::{clean_ambient, clean_sidecars};

/// The clean mesh in which a hazard is planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// Sidecars of one revision.
    Sidecars,
    /// The same, with the revision to go to installed beside it.
    TwoRevisions,
    /// Ambient.
    Ambient,
}

impl Base {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sidecars, Self::TwoRevisions, Self::Ambient];

    /// Name of the recording that it is made from.
    #[must_use]
    pub fn recording(self) -> &'static str {
        match self {
            Self::Sidecars => "before",
            Self::TwoRevisions => "canary-installed",
            Self::Ambient => "ambient-before",
        }
    }

    /// The clean mesh, from its recording.
    #[must_use]
    pub fn clean(self, recording: &Snapshot) -> Snapshot {
        match self {
            Self::Sidecars | Self::TwoRevisions => clean_sidecars(recording),
            Self::Ambient => clean_ambient(recording),
        }
    }
}

/// A change of a clean mesh; the recording lends objects.
pub type Change = fn(&mut Snapshot, &Snapshot);

/// Version to go to, where a mutation names no other.
pub const TARGET: &str = "1.30.3";

/// A hazard, planted.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// Code of the check that finds it.
    pub code: &'static str,
    /// Where it is planted.
    pub base: Base,
    /// What the finding names.
    pub subject: &'static str,
    /// Codes that find a consequence of the same hazard.
    pub also: &'static [&'static str],
    /// Version that runs, where it is not the recorded one: both are changed in a mesh that runs it.
    pub runs: Option<&'static str>,
    /// Target before: with it, the mesh is clean of this code, and its near miss too.
    pub from_target: &'static str,
    /// Target with which the hazard is one.
    pub target: &'static str,
    /// False where the twin does not know what the hazard is made of: the entry of the check says so.
    pub on_twin: bool,
    /// Plants it.
    pub plant: Change,
    /// Makes what looks alike and is in order.
    pub near_miss: Change,
}

impl Mutation {
    fn new(
        (code, base, subject): (&'static str, Base, &'static str),
        plant: Change,
        near_miss: Change,
    ) -> Self {
        Self {
            code,
            base,
            subject,
            also: &[],
            runs: None,
            from_target: TARGET,
            target: TARGET,
            on_twin: true,
            plant,
            near_miss,
        }
    }

    fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    /// The twin does not know it.
    fn not_on_twin(self) -> Self {
        Self { on_twin: false, ..self }
    }

    /// In a mesh that runs a version, on the way to another.
    fn hop(self, runs: &'static str, target: &'static str) -> Self {
        Self { runs: Some(runs), from_target: target, target, ..self }
    }

    /// The mesh in which both are changed, from a clean one.
    pub fn prepare(&self, clean: &mut Snapshot) {
        if let Some(version) = self.runs {
            all_run(clean, version);
        }
    }

    fn targets(self, from_target: &'static str, target: &'static str) -> Self {
        Self { from_target, target, ..self }
    }
}

/// All of them, by layer.
#[must_use]
pub fn mutations() -> Vec<Mutation> {
    [
        rollout::mutations(),
        next_pods::mutations(),
        admission::mutations(),
        definitions::mutations(),
        changes::mutations(),
        changes_ambient::mutations(),
        changes_late::mutations(),
        changes_more::mutations(),
        routes::mutations(),
        policies::mutations(),
        destinations::mutations(),
        selection::mutations(),
        gateways::mutations(),
        config::mutations(),
        control_plane::mutations(),
        defaults::mutations(),
        ambient::mutations(),
        surroundings::mutations(),
    ]
    .concat()
}

/// Control plane and proxies run another version.
pub(crate) fn all_run(s: &mut Snapshot, version: &str) {
    let objects = &mut s.objects;
    let templates = objects.deployments.iter_mut().map(|one| &mut one.spec.template.spec);
    let agents = objects.daemon_sets.iter_mut().map(|one| &mut one.spec.template.spec);
    for spec in templates.chain(agents).chain(objects.pods.iter_mut().map(|pod| &mut pod.spec)) {
        for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
            container.image = container.image.replace(":1.29.6", &format!(":{version}"));
        }
    }
    for answers in s.istiods.values_mut() {
        answers.version.iter_mut().for_each(|said| *said = said.replace("1.29.6", version));
        answers.syncz.iter_mut().flatten().for_each(|status| status.istio_version = version.into());
    }
}

/// A volume that is put together from one source.
fn projected(name: &str, source: VolumeProjection) -> Volume {
    let projected = Some(Box::new(ProjectedVolumeSource { sources: vec![source] }));
    Volume { name: name.into(), projected, ..Volume::default() }
}

/// Adds an object, from JSON.
///
/// # Panics
/// Where it is none of that kind: a test is wrong.
#[expect(clippy::panic, reason = "for tests: they name what they add")]
fn add(s: &mut Snapshot, kind: &str, json: &str) {
    add_value(s, kind, serde_json::from_str(json).unwrap_or_else(|error| panic!("{kind}: {error}")));
}

/// Adds an object with its outline.
///
/// # Panics
/// As [`add`].
#[expect(clippy::panic, reason = "for tests: they name what they add")]
pub(crate) fn add_value(s: &mut Snapshot, kind: &str, value: Value) {
    let spec = value["spec"].clone();
    match Object::from_value(kind, value) {
        Some(Ok(object)) => {
            let info = object.info();
            if let Some(outline) = outline_of(info.api_version, &object.meta().name, &spec) {
                let name = ObjectRef::new(info.kind, &object.meta().namespace, &object.meta().name);
                s.outlines.insert(name, outline.into());
            }
            s.objects.push(object);
        }
        other => panic!("{kind}: {other:?}"),
    }
}

/// Changes nothing.
fn nothing(_: &mut Snapshot, _: &Snapshot) {}
