//! Each checker finds what it is for, and nothing where nothing is wrong.

mod laws;
mod scene;

use meshlift_model::k8s::Deployment;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_twin::DeleteOptions;
use meshlift_twin::admission::{Call, Review};
use scene::{NEW, OLD, Scene, bff};
use serde_json::json;

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let mut scene = Scene::new();
    scene.announced.floors.insert(bff(), 2);
    scene.pod("bff-3", Some("1.30.3"));
    scene.link("bff-3", NEW, true);
    assert_eq!(scene.found(), []);
}

fn review(scene: &Scene, pod: &str, revisions: &[&str]) -> Review {
    let call = |revision: &&str| Call {
        configuration: format!("istio-sidecar-injector-{revision}"),
        webhook: "namespace.sidecar-injector.istio.io".into(),
        injected_by: Some(RevisionName::new(*revision)),
        not_modelled: String::new(),
    };
    let calls = revisions.iter().map(call).collect();
    Review { at: scene.began, namespace: "web".into(), pod: pod.into(), calls }
}

#[test]
fn a_pod_with_two_injectors_is_found() {
    let mut scene = Scene::new();
    scene.reviews = vec![
        review(&scene, "bff-3", &[OLD, NEW]),
        review(&scene, "bff-4", &[NEW, NEW]),
        review(&scene, "tried", &[OLD, NEW]),
    ];
    scene.pod("bff-3", Some("1.30.3"));
    scene.pod("bff-4", Some("1.30.3"));
    let found = scene.found();
    assert_eq!(found.len(), 1, "called again by the same one, and a dry run, are none: {found:?}");
    assert_eq!((found[0].law.as_str(), found[0].subject.name.as_str()), ("7", "bff-3"));
    assert!(found[0].detail.contains("1-29-6, 1-30-3"), "{found:?}");
}

#[test]
fn a_lost_sidecar_is_found() {
    let mut scene = Scene::new();
    scene.pod("bff-3", None);
    let found = scene.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].detail.contains("without a sidecar"), "{found:?}");

    let mut never = Scene::new();
    let meta = json!({"name": "bare", "namespace": "web"});
    never.write("Pod", json!({"metadata": meta, "spec": {"containers": [{"name": "app", "image": "app"}]}}));
    assert_eq!(never.found(), [], "none of its workload had one");
}

#[test]
fn a_revision_is_not_removed_while_pods_or_connections_need_it() {
    let injector = "MutatingWebhookConfiguration/istio-sidecar-injector-1-29-6";
    let mut scene = Scene::new();
    scene.announced.cover.revisions.insert(OLD.into());
    scene.delete(injector);
    scene.delete("Deployment/istio-system/istiod-1-29-6");
    let found = scene.found();
    assert_eq!(found.len(), 1, "told once: {found:?}");
    assert!(found[0].law == "8" && found[0].detail.contains("Pod/web/bff-1"), "{found:?}");

    let remove = |connected: &[(&str, &str)]| {
        let mut scene = Scene::new();
        scene.announced.cover.revisions.insert(OLD.into());
        let ours =
            connected.iter().map(|(pod, to)| (ObjectRef::new("Pod", "web", pod), RevisionName::new(*to)));
        scene.connected = ours.collect();
        for pod in ["bff-1", "bff-2"] {
            let target = ObjectRef::new("Pod", "web", pod);
            let now = DeleteOptions { grace_seconds: Some(0), ..DeleteOptions::default() };
            scene.store.delete(&target, &now).expect("deleted");
        }
        scene.delete(injector);
        scene.laws()
    };
    assert_eq!(remove(&[]), Vec::<String>::new(), "nothing needs it");
    assert_eq!(remove(&[("bff-3", NEW)]), Vec::<String>::new(), "connected elsewhere");
    assert_eq!(remove(&[("bff-3", OLD)]), ["8"], "a connection needs it");
}

