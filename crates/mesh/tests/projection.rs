//! The mesh as a step will leave it, held against recordings of the real mesh after that step.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_mesh::{Agreement, Edit, Follower, Mesh, RolloutState, objects_of_revision};
use meshlift_model::action::Selector;
use meshlift_model::k8s::Object;
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName, TagName};
use meshlift_snapshot::fixtures::cluster;
use meshlift_snapshot::shipped_manifest;

fn mesh(name: &str) -> Mesh {
    Mesh::derive(Arc::new(cluster(name).unwrap()))
}

fn version() -> IstioVersion {
    "1.30.3".parse().unwrap()
}

fn new() -> RevisionName {
    RevisionName::new("1-30-3")
}

/// Installs 1.30.3 from the manifest that is built in.
fn install() -> Edit {
    let manifest = shipped_manifest(&version(), false).unwrap();
    let own = objects_of_revision(&manifest.objects, &manifest.revision, "istio-system");
    let objects: Vec<Object> = manifest.objects.to_vec();
    let reference =
        |object: &Object| ObjectRef::new(object.info().kind, &object.meta().namespace, &object.meta().name);
    let objects = objects.into_iter().filter(|object| own.contains(&reference(object))).collect();
    Edit::AddRevision { objects, revision: new(), version: version(), replicas: 2 }
}

fn set_tag(tag: &str) -> Edit {
    Edit::SetTag { tag: TagName::new(tag), revision: new() }
}

fn select(namespace: &str, injection: Option<&str>, rev: Option<&str>) -> Edit {
    let selector = Selector { injection: injection.map(str::to_owned), rev: rev.map(str::to_owned) };
    Edit::SelectNamespace { namespace: namespace.to_owned(), selector }
}

fn restart_all(mesh: &Mesh) -> Vec<Edit> {
    mesh.workloads.keys().map(|workload| Edit::Restart { workload: workload.clone() }).collect()
}

/// Followers without words.
fn followers(mesh: &Mesh) -> Vec<Follower> {
    mesh.followers.clone()
}

#[test]
fn an_installed_revision_is_complete_and_changes_nothing_else() {
    let (before, installed) = (mesh("before"), mesh("canary-installed"));
    let projected = before.project(&[install()]);
    let (made, real) = (&projected.revisions[&new()], &installed.revisions[&new()]);
    assert_eq!(made.missing, Vec::<String>::new());
    assert_eq!(made.objects, real.objects);
    assert_eq!((made.ready, &made.version, made.connected), (2, &real.version, Some(0)));
    assert_eq!(made.root_ca_until, real.root_ca_until);
    assert_eq!(projected.pods.values().filter(|pod| pod.revision == Some(new())).count(), 0);
    assert_eq!(followers(&projected), followers(&before));
    let on_restart = |mesh: &Mesh| -> BTreeMap<ObjectRef, Option<RevisionName>> {
        let all = mesh.workloads.iter().filter(|(workload, _)| !workload.name.contains("istiod"));
        all.map(|(workload, facts)| (workload.clone(), facts.on_restart.revision.clone())).collect()
    };
    assert_eq!(on_restart(&projected), on_restart(&before));
    assert_eq!(projected.workloads[made.deployment.as_ref().unwrap()].state, RolloutState::Settled);
}

#[test]
fn a_moved_tag_is_the_recorded_one() {
    let (installed, moved) = (mesh("canary-installed"), mesh("canary-moved"));
    let projected = installed.project(&[set_tag("prod-canary")]);
    assert_eq!(projected.tags, moved.tags);
    let recorded = |mesh: &Mesh| {
        let all = mesh.snapshot.objects.mutating_webhooks.iter();
        let mut one = all.filter(|one| one.metadata.name == "istio-revision-tag-prod-canary");
        let one = one.next().unwrap();
        (one.metadata.labels.clone(), one.webhooks.clone())
    };
    assert_eq!(recorded(&projected), recorded(&moved));
    for (pod, facts) in &moved.pods {
        if let Some(ours) = projected.pods.get(pod) {
            assert_eq!(ours.on_restart.revision, facts.on_restart.revision, "{pod}");
        }
    }
}

