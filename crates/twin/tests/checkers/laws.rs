//! Laws that the journal is held against: each is broken once, and kept once.

use std::collections::BTreeSet;

use meshlift_model::effect::{Change, Query, Write};
use meshlift_model::journal::{Record, StepEnd, Undo};
use meshlift_model::k8s::{Deployment, Namespace, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::plan::{Gate, Step};
use meshlift_twin::Store;
use serde_json::{Value, json};

use crate::scene::{NEW, OLD, Scene, bff};

const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// A step of a plan; what `more` does not say is nothing.
fn step(id: &str, more: Value) -> Step {
    let mut value = json!({"id": id, "stage": "wave", "layer": "sidecars", "title": id, "reason": "", "needs": [],
        "actions": [], "gates": [], "bake_seconds": 0, "approve_after": false, "undo": {"undo": "not-needed"},
        "undo_seconds": 0, "expected_seconds": 0, "pods": 0, "floors": []});
    let fields = value.as_object_mut().expect("fields");
    fields.extend(more.as_object().expect("fields").clone());
    serde_json::from_value(value).expect("a step")
}

fn moves(preconditions: Value) -> Value {
    json!({"phase": 0, "preconditions": preconditions, "do": {"action": "move", "workload": "Deployment/web/bff",
        "revision": NEW, "how": "rollout", "cures": [], "replicas": 2, "ready_min": 1, "seconds_max": 600,
        "pod_ready_seconds_max": 120}})
}

/// A restart of web/bff as the engine means it, for the version that is stored now.
fn restart(scene: &Scene) -> Write {
    let meta = &scene.store.get::<Deployment>("web", "bff").expect("bff").metadata;
    let (uid, version) = (meta.uid.clone(), meta.resource_version.clone());
    let change = Change::TemplateAnnotation { key: RESTARTED_AT.into(), value: Some("now".into()) };
    Write { target: bff(), uid: Some(uid), resource_version: Some(version.to_string()), change }
}

fn annotate(value: Option<&'static str>) -> impl Fn(&mut Store) {
    move |store: &mut Store| {
        let stamp = |one: &mut Deployment| {
            let annotations = &mut one.spec.template.metadata.annotations;
            match value {
                Some(value) => annotations.insert(RESTARTED_AT.into(), value.into()),
                None => annotations.remove(RESTARTED_AT),
            };
        };
        store.patch::<Deployment>("web", "bff", stamp).expect("patched");
    }
}

fn begin(scene: &mut Scene, id: &str, more: Value) {
    scene.announced.revision = Some(NEW.into());
    scene.announced.add_step(step(id, more));
    scene.record(Record::StepStarted { step: id.into(), baseline: vec![], census: None });
}

/// A scene in which step `wave` restarts web/bff as it should.
fn wave(preconditions: Value) -> Scene {
    let mut scene = Scene::new();
    begin(&mut scene, "wave", json!({"actions": [moves(preconditions)]}));
    scene.ask(Query::Workload { workload: bff() });
    scene
}

fn laws(scene: &Scene) -> BTreeSet<String> {
    scene.laws().into_iter().collect()
}

fn only(law: &str) -> BTreeSet<String> {
    [law.to_owned()].into()
}

#[test]
fn a_write_says_what_it_was_meant_for() {
    let mut scene = wave(json!([]));
    let write = restart(&scene);
    scene.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some("now")));
    assert_eq!(scene.found(), []);

    let mut blind = wave(json!([]));
    let write = Write { resource_version: None, ..restart(&blind) };
    blind.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some("now")));
    assert_eq!(laws(&blind), only("4"));
}

#[test]
fn what_somebody_changed_meanwhile_is_not_written_on_the_strength_of_an_old_look() {
    let mut scene = wave(json!([]));
    let write = restart(&scene);
    let effect = scene.intent("wave", 0, &write, Undo::NotNeeded, false);
    scene.submit(effect, &write);
    let scale = |one: &mut Deployment| one.spec.replicas = Some(5);
    scene.store.patch::<Deployment>("web", "bff", scale).expect("patched");
    scene.act(effect, annotate(Some("now")));
    let found = scene.found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].law == "4" && found[0].detail.contains("somebody"), "{found:?}");
}