#[test]
fn an_istiod_does_not_go_dark_while_proxies_run_on_it() {
    let mut scene = Scene::new();
    let dark = |name: &str, scene: &mut Scene| {
        scene.announced.cover.objects.insert(ObjectRef::new("Deployment", "istio-system", name));
        scene.as_us(|store| {
            let scale = |one: &mut Deployment| one.spec.replicas = Some(0);
            store.patch::<Deployment>("istio-system", name, scale).expect("patched");
        });
    };
    dark("istiod-1-30-3", &mut scene);
    assert_eq!(scene.found(), [], "nobody is there yet");
    dark("istiod-1-29-6", &mut scene);
    assert_eq!(scene.laws(), ["8"]);
}

#[test]
fn a_tag_is_not_removed_while_it_is_followed() {
    let tag = "MutatingWebhookConfiguration/istio-revision-tag-prod";
    let mut scene = Scene::new();
    scene.announced.cover.tags.insert("prod".into());
    scene.delete(tag);
    let found = scene.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].detail.contains("Namespace/web"), "{found:?}");

    let mut moved = Scene::new();
    moved.announced.cover.tags.insert("prod".into());
    moved.announced.cover.objects.insert(ObjectRef::cluster("Namespace", "web"));
    moved.as_us(|store| {
        let relabel = |one: &mut meshlift_model::k8s::Namespace| {
            one.metadata.labels.insert("istio.io/rev".into(), NEW.into());
        };
        store.patch("", "web", relabel).expect("patched");
    });
    moved.delete(tag);
    assert_eq!(moved.found(), []);
}

#[test]
fn fewer_ready_pods_than_announced_are_found() {
    let lose = |floor: i32, pods: &[&str]| {
        let mut scene = Scene::new();
        scene.announced.floors.insert(bff(), floor);
        for pod in pods {
            let target = ObjectRef::new("Pod", "web", pod);
            scene.store.delete(&target, &DeleteOptions::default()).expect("deleted");
        }
        scene.found()
    };
    assert_eq!(lose(1, &["bff-1"]), []);
    let found = lose(2, &["bff-1", "bff-2"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].law.as_str(), &found[0].subject), ("9", &bff()));
    assert_eq!(found[0].detail, "0 ready pods, announced were at least 2");
}

#[test]
fn a_proxy_newer_than_its_control_plane_is_found() {
    let mut scene = Scene::new();
    scene.pod("bff-3", Some("1.30.3"));
    scene.link("bff-1", NEW, true);
    scene.link("bff-3", NEW, true);
    assert_eq!(scene.found(), [], "an older proxy is supported");
    scene.link("bff-3", OLD, false);
    scene.link("bff-3", OLD, true);
    let found = scene.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].detail, "proxy 1.30.3 is connected to istiod 1.29.6 of 1-29-6");
}

#[test]
fn what_the_plan_does_not_cover_is_not_touched() {
    let annotate = |scene: &mut Scene| {
        scene.as_us(|store| {
            let stamp = |one: &mut Deployment| {
                one.spec.template.metadata.annotations.insert("restartedAt".into(), "now".into());
            };
            store.patch::<Deployment>("web", "bff", stamp).expect("patched");
        });
    };
    let mut scene = Scene::new();
    annotate(&mut scene);
    scene.delete("Pod/web/bff-1");
    let found: Vec<(String, ObjectRef)> =
        scene.found().into_iter().map(|one| (one.law, one.subject)).collect();
    assert_eq!(found, [("1".into(), bff()), ("1".into(), ObjectRef::new("Pod", "web", "bff-1"))]);

    let mut covered = Scene::new();
    covered.announced.cover.objects.insert(bff());
    annotate(&mut covered);
    covered.delete("Pod/web/bff-1");
    assert_eq!(covered.found(), [], "and its pods with it");
}

#[test]
fn a_loss_that_nobody_accepted_is_found() {
    let mut scene = Scene::new();
    scene.lost = [(bff(), 12.0), (ObjectRef::new("Deployment", "web", "safe"), 0.0)].into();
    assert_eq!(scene.laws(), ["announced"]);
    scene.announced.accepted_loss.insert(bff());
    assert_eq!(scene.found(), []);
}
