//! A mesh that is written by hand: what happens to it is what the tests say.

use std::collections::BTreeMap;
use std::rc::Rc;

use meshlift_model::effect::{Change as Wanted, Effect, EffectId, Query, Write};
use meshlift_model::journal::{JournalLine, Record, Undo};
use meshlift_model::k8s::{Deployment, Object, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::run_report::Violation;
use meshlift_model::time::Time;
use meshlift_twin::Store;
use meshlift_twin::admission::Review;
use meshlift_twin::checkers::{Announced, Evidence, violations};
use meshlift_twin::istiod::LinkEvent;
use meshlift_twin::seed::Seed;
use meshlift_twin::witness::{Passed, What};
use meshlift_twin::world::PORT;
use serde_json::{Value, json};

pub(super) const OLD: &str = "1-29-6";
pub(super) const NEW: &str = "1-30-3";
/// Step of the writes that a test says nothing more of.
pub(super) const SOME_STEP: &str = "some-step";

pub(super) fn bff() -> ObjectRef {
    ObjectRef::new(Deployment::KIND, "web", "bff")
}

/// A mesh of two revisions, written by hand: what happens to it is what the tests say. What nobody wrote is how
/// things were at the beginning.
pub(super) struct Scene {
    pub(super) store: Store,
    pub(super) began: Time,
    pub(super) links: Vec<LinkEvent>,
    pub(super) connected: BTreeMap<ObjectRef, RevisionName>,
    pub(super) reviews: Vec<Review>,
    pub(super) lost: BTreeMap<ObjectRef, f64>,
    pub(super) announced: Announced,
    pub(super) passed: Vec<Passed>,
    effects: EffectId,
}

impl Scene {
    pub(super) fn new() -> Self {
        let began = Time::parse("2026-11-23T20:00:00Z").expect("a time");
        let mut scene = Self {
            store: Store::new(began, Seed::new(1)),
            began,
            links: Vec::new(),
            connected: BTreeMap::new(),
            reviews: Vec::new(),
            lost: BTreeMap::new(),
            announced: Announced::default(),
            passed: Vec::new(),
            effects: 0,
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

    pub(super) fn write(&mut self, kind: &str, mut value: Value) {
        value["metadata"]["uid"] = value["metadata"]["name"].clone();
        let object = Object::from_value(kind, value).expect("a known kind").expect("a fitting value");
        self.store.load(object);
    }

    /// A ready pod of web/bff, whose owner is loaded after it; version of its proxy.
    pub(super) fn pod(&mut self, name: &str, proxy: Option<&str>) {
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

    pub(super) fn link(&mut self, pod: &str, revision: &str, connected: bool) {
        let (at, pod) = (self.began, ObjectRef::new("Pod", "web", pod));
        self.links.push(LinkEvent { at, pod, revision: revision.into(), connected, synced_at: at });
    }

    pub(super) fn note(&mut self, what: What) {
        let (at, position) = (self.store.now(), self.store.changes().len());
        self.passed.push(Passed { at, position, what });
    }

    pub(super) fn record(&mut self, record: Record) {
        self.record_at(self.store.now(), record);
    }

    pub(super) fn record_at(&mut self, at: Time, record: Record) {
        let sequence = self.passed.len() as u64;
        let what = What::Appended(Rc::new(JournalLine { sequence, at, record }));
        let position = self.store.changes().len();
        self.passed.push(Passed { at, position, what });
    }

    pub(super) fn intent(
        &mut self,
        step: &str,
        action: usize,
        write: &Write,
        undo: Undo,
        back: bool,
    ) -> EffectId {
        self.effects += 1;
        let (effect, step, write) = (self.effects, step.to_owned(), write.clone());
        self.record(Record::Intent { effect, step, action, write, undo, reverses: back.then_some(1) });
        effect
    }

    pub(super) fn submit(&mut self, effect: EffectId, write: &Write) {
        self.note(What::Submitted { effect, asked: Rc::new(Effect::Write(write.clone())) });
    }

    /// What an effect does, by our hand.
    pub(super) fn act(&mut self, effect: EffectId, act: impl FnOnce(&mut Store)) {
        let first = self.store.changes().len();
        self.store.set_author(PORT);
        act(&mut self.store);
        self.store.set_author("somebody");
        let changes = first..self.store.changes().len();
        self.note(What::Acted { effect, changes, done: true });
    }

    /// A question to the world, answered at once.
    pub(super) fn ask(&mut self, query: Query) {
        self.ask_at(self.store.now(), query);
    }

    pub(super) fn ask_at(&mut self, at: Time, query: Query) {
        self.effects += 1;
        let (effect, position) = (self.effects, self.store.changes().len());
        let submitted = What::Submitted { effect, asked: Rc::new(Effect::Read(query)) };
        let acted = What::Acted { effect, changes: position..position, done: true };
        self.passed.extend([submitted, acted].map(|what| Passed { at, position, what }));
    }

    /// A whole write as it should be: intent, handing over, effect.
    pub(super) fn write_in(
        &mut self,
        step: &str,
        action: usize,
        write: &Write,
        undo: Undo,
        act: impl FnOnce(&mut Store),
    ) -> EffectId {
        let effect = self.intent(step, action, write, undo, false);
        self.submit(effect, write);
        self.act(effect, act);
        effect
    }

    /// Something that we do, of which only the effect matters.
    pub(super) fn as_us(&mut self, act: impl FnOnce(&mut Store)) {
        let target = ObjectRef::cluster("RevisionTag", "some");
        let write = Write { target, uid: None, resource_version: None, change: Wanted::RemoveTag };
        self.write_in(SOME_STEP, 0, &write, Undo::NotNeeded, act);
    }

    pub(super) fn delete(&mut self, target: &str) {
        let target: ObjectRef = target.parse().expect("a reference");
        self.as_us(|store| store.delete(&target, &meshlift_twin::DeleteOptions::default()).expect("deleted"));
    }

    pub(super) fn found(&self) -> Vec<Violation> {
        let evidence = Evidence {
            began: self.began,
            changes: self.store.changes(),
            link_events: &self.links,
            connected: self.connected.clone(),
            reviews: &self.reviews,
            passed: self.passed.clone(),
            lost: self.lost.clone(),
        };
        violations(&evidence, &self.announced)
    }

    pub(super) fn laws(&self) -> Vec<String> {
        self.found().into_iter().map(|violation| violation.law).collect()
    }
}
