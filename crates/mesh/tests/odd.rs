//! Any snapshot has a mesh: empty ones, half-read ones, and ones with nonsense in their fields.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::sync::{Arc, OnceLock};

use meshlift_mesh::{Agreement, Edit, InstallMethod, Mesh};
use meshlift_model::k8s::{KINDS, KindWork, Object, Objects, Resource, with_kind};
use meshlift_model::names::{RevisionName, TagName};
use meshlift_model::snapshot::{Snapshot, SourceStatus};
use meshlift_snapshot::fixtures::cluster;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn nothing_is_a_mesh_without_anything() {
    let mesh = Mesh::derive(Arc::new(Snapshot::default()));
    assert!(mesh.pods.is_empty() && mesh.revisions.is_empty() && mesh.system_namespaces.is_empty());
    assert!(matches!(mesh.install, InstallMethod::Unknown { .. }));
}

#[test]
fn an_istiod_that_was_not_asked_leaves_connections_unread() {
    let mut snapshot = cluster("before").unwrap();
    let (_, second) = snapshot.istiods.iter_mut().nth(1).unwrap();
    (second.syncz, second.connections) = (None, None);
    let mesh = Mesh::derive(Arc::new(snapshot));
    assert_eq!(mesh.revisions[&RevisionName::new("1-29-6")].connected, None);
    let unread = mesh.pods.values().filter(|pod| matches!(pod.agreement, Agreement::Unread { .. })).count();
    let agreed = mesh.pods.values().filter(|pod| matches!(pod.agreement, Agreement::Agreed { .. })).count();
    assert_eq!((agreed, unread), (97, 77));
}

#[test]
fn sides_that_differ_are_told() {
    let mut snapshot = cluster("half-moved").unwrap();
    let pods = &mut snapshot.objects.pods;
    let pod = pods.iter_mut().find(|pod| pod.metadata.name == "kafka-0").unwrap();
    pod.metadata.annotations.insert("istio.io/rev".into(), "1-30-3".into());
    let mesh = Mesh::derive(Arc::new(snapshot));
    let pod = mesh.pods.values().find(|pod| pod.pod.name == "kafka-0").unwrap();
    let Agreement::Disagree { how } = &pod.agreement else { panic!("{:?}", pod.agreement) };
    assert_eq!(how, "annotation istio.io/rev says 1-30-3, its status says 1-29-6");
}

/// A ReplicaSet that the lists do not have yet, a Job whose owner is gone, an owner of an unknown kind.
#[test]
fn owners_that_were_not_recorded() {
    let mut snapshot = cluster("half-moved").unwrap();
    let before = Mesh::derive(Arc::new(snapshot.clone()));
    snapshot.objects.replica_sets.clear();
    snapshot.objects.jobs.clear();
    let after = Mesh::derive(Arc::new(snapshot.clone()));
    for (pod, facts) in &before.pods {
        assert_eq!(after.pods[pod].workload, facts.workload, "{pod}");
    }
    for pod in &mut snapshot.objects.pods {
        for owner in &mut pod.metadata.owner_references {
            (owner.kind, owner.api_version) = ("CloneSet".into(), "apps.kruise.io/v1".into());
        }
    }
    let foreign = Mesh::derive(Arc::new(snapshot));
    let pod = foreign.workloads.values().find(|one| one.workload.name == "kafka-0").unwrap();
    assert_eq!(pod.managed_by.as_deref(), Some("CloneSet kafka (apps.kruise.io/v1)"));
}

/// One change of a field, anywhere in an object.
fn spoil(value: &mut Value, at: &mut usize, with: u8) {
    if *at == 0 {
        *value = match (with % 6, &*value) {
            (0, _) => Value::Null,
            (1, Value::Number(_)) => (-1).into(),
            (2, Value::Number(_)) => i32::MAX.into(),
            (3, Value::String(_)) => "".into(),
            (4, Value::String(_)) => "-%:/=.{".into(),
            (_, Value::Array(items)) => items.iter().chain(items).cloned().collect(),
            (_, other) => other.clone(),
        };
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, at, with)),
        Value::Object(fields) => fields.values_mut().for_each(|item| spoil(item, at, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Empty<'e>(&'e mut Objects);

impl KindWork for Empty<'_> {
    type Output = ();

    fn run<R: Resource>(self) {
        R::list_mut(self.0).clear();
    }
}

fn recording() -> &'static (Snapshot, Vec<(&'static str, Value)>) {
    static RECORDING: OnceLock<(Snapshot, Vec<(&'static str, Value)>)> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let snapshot = cluster("ambient-tag-moved").unwrap();
        let values = snapshot.objects.to_vec().into_iter();
        let values = values.map(|object| (object.info().kind, object.to_value().unwrap())).collect();
        (snapshot, values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_is_no_panic(
        spoils in prop::collection::vec((any::<prop::sample::Index>(), 0usize..60, any::<u8>()), 0..400),
        lost in prop::collection::vec(0..KINDS.len(), 0..4),
    ) {
        let (snapshot, values) = recording();
        let mut values = values.clone();
        for (index, mut at, with) in spoils {
            spoil(&mut index.get_mut(&mut values).1, &mut at, with);
        }
        let mut snapshot = snapshot.clone();
        snapshot.objects = Objects::default();
        for (kind, value) in values {
            if let Some(Ok(object)) = Object::from_value(kind, value) {
                snapshot.objects.push(object);
            }
        }
        for kind in lost {
            with_kind(KINDS[kind].resource, Empty(&mut snapshot.objects));
            let reason = "lost".to_owned();
            snapshot.sources.insert(KINDS[kind].resource.to_owned(), SourceStatus::Broken { reason });
        }
        let mesh = Mesh::derive(Arc::new(snapshot));
        let mut edits: Vec<Edit> =
            mesh.workloads.keys().map(|workload| Edit::Restart { workload: workload.clone() }).collect();
        edits.push(Edit::SetTag { tag: TagName::new("default"), revision: RevisionName::new("1-30-3") });
        for revision in mesh.revisions.values() {
            edits.push(Edit::Remove { objects: revision.objects.clone() });
        }
        let _projected = mesh.project(&edits);
    }
}