#[test]
fn declared_preconditions_hold_when_an_action_writes() {
    let run = |preconditions: Value| {
        let mut scene = wave(preconditions);
        let write = restart(&scene);
        scene.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some("now")));
        scene.found()
    };
    let replicas =
        |count: i32| json!([{"needs": "replicas-are", "object": "Deployment/web/bff", "replicas": count}]);
    let selector =
        |rev: &str| json!([{"needs": "selector-is", "namespace": "web", "selector": {"rev": rev}}]);
    let ready = |revision: &str| json!([{"needs": "revision-ready", "revision": revision}]);
    let free = |revision: &str| json!([{"needs": "no-consumers", "revision": revision}]);
    for held in [replicas(2), selector("prod"), free(NEW)] {
        assert_eq!(run(held.clone()), [], "{held}");
    }
    for broken in [replicas(3), selector(NEW), ready("1-31-0"), free("1-29-6")] {
        let found = run(broken.clone());
        assert!(found.len() == 1 && found[0].law == "4", "{broken}: {found:?}");
    }
}

#[test]
fn the_journal_comes_before_the_effect() {
    let mut late = wave(json!([]));
    let write = restart(&late);
    late.submit(7, &write);
    late.act(7, annotate(Some("now")));
    assert_eq!(laws(&late), only("5"), "handed over without an intent");

    let mut nobodys = wave(json!([]));
    nobodys.store.set_author(meshlift_twin::world::PORT);
    annotate(Some("now"))(&mut nobodys.store);
    nobodys.store.set_author("somebody");
    assert_eq!(laws(&nobodys), only("5"), "written by no effect");

    let mut twice = wave(json!([]));
    for value in ["now", "then"] {
        let write = restart(&twice);
        twice.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some(value)));
        twice.ask(Query::Workload { workload: bff() });
    }
    assert_eq!(laws(&twice), only("5"), "restarted twice");

    let mut again = wave(json!([]));
    let write = restart(&again);
    let effect = again.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some("now")));
    again.submit(effect, &write);
    again.act(effect, |_| {});
    assert_eq!(again.found(), [], "asked once more, and nothing came of it");
}

#[test]
fn a_step_that_was_taken_back_leaves_nothing() {
    let undone = |back: Option<&'static str>, pod: bool| {
        let mut scene = wave(json!([]));
        let write = restart(&scene);
        let undo = Undo::Inverse { writes: Vec::new() };
        scene.write_in("wave", 0, &write, undo, annotate(Some("now")));
        if pod {
            scene.pod("bff-3", Some("1.30.3"));
        }
        scene.record(Record::Undoing { step: "wave".into(), why: String::new() });
        scene.ask(Query::Workload { workload: bff() });
        let write = restart(&scene);
        let effect = scene.intent("wave", 0, &write, Undo::NotNeeded, true);
        scene.submit(effect, &write);
        scene.act(effect, annotate(back));
        let end = StepEnd::Undone { why: String::new() };
        scene.record(Record::StepEnded { step: "wave".into(), end });
        scene
    };
    assert_eq!(undone(None, false).found(), []);
    assert_eq!(laws(&undone(Some("later"), false)), only("6"), "its annotation stays");
    let found = undone(None, true).found();
    assert!(found.len() == 1 && found[0].detail.contains("bff-3"), "a pod stays: {found:?}");
}

#[test]
fn a_namespace_has_one_label_at_every_moment() {
    let relabel = |labels: &'static [(&'static str, &'static str)]| {
        let mut scene = Scene::new();
        scene.announced.cover.objects.insert(ObjectRef::cluster("Namespace", "web"));
        scene.as_us(|store| {
            let set = |one: &mut Namespace| {
                one.metadata.labels =
                    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            };
            store.patch("", "web", set).expect("patched");
        });
        laws(&scene)
    };
    assert_eq!(relabel(&[("istio.io/rev", NEW)]), BTreeSet::new());
    assert_eq!(relabel(&[("istio.io/rev", NEW), ("istio-injection", "enabled")]), only("7"));
}

