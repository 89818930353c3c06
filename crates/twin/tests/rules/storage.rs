//! The store itself.

use meshlift_model::k8s::{ConfigMap, Deployment, Pod, Resource};
use meshlift_model::time::Time;
use meshlift_twin::seed::Seed;
use meshlift_twin::{ApiError, ChangeKind, DeleteOptions, Store};

fn store() -> Store {
    Store::new(Time::parse("2026-11-23T20:00:00.250Z").expect("a time"), Seed::new(1))
}

fn named<R: Resource + Default>(name: &str) -> R {
    let mut object = R::default();
    object.meta_mut().name = name.to_owned();
    object.meta_mut().namespace = "shop".into();
    object
}

#[test]
fn a_created_object_gets_identity_and_whole_second() {
    let mut store = store();
    let created = store.create(named::<ConfigMap>("a")).unwrap();
    assert_eq!(created.metadata.creation_timestamp.unwrap().to_string(), "2026-11-23T20:00:00Z");
    assert_eq!((created.metadata.generation, created.metadata.uid.len()), (1, 36));
    assert!(matches!(store.create(named::<ConfigMap>("a")), Err(ApiError::AlreadyExists(_))));
    assert!(matches!(store.create(named::<ConfigMap>("")), Err(ApiError::Invalid { .. })));
}

#[test]
fn a_stale_write_is_a_conflict() {
    let mut store = store();
    let first = store.create(named::<ConfigMap>("a")).unwrap();
    let mut second = first.clone();
    second.data.insert("key".into(), "1".into());
    store.update(second).unwrap();
    let mut stale = first.clone();
    stale.data.insert("key".into(), "2".into());
    assert!(store.update(stale.clone()).unwrap_err().is_conflict());
    stale.metadata.resource_version.clear();
    store.update(stale.clone()).unwrap();
    stale.metadata.uid = "another".into();
    assert_eq!(store.update(stale).unwrap_err().status(), 409);
}

#[test]
fn generation_counts_the_desired_state_alone() {
    let mut store = store();
    store.create(named::<Deployment>("a")).unwrap();
    let generation = |store: &Store| store.get::<Deployment>("shop", "a").unwrap().metadata.generation;
    store.patch::<Deployment>("shop", "a", |it| it.spec.replicas = Some(3)).unwrap();
    assert_eq!(generation(&store), 2);
    store
        .patch::<Deployment>("shop", "a", |it| drop(it.metadata.labels.insert("a".into(), "b".into())))
        .unwrap();
    store.patch_status::<Deployment>("shop", "a", |it| it.status.replicas = 3).unwrap();
    assert_eq!(generation(&store), 2);
}

#[test]
fn status_and_spec_are_written_apart() {
    let mut store = store();
    store.create(named::<Deployment>("a")).unwrap();
    let both = |it: &mut Deployment| {
        it.spec.replicas = Some(5);
        it.status.replicas = 5;
        it.metadata.annotations.insert("deployment.kubernetes.io/revision".into(), "2".into());
    };
    store.patch_status::<Deployment>("shop", "a", both).unwrap();
    let stored = store.get::<Deployment>("shop", "a").unwrap();
    assert_eq!((stored.spec.replicas, stored.status.replicas), (None, 5));
    assert_eq!(stored.metadata.annotations.len(), 1, "a Deployment's annotations go with its status");
    store
        .patch::<Deployment>("shop", "a", |it| (it.spec.replicas, it.status.replicas) = (Some(4), 4))
        .unwrap();
    let stored = store.get::<Deployment>("shop", "a").unwrap();
    assert_eq!((stored.spec.replicas, stored.status.replicas), (Some(4), 5));
}

#[test]
fn a_write_that_changes_nothing_leaves_no_trace() {
    let mut store = store();
    let created = store.create(named::<ConfigMap>("a")).unwrap();
    let position = store.position();
    let updated = store.update(created.clone()).unwrap();
    assert_eq!(
        (updated.metadata.resource_version, store.position()),
        (created.metadata.resource_version, position)
    );
}

#[test]
fn the_log_tells_what_happened_in_order() {
    let mut store = store();
    store.set_author("somebody");
    store.create(named::<ConfigMap>("a")).unwrap();
    store.patch::<ConfigMap>("shop", "a", |it| drop(it.data.insert("k".into(), "v".into()))).unwrap();
    let target = store.get::<ConfigMap>("shop", "a").unwrap().object_ref();
    store.delete(&target, &DeleteOptions::default()).unwrap();
    let kinds: Vec<ChangeKind> = store.changes().iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted]);
    assert!(store.changes().windows(2).all(|pair| pair[0].revision < pair[1].revision));
    assert!(store.changes().iter().all(|change| change.by == "somebody"));
    store.compact(2);
    assert_eq!((store.changes().len(), store.position(), store.changes_from(0).len()), (1, 3, 1));
}

#[test]
fn a_pod_on_a_node_goes_gracefully_and_one_without_at_once() {
    let mut store = store();
    let mut pod = named::<Pod>("a");
    pod.spec.node_name = "node-1".into();
    store.create(pod).unwrap();
    store.create(named::<Pod>("b")).unwrap();
    for name in ["a", "b"] {
        let target = store.get::<Pod>("shop", name).unwrap().object_ref();
        store.delete(&target, &DeleteOptions::default()).unwrap();
    }
    let left = store.get::<Pod>("shop", "a").unwrap();
    assert_eq!(left.metadata.deletion_timestamp.unwrap().to_string(), "2026-11-23T20:00:30Z");
    assert_eq!((left.metadata.deletion_grace_period_seconds, left.metadata.generation), (Some(30), 2));
    assert!(store.get::<Pod>("shop", "b").is_none());
}

#[test]
fn preconditions_and_finalizers_hold_a_deletion() {
    let mut store = store();
    let mut object = named::<ConfigMap>("a");
    object.metadata.finalizers.push("example.com/keep".into());
    let target = store.create(object).unwrap().object_ref();
    assert!(store.delete(&target, &DeleteOptions::of_uid("another")).unwrap_err().is_conflict());
    store.delete(&target, &DeleteOptions::default()).unwrap();
    assert!(store.get::<ConfigMap>("shop", "a").unwrap().metadata.deletion_timestamp.is_some());
    store.patch::<ConfigMap>("shop", "a", |it| it.metadata.finalizers.clear()).unwrap();
    assert!(store.delete(&target, &DeleteOptions::default()).unwrap_err().is_not_found());
}

#[test]
fn generated_names_do_not_depend_on_other_objects() {
    let generate = |others: usize| {
        let mut store = store();
        for other in 0..others {
            store.create(named::<ConfigMap>(&format!("other-{other}"))).unwrap();
        }
        let mut object = named::<Pod>("");
        object.metadata.generate_name = "api-".into();
        let created = store.create(object).unwrap().metadata;
        (created.name, created.uid)
    };
    assert_eq!(generate(0), generate(7));
    assert_eq!(generate(0).0.len(), "api-".len() + 5);
}