/// A tag that is not there yet gets the webhooks and the Service that istioctl would write.
#[test]
fn a_new_tag_is_what_istioctl_writes() {
    for tag in ["prod-stable", "default"] {
        let after = mesh("after");
        let mut snapshot = after.snapshot.as_ref().clone();
        let own = |labels: &meshlift_model::k8s::StringMap| {
            labels.get("istio.io/tag").is_some_and(|one| one == tag)
        };
        let webhooks = |snapshot: &meshlift_model::snapshot::Snapshot| {
            let all = snapshot.objects.mutating_webhooks.iter();
            all.filter(|one| own(&one.metadata.labels))
                .flat_map(|one| one.webhooks.clone())
                .collect::<Vec<_>>()
        };
        let recorded = webhooks(&snapshot);
        snapshot.objects.mutating_webhooks.retain(|one| !own(&one.metadata.labels));
        snapshot.objects.services.retain(|one| !own(&one.metadata.labels));
        let projected = meshlift_mesh::project(&snapshot, &[set_tag(tag)]);
        assert_eq!(webhooks(&projected), recorded, "{tag}");
        let made = &Mesh::derive(Arc::new(projected)).tags[&TagName::new(tag)];
        assert_eq!(made, &after.tags[&TagName::new(tag)]);
    }
}

/// The whole upgrade, projected, is the mesh that the hand-made upgrade ended in.
#[test]
fn all_steps_together_end_where_the_real_upgrade_ended() {
    let before = mesh("before");
    let mut edits = vec![install()];
    edits.extend(["prod-canary", "prod-stable", "default"].map(set_tag));
    edits.push(select("identity", None, Some("prod-stable")));
    edits.push(select("search", Some("enabled"), None));
    edits.push(select("web", None, Some("prod-stable")));
    edits.push(Edit::SetPartition { workload: ObjectRef::new("StatefulSet", "data", "pg"), partition: 0 });
    edits.extend(restart_all(&before));
    edits.push(Edit::RemoveTag { tag: TagName::new("prod-canary") });
    let old = &before.revisions[&RevisionName::new("1-29-6")];
    edits.push(Edit::Scale { workload: old.deployment.clone().unwrap(), replicas: 0 });
    edits.push(Edit::Remove { objects: old.objects.clone() });

    let (projected, after) = (before.project(&edits), mesh("after"));
    assert_eq!(projected.tags, after.tags);
    assert_eq!(projected.default_revision, after.default_revision);
    assert_eq!(followers(&projected), followers(&after));
    assert_eq!(projected.revisions.keys().collect::<Vec<_>>(), after.revisions.keys().collect::<Vec<_>>());
    let (made, real) = (&projected.revisions[&new()], &after.revisions[&new()]);
    assert_eq!((made.pods, made.connected, &made.tags), (real.pods, real.connected, &real.tags));
    assert_eq!((&made.objects, &made.missing), (&real.objects, &real.missing));
    for pod in projected.pods.values().filter(|pod| pod.proxy.is_some()) {
        assert_eq!(pod.agreement, Agreement::Agreed { revision: new() }, "{}", pod.pod);
        assert_eq!(pod.revision, pod.on_restart.revision, "{}", pod.pod);
    }
    for (reference, workload) in projected.workloads.iter().filter(|(one, _)| one.namespace != "istio-system")
    {
        assert_eq!(workload.state, RolloutState::Settled, "{reference}");
        let Some(real) = after.workloads.get(reference) else { continue };
        assert_eq!(workload.now, real.now, "{reference}");
        assert_eq!((&workload.follows, workload.pod_bound), (&real.follows, real.pod_bound), "{reference}");
    }
}

/// A restarted pod is what a real one of that revision is, but for its identity: images, addresses, shape.
#[test]
fn restarted_pods_look_like_recorded_ones() {
    let installed = mesh("canary-installed");
    let api = ObjectRef::new("Deployment", "payments", "api");
    let projected = installed.project(&[set_tag("prod-stable"), Edit::Restart { workload: api.clone() }]);
    let real = mesh("half-moved");
    let shape = |mesh: &Mesh| {
        let template = mesh.workloads[&api].as_injected.clone().unwrap();
        let proxy = template.spec.init_containers.iter().find(|one| one.name == "istio-proxy").unwrap();
        (
            proxy.clone(),
            template
                .metadata
                .annotation("sidecar.istio.io/status")
                .unwrap()
                .parse::<serde_json::Value>()
                .unwrap(),
        )
    };
    let (ours, theirs) = (shape(&projected), shape(&real));
    assert_eq!(ours, theirs);
}