#[test]
fn held_namespaces_and_other_steps_are_left_alone() {
    let mut held = wave(json!([]));
    held.announced.held.insert("web".into());
    let write = restart(&held);
    held.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some("now")));
    assert_eq!(laws(&held), only("1"));

    let mut other = wave(json!([]));
    other.announced.add_step(step("later", json!({})));
    let write = restart(&other);
    other.write_in("later", 0, &write, Undo::NotNeeded, annotate(Some("now")));
    let found = other.found();
    assert!(found.len() == 1 && found[0].detail.contains("step later"), "{found:?}");

    let came_up = |begun: bool| {
        let mut scene = Scene::new();
        let actions = json!({"actions": [moves(json!([]))]});
        if begun {
            begin(&mut scene, "wave", actions);
        } else {
            scene.announced.revision = Some(NEW.into());
            scene.announced.add_step(step("wave", actions));
        }
        scene.pod("bff-3", Some("1.30.3"));
        laws(&scene)
    };
    assert_eq!(came_up(true), BTreeSet::new());
    assert_eq!(came_up(false), only("1"), "a pod on the new revision ahead of its step");
}

#[test]
fn an_istiod_is_not_too_far_ahead_of_its_proxies() {
    let mut scene = Scene::new();
    scene.pod("bff-3", Some("1.28.4"));
    scene.link("bff-3", OLD, true);
    assert_eq!(scene.found(), []);
    scene.link("bff-3", NEW, true);
    assert_eq!(laws(&scene), only("10"));
}

#[test]
fn limits_are_kept() {
    let run = |wave_pods_max: usize, step: &str| {
        let mut scene = wave(json!([]));
        scene.announced.limits.wave_pods_max = wave_pods_max;
        scene.announced.limits.canary_pods_max = Some(wave_pods_max);
        scene.announced.steps[0].stage = serde_json::from_value(json!(step)).expect("a stage");
        let write = restart(&scene);
        scene.write_in("wave", 0, &write, Undo::NotNeeded, annotate(Some("now")));
        laws(&scene)
    };
    assert_eq!(run(2, "canary"), BTreeSet::new());
    assert_eq!(run(1, "canary"), only("13"));
    assert_eq!(run(1, "wave"), BTreeSet::new(), "one namespace alone may be larger");

    let mut many = Scene::new();
    let actions: Vec<Value> = (0..3).map(|_| moves(json!([]))).collect();
    begin(&mut many, "wave", json!({ "actions": actions }));
    for action in 0..3 {
        let write = restart(&many);
        many.intent("wave", action, &write, Undo::NotNeeded, false);
        if action == 0 {
            many.record(Record::ActionDone { step: "wave".into(), action });
        }
    }
    assert_eq!(laws(&many), BTreeSet::new(), "two at once");
    let write = restart(&many);
    many.intent("wave", 0, &write, Undo::NotNeeded, false);
    assert_eq!(laws(&many), only("13"), "three of one namespace at once");
}

fn healthy() -> Gate {
    Gate::RevisionHealthy { revision: "1-31-0".into(), ready_min: 0 }
}

/// A step with one gate and a bake: asked or not, baked or not.
fn gated(asked: bool, baked_seconds: i64, passes: usize) -> Scene {
    let mut scene = Scene::new();
    let gate = serde_json::to_value(healthy()).expect("a gate");
    begin(&mut scene, "wave", json!({"gates": [gate], "bake_seconds": 60}));
    let pass = |scene: &mut Scene, seconds: i64| {
        let (step, gate, at) = ("wave".to_owned(), healthy(), scene.began.plus_seconds(seconds));
        if asked {
            scene.ask_at(at, Query::Revision { revision: "1-31-0".into() });
        }
        scene.record_at(at, Record::Gate { step, gate, passed: true, reason: String::new() });
    };
    pass(&mut scene, 0);
    let until = scene.began.plus_seconds(baked_seconds);
    scene.record(Record::Bake { step: "wave".into(), until });
    for _ in 1..passes {
        pass(&mut scene, baked_seconds);
    }
    scene.record_at(until, Record::StepEnded { step: "wave".into(), end: StepEnd::Done });
    scene
}

