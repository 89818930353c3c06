//! A small cluster: three nodes, namespace `shop`, pods that are fast unless a test says otherwise.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use meshlift_model::k8s::{Object, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;
use meshlift_twin::{AdmitAsIs, Config, PodStart, PodTimings, SteadyTimings, Store, Twin};
use serde_json::{Value, json};

/// Namespace of everything.
pub(crate) const SHOP: &str = "shop";
/// Seconds in which anything here settles.
pub(crate) const SETTLE_SECONDS: i64 = 120;

/// Images whose pods never become Ready, and such whose pods fail.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    pub(crate) never_ready: Rc<RefCell<BTreeSet<String>>>,
    pub(crate) failing: Rc<RefCell<BTreeSet<String>>>,
}

#[derive(Clone)]
struct FaultyTimings {
    steady: SteadyTimings,
    faults: Faults,
}

impl PodTimings for FaultyTimings {
    fn start(&mut self, pod: &Pod, store: &Store) -> PodStart {
        let mut start = self.steady.start(pod, store);
        let image = &pod.spec.containers[0].image;
        if self.faults.never_ready.borrow().contains(image) {
            start.ready_at = None;
        }
        if self.faults.failing.borrow().contains(image) {
            start.finished_at = start.finished_at.map(|(at, _)| (at, false));
        }
        start
    }

    fn gone_at(&mut self, pod: &Pod, store: &Store) -> Time {
        self.steady.gone_at(pod, store)
    }
}

/// The cluster with its faults.
pub(crate) struct Scene {
    pub(crate) twin: Twin,
    pub(crate) faults: Faults,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with_seed(1)
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        let faults = Faults::default();
        let timings = FaultyTimings { steady: SteadyTimings::new(seed), faults: faults.clone() };
        let start = Time::parse("2026-11-23T20:00:00Z").expect("a time");
        let mut twin = Twin::new(start, Config::new(seed), Box::new(AdmitAsIs), Box::new(timings));
        for number in 1..=3 {
            let node = json!({
                "metadata": {"name": format!("node-{number}"), "labels": {"kubernetes.io/hostname": format!("node-{number}")}},
                "status": {"allocatable": {"pods": "100", "cpu": "8"}}
            });
            create(&mut twin, "Node", node);
        }
        Self { twin, faults }
    }

    /// Creates an object of that kind in the namespace.
    pub(crate) fn create(&mut self, kind: &str, mut value: Value) {
        value["metadata"]["namespace"] = SHOP.into();
        create(&mut self.twin, kind, value);
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&mut self, seconds: i64) {
        let until = self.twin.now().plus_seconds(seconds);
        self.twin.run_until(until);
    }

    /// Lets everything settle.
    pub(crate) fn settle(&mut self) {
        self.pass(SETTLE_SECONDS);
    }

    pub(crate) fn get<R: Resource>(&self, name: &str) -> &R {
        self.twin.cluster.store.get::<R>(SHOP, name).unwrap_or_else(|| unreachable!("no {} {name}", R::KIND))
    }

    pub(crate) fn list<R: Resource + 'static>(&self) -> Vec<&R> {
        self.twin.cluster.store.list::<R>(SHOP).collect()
    }

    pub(crate) fn patch<R: Resource + Clone>(&mut self, name: &str, change: impl FnOnce(&mut R)) {
        self.twin.cluster.store.patch::<R>(SHOP, name, change).expect("patched object is there");
    }

    /// Pods that are Ready and stay.
    pub(crate) fn ready(&self) -> usize {
        let stays = |pod: &&&Pod| pod.is_ready() && pod.metadata.deletion_timestamp.is_none();
        self.list::<Pod>().iter().filter(stays).count()
    }
}

/// A reference into the namespace.
pub(crate) fn target(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new(kind, SHOP, name)
}

/// A pod template with an image; label `app`.
pub(crate) fn template(app: &str, image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "app", "image": image}], "terminationGracePeriodSeconds": 10}
    })
}

/// A workload's spec: selector, template and more.
pub(crate) fn workload(app: &str, more: Value) -> Value {
    let mut spec = json!({"selector": {"matchLabels": {"app": app}}, "template": template(app, "v1")});
    for (key, value) in more.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": app}, "spec": spec})
}

fn create(twin: &mut Twin, kind: &str, value: Value) {
    let object = Object::from_value(kind, value).expect("a known kind").expect("a fitting value");
    twin.cluster.create(object).expect("created");
}
