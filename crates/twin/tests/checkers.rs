//! Each checker finds what it is for, and nothing where nothing is wrong.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Deployment, Object, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;
use meshlift_twin::admission::{Call, Review};
use meshlift_twin::checkers::{Announced, Evidence, violations};
use meshlift_twin::istiod::LinkEvent;
use meshlift_twin::seed::Seed;
use meshlift_twin::world::PORT;
use meshlift_twin::{DeleteOptions, Store};
use serde_json::{Value, json};

const OLD: &str = "1-29-6";
const NEW: &str = "1-30-3";

/// A mesh of two revisions, written by hand: what happens to it is what the tests say. What nobody wrote is how
/// things were at the beginning.
struct Scene {
    store: Store,
    began: Time,
    links: Vec<LinkEvent>,
    connected: BTreeMap<ObjectRef, RevisionName>,
    reviews: Vec<Review>,
    lost: BTreeMap<ObjectRef, f64>,
    announced: Announced,
}

impl Scene {
    fn new() -> Self {
        let began = Time::parse("2026-11-23T20:00:00Z").expect("a time");
        let mut scene = Self {
            store: Store::new(began, Seed::new(1)),
            began,
            links: Vec::new(),
            connected: BTreeMap::new(),
            reviews: Vec::new(),
            lost: BTreeMap::new(),
            announced: Announced::default(),
        };
        scene.write("Namespace", json!({"metadata": {"name": "web", "labels": {"istio.io/rev": "prod"}}}));
        for revision in [OLD, NEW] {
            let version = revision.replace('-', ".");
            let name = format!("istiod-{revision}");
            let labels = json!({"app": "istiod", "istio.io/rev": revision});
            let own = json!({"name": name, "namespace": "istio-system", "labels": labels});
            let container = json!({"name": "discovery", "image": format!("pilot:{version}"),
                "env": [{"name": "REVISION", "value": revision}]});
            scene.write("Pod", json!({"metadata": own, "spec": {"containers": [container]}}));
            scene.write("Deployment", json!({"metadata": own, "spec": {"replicas": 1}}));
            let name = format!("istio-sidecar-injector-{revision}");
            let meta = json!({"name": name, "labels": {"istio.io/rev": revision}});
            scene.write("MutatingWebhookConfiguration", json!({ "metadata": meta }));
        }
        let tag = json!({"name": "istio-revision-tag-prod", "labels": {"istio.io/tag": "prod", "istio.io/rev": OLD}});
        scene.write("MutatingWebhookConfiguration", json!({ "metadata": tag }));
        scene.write(
            "Deployment",
            json!({"metadata": {"name": "bff", "namespace": "web"}, "spec": {"replicas": 2}}),
        );
        for name in ["bff-1", "bff-2"] {
            scene.pod(name, Some("1.29.6"));
        }
        scene.store.set_author("somebody");
        scene
    }

    fn write(&mut self, kind: &str, mut value: Value) {
        value["metadata"]["uid"] = value["metadata"]["name"].clone();
        let object = Object::from_value(kind, value).expect("a known kind").expect("a fitting value");
        self.store.load(object);
    }

    /// A ready pod of web/bff, whose owner is loaded after it; version of its proxy.
    fn pod(&mut self, name: &str, proxy: Option<&str>) {
        let mut containers = vec![json!({"name": "app", "image": "app"})];
        let mut annotations = json!({});
        if let Some(version) = proxy {
            containers.push(json!({"name": "istio-proxy", "image": format!("proxyv2:{version}")}));
            annotations = json!({"istio.io/rev": version.replace('.', "-")});
        }
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bff-x", "uid": "x", "controller": true}]);
        let meta =
            json!({"name": name, "namespace": "web", "annotations": annotations, "ownerReferences": owner});
        self.write(
            "Pod",
            json!({"metadata": meta, "spec": {"containers": containers, "nodeName": "node"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
        if self.store.object(&ObjectRef::new("ReplicaSet", "web", "bff-x")).is_none() {
            let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "bff", "uid": "y", "controller": true}]);
            self.write(
                "ReplicaSet",
                json!({"metadata": {"name": "bff-x", "namespace": "web", "ownerReferences": owner}}),
            );
        }
    }

    fn link(&mut self, pod: &str, revision: &str, connected: bool) {
        let (at, pod) = (self.began, ObjectRef::new("Pod", "web", pod));
        self.links.push(LinkEvent { at, pod, revision: revision.into(), connected });
    }

    fn as_us(&mut self, act: impl FnOnce(&mut Store)) {
        self.store.set_author(PORT);
        act(&mut self.store);
        self.store.set_author("somebody");
    }

    fn delete(&mut self, target: &str) {
        let target: ObjectRef = target.parse().expect("a reference");
        self.as_us(|store| store.delete(&target, &DeleteOptions::default()).expect("deleted"));
    }

    fn found(&self) -> Vec<Violation> {
        let evidence = Evidence {
            began: self.began,
            changes: self.store.changes(),
            link_events: &self.links,
            connected: self.connected.clone(),
            reviews: &self.reviews,
            lost: self.lost.clone(),
        };
        violations(&evidence, &self.announced)
    }

    fn laws(&self) -> Vec<String> {
        self.found().into_iter().map(|violation| violation.law).collect()
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let mut scene = Scene::new();
    scene.announced.floors.insert(bff(), 2);
    scene.pod("bff-3", Some("1.30.3"));
    scene.link("bff-3", NEW, true);
    assert_eq!(scene.found(), []);
}

fn bff() -> ObjectRef {
    ObjectRef::new(Deployment::KIND, "web", "bff")
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
    scene.announced.revisions.insert(OLD.into());
    scene.delete(injector);
    scene.delete("Deployment/istio-system/istiod-1-29-6");
    let found = scene.found();
    assert_eq!(found.len(), 1, "told once: {found:?}");
    assert!(found[0].law == "8" && found[0].detail.contains("Pod/web/bff-1"), "{found:?}");

    let remove = |connected: &[(&str, &str)]| {
        let mut scene = Scene::new();
        scene.announced.revisions.insert(OLD.into());
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
        scene.announced.objects.insert(ObjectRef::new("Deployment", "istio-system", name));
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
    scene.announced.tags.insert("prod".into());
    scene.delete(tag);
    let found = scene.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].detail.contains("Namespace/web"), "{found:?}");

    let mut moved = Scene::new();
    moved.announced.tags.insert("prod".into());
    moved.announced.objects.insert(ObjectRef::cluster("Namespace", "web"));
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
    covered.announced.objects.insert(bff());
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