#[test]
fn gates_are_asked_before_and_after_the_bake() {
    assert_eq!(gated(true, 60, 2).found(), []);
    assert_eq!(laws(&gated(false, 60, 2)), only("14"), "nobody looked");
    assert_eq!(laws(&gated(true, 30, 2)), only("14"), "baked too short");
    assert_eq!(laws(&gated(true, 60, 1)), only("14"), "not asked again");

    let mut untrue = Scene::new();
    let gate = Gate::PodsOnRevision { revision: NEW.into(), workloads: vec![bff()] };
    let value = serde_json::to_value(&gate).expect("a gate");
    begin(&mut untrue, "wave", json!({ "gates": [value] }));
    untrue.ask(Query::Workload { workload: bff() });
    untrue.record(Record::Gate { step: "wave".into(), gate, passed: true, reason: String::new() });
    let found = untrue.found();
    assert!(found.len() == 1 && found[0].detail.contains("runs on 1-29-6"), "{found:?}");
}

#[test]
fn steps_keep_their_order_and_stop_after_one_that_was_taken_back() {
    let mut scene = Scene::new();
    begin(&mut scene, "first", json!({}));
    let end = StepEnd::Undone { why: String::new() };
    scene.record(Record::StepEnded { step: "first".into(), end });
    begin(&mut scene, "second", json!({"needs": ["first"]}));
    let found = scene.found();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(laws(&scene), only("14"));
}

#[test]
fn floors_are_those_of_the_step_at_work_and_crashes_are_not_ours() {
    let floor =
        |ready_min: i32| json!([{"workload": bff().to_string(), "ready_min": ready_min, "replicas": 2}]);
    let lose = |first: i32, second: i32, crash: bool| {
        let mut scene = Scene::new();
        begin(&mut scene, "first", json!({ "floors": floor(first) }));
        scene.record(Record::StepEnded { step: "first".into(), end: StepEnd::Done });
        begin(&mut scene, "second", json!({ "floors": floor(second) }));
        if crash {
            let fall = |pod: &mut meshlift_model::k8s::Pod| pod.status.conditions.clear();
            scene.store.patch_status("web", "bff-1", fall).expect("patched");
        } else {
            let target = ObjectRef::new("Pod", "web", "bff-1");
            scene.store.delete(&target, &meshlift_twin::DeleteOptions::default()).expect("deleted");
        }
        laws(&scene)
    };
    assert_eq!(lose(2, 1, false), BTreeSet::new());
    assert_eq!(lose(1, 2, false), only("9"));
    assert_eq!(lose(1, 2, true), BTreeSet::new(), "it crashed by itself");
}

#[test]
fn a_moved_tag_would_roll_managed_gateways() {
    let run = |label: &str| {
        let mut scene = Scene::new();
        scene.store.set_author("");
        let labels = json!({"istio.io/rev": label});
        scene.write("Gateway", json!({"metadata": {"name": "public", "namespace": "web", "labels": labels}}));
        scene.announced.cover.tags.insert("prod".into());
        scene.as_us(|store| {
            let name = "istio-revision-tag-prod";
            let kind = meshlift_model::k8s::MutatingWebhookConfiguration::KIND;
            assert!(store.object(&ObjectRef::cluster(kind, name)).is_some());
            let point = |one: &mut meshlift_model::k8s::MutatingWebhookConfiguration| {
                one.metadata.labels.insert("istio.io/rev".into(), NEW.into());
            };
            store.patch("", name, point).expect("patched");
        });
        laws(&scene)
    };
    assert_eq!(run("prod"), only("not modelled"));
    assert_eq!(run("1-29-6"), BTreeSet::new());
}