/// Without webhooks a restart leaves pods bare; with a served name it gives them a sidecar.
#[test]
fn restarts_follow_the_webhooks_and_nothing_else() {
    let broken = mesh("after-broken");
    let bff = ObjectRef::new("Deployment", "web", "bff");
    let bare = broken.project(&[Edit::Restart { workload: bff.clone() }]);
    assert_eq!(bare.workloads[&bff].now, BTreeMap::from([(None, 3)]).into());
    let cured =
        broken.project(&[select("web", None, Some("prod-stable")), Edit::Restart { workload: bff.clone() }]);
    assert_eq!(cured.workloads[&bff].now, BTreeMap::from([(Some(new()), 3)]).into());

    let before = mesh("before");
    let legacy: Vec<&ObjectRef> =
        before.workloads.keys().filter(|workload| workload.namespace == "legacy").collect();
    let mut edits = vec![select("legacy", None, Some("prod-stable"))];
    edits.extend(legacy.iter().map(|workload| Edit::Restart { workload: (*workload).clone() }));
    let injected = before.project(&edits);
    for workload in legacy {
        let pods = &injected.workloads[workload].pods;
        assert!(pods.iter().all(|pod| matches!(injected.pods[pod].agreement, Agreement::Agreed { .. })));
        assert!(!pods.is_empty());
    }
}

/// A stuck rollout that is restarted with room is through; a partition keeps what is below it.
#[test]
fn restarts_reach_what_controllers_reach() {
    let half = mesh("half-moved");
    let stay = |workload: &ObjectRef, edits: &[Edit]| half.project(edits).workloads[workload].clone();
    let ads = ObjectRef::new("Deployment", "quota-tight", "ads");
    let moved = stay(&ads, &[Edit::Restart { workload: ads.clone() }]);
    assert_eq!((&moved.state, moved.now[&Some(new())]), (&RolloutState::Settled, 3));
    let pg = ObjectRef::new("StatefulSet", "data", "pg");
    let kept = stay(&pg, &[Edit::Restart { workload: pg.clone() }]);
    assert_eq!(kept.state, RolloutState::LeftBehind { pods: vec!["pg-0".to_owned()] });
    let free = Edit::SetPartition { workload: pg.clone(), partition: 0 };
    let moved = stay(&pg, &[free, Edit::Restart { workload: pg.clone() }]);
    assert_eq!((&moved.state, moved.now[&Some(new())]), (&RolloutState::Settled, 3));
    let storefront = ObjectRef::new("Deployment", "web", "storefront");
    let canary = mesh("canary-moved");
    let through = canary.project(&[Edit::Restart { workload: storefront.clone() }]);
    assert_eq!(through.workloads[&storefront].now, BTreeMap::from([(Some(new()), 6)]).into());
    assert_eq!(through.workloads[&storefront].state, RolloutState::Settled);
}

/// An istiod that is scaled away, with its webhooks still there, refuses pods aloud.
#[test]
fn a_dark_istiod_refuses_its_followers() {
    let before = mesh("before");
    let old = before.revisions[&RevisionName::new("1-29-6")].deployment.clone().unwrap();
    let dark = before.project(&[Edit::Scale { workload: old, replicas: 0 }]);
    let revision = &dark.revisions[&RevisionName::new("1-29-6")];
    assert_eq!((revision.ready, revision.replicas, revision.missing.len()), (0, 0, 0));
    assert!(dark.tags.values().all(|tag| !tag.served));
    let injected = dark.workloads.values().filter(|workload| workload.on_restart.revision.is_some());
    assert!(injected.clone().count() > 60 && injected.clone().all(|workload| workload.on_restart.refused));
}

/// Edits of what is not there change nothing.
#[test]
fn odd_edits_change_nothing() {
    let before = mesh("before");
    let nothing = ObjectRef::new("Deployment", "nowhere", "nothing");
    let edits = [
        select("nowhere", None, Some("x")),
        Edit::SetTag { tag: TagName::new("t"), revision: RevisionName::new("nowhere") },
        Edit::RemoveTag { tag: TagName::new("nowhere") },
        Edit::Restart { workload: nothing.clone() },
        Edit::Scale { workload: nothing.clone(), replicas: 3 },
        Edit::SetPartition { workload: nothing.clone(), partition: 1 },
        Edit::Remove { objects: vec![nothing] },
    ];
    assert_eq!(meshlift_mesh::project(&before.snapshot, &edits), *before.snapshot);
}
