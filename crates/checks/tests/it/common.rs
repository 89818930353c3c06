//! Recorded meshes, changed a little, and what the checks say about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use meshlift_checks::Assessment;
use meshlift_mesh::Mesh;
use meshlift_model::finding::Finding;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::Resource;
use meshlift_model::names::IstioVersion;
use meshlift_model::snapshot::Snapshot;

pub(crate) fn cluster(name: &str) -> Snapshot {
    meshlift_snapshot::fixtures::cluster(name).unwrap()
}

pub(crate) fn version(text: &str) -> IstioVersion {
    text.parse().unwrap()
}

pub(crate) fn mesh(snapshot: Snapshot) -> Mesh {
    Mesh::derive(Arc::new(snapshot))
}

pub(crate) fn assess(snapshot: Snapshot, target: Option<&IstioVersion>) -> Assessment {
    meshlift_checks::assess(&mesh(snapshot), &Intent::default(), target)
}

/// Subjects of a code's findings.
pub(crate) fn subjects(assessment: &Assessment, code: &str) -> BTreeSet<String> {
    of(assessment, code).into_iter().map(|finding| finding.subject.to_string()).collect()
}

pub(crate) fn of<'a>(assessment: &'a Assessment, code: &str) -> Vec<&'a Finding> {
    assessment.findings.iter().filter(|finding| finding.code == code).collect()
}

/// An object to be changed, by `namespace/name`.
pub(crate) fn object<'a, R: Resource>(snapshot: &'a mut Snapshot, path: &str) -> &'a mut R {
    R::list_mut(&mut snapshot.objects)
        .iter_mut()
        .find(|object| object.meta().path() == path)
        .unwrap_or_else(|| panic!("no {} {path}", R::KIND))
}
