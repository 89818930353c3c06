//! Recorded meshes, changed a little, and what the checks say about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use meshlift_checks::Assessment;
use meshlift_mesh::Mesh;
use meshlift_model::finding::Finding;
use meshlift_model::intent::Intent;
use meshlift_model::k8s::{Pod, Resource};
use meshlift_model::names::IstioVersion;
use meshlift_model::snapshot::Snapshot;

/// A recording. Each is read once.
pub(crate) fn cluster(name: &str) -> Snapshot {
    static READ: Mutex<BTreeMap<String, Snapshot>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap();
    let snapshot =
        read.entry(name.to_owned()).or_insert_with(|| meshlift_snapshot::fixtures::cluster(name).unwrap());
    snapshot.clone()
}

/// What the checks say about a recording as it is, on the way to 1.30.3. Each is judged once.
pub(crate) fn unchanged(name: &str) -> Assessment {
    static JUDGED: Mutex<BTreeMap<String, Assessment>> = Mutex::new(BTreeMap::new());
    if let Some(assessment) = JUDGED.lock().unwrap().get(name) {
        return assessment.clone();
    }
    let assessment = assess(cluster(name), Some(&version("1.30.3")));
    JUDGED.lock().unwrap().insert(name.to_owned(), assessment.clone());
    assessment
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

/// Running pods of an app, by `namespace/app`, to be changed.
pub(crate) fn pods<'a>(snapshot: &'a mut Snapshot, path: &str) -> Vec<&'a mut Pod> {
    let (namespace, app) = path.split_once('/').unwrap();
    let pods = snapshot.objects.pods.iter_mut();
    let of: Vec<&mut Pod> = pods
        .filter(|pod| pod.metadata.namespace == namespace && pod.metadata.label("app") == Some(app))
        .collect();
    assert!(!of.is_empty(), "no pods of {path}");
    of
}

/// Subjects that a check names in a recording that was changed, on the way to 1.30.3.
pub(crate) fn found(code: &str, recording: &str, change: impl FnOnce(&mut Snapshot)) -> BTreeSet<String> {
    found_at(code, recording, "1.30.3", change)
}

/// The same for another target.
pub(crate) fn found_at(
    code: &str,
    recording: &str,
    target: &str,
    change: impl FnOnce(&mut Snapshot),
) -> BTreeSet<String> {
    let mut snapshot = cluster(recording);
    change(&mut snapshot);
    subjects(&assess(snapshot, Some(&version(target))), code)
}

/// Holds that a change makes a check name a subject that it does not name without it.
#[track_caller]
pub(crate) fn appears(code: &str, recording: &str, subject: &str, change: impl FnOnce(&mut Snapshot)) {
    assert!(
        !subjects(&unchanged(recording), code).contains(subject),
        "{code} names {subject} without the change"
    );
    let found = found(code, recording, change);
    assert!(found.contains(subject), "{code} does not name {subject}, but {found:?}");
}

/// Holds that a change makes a check no longer name a subject that it names without it.
#[track_caller]
pub(crate) fn vanishes(code: &str, recording: &str, subject: &str, change: impl FnOnce(&mut Snapshot)) {
    assert!(subjects(&unchanged(recording), code).contains(subject), "{code} does not name {subject} at all");
    assert!(!found(code, recording, change).contains(subject), "{code} still names {subject}");
}

/// Holds that a check does not name a subject, changed or not: a near-miss.
#[track_caller]
pub(crate) fn stays_away(code: &str, recording: &str, subject: &str, change: impl FnOnce(&mut Snapshot)) {
    assert!(!found(code, recording, change).contains(subject), "{code} names {subject}");
}

/// The istiods of 1.29.6 are of another version; what they serve stays.
pub(crate) fn istiods_run(mesh: &mut Snapshot, version: &str) {
    let image = |text: &mut String| *text = text.replace("1.29.6", version);
    let deployments =
        mesh.objects.deployments.iter_mut().filter(|one| one.metadata.name.starts_with("istiod"));
    deployments
        .flat_map(|one| one.spec.template.spec.containers.iter_mut())
        .for_each(|one| image(&mut one.image));
    let pods = mesh.objects.pods.iter_mut().filter(|one| one.metadata.name.starts_with("istiod"));
    pods.flat_map(|pod| pod.spec.containers.iter_mut()).for_each(|one| image(&mut one.image));
    for answers in mesh.istiods.values_mut() {
        answers.version.iter_mut().for_each(image);
    }
}
