//! A namespace of its own, a live world, and plain requests that share no code with it.

use std::path::Path;
use std::time::Duration;

use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use meshlift_cluster::Cluster;
use meshlift_kube::{Access, Actor, Connection, Installable, LiveOptions, LiveWorld};
use meshlift_model::effect::{Change, Effect, Failure, Observation, Outcome, Query, WorkloadView, Write};
use meshlift_model::journal::InputEvent;
use meshlift_model::k8s::KindInfo;
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;
use meshlift_ports::WorldPort;
use serde_json::{Value, json};

/// Namespace whose annotation holds runs.
pub(crate) const RUNS: &str = "default";
/// Longest that anything is waited for, in seconds.
const WAIT_SECONDS: i64 = 90;

pub(crate) struct Scene {
    pub(crate) connection: Connection,
    pub(crate) world: LiveWorld,
    pub(crate) namespace: String,
}

impl Scene {
    pub(crate) fn new(cluster: &Cluster, namespace: &str) -> Self {
        let scene = Self::with(&cluster.kubeconfig(), namespace);
        scene.create("Namespace", &json!({"metadata": {"name": namespace}}));
        scene
    }

    /// A namespace that is there already, as whoever the kubeconfig names.
    pub(crate) fn with(kubeconfig: &Path, namespace: &str) -> Self {
        let access = Access { kubeconfig: Some(kubeconfig.to_owned()), context: None };
        let connection = Connection::open(&access).unwrap();
        let world = world(&connection, None);
        Self { connection, world, namespace: namespace.to_owned() }
    }

    /// The same cluster with something to install.
    pub(crate) fn give(&mut self, installable: Installable) {
        self.world = world(&self.connection, Some(installable));
    }

    pub(crate) fn at(&self, kind: &str, name: &str) -> ObjectRef {
        let namespaced = KindInfo::of(kind).is_some_and(|info| info.namespaced);
        ObjectRef::new(kind, if namespaced { &self.namespace } else { "" }, name)
    }

    pub(crate) fn api(&self, reference: &ObjectRef) -> Api<DynamicObject> {
        let info = KindInfo::of(&reference.kind).unwrap();
        let (group, version) = info.api_version.split_once('/').unwrap_or(("", info.api_version));
        let kind = GroupVersionKind::gvk(group, version, info.wire_kind());
        let plural = info.resource.split('.').next().unwrap();
        let resource = ApiResource::from_gvk_with_plural(&kind, plural);
        let client: Client = self.connection.client().clone();
        if info.namespaced {
            Api::namespaced_with(client, &reference.namespace, &resource)
        } else {
            Api::all_with(client, &resource)
        }
    }

    pub(crate) fn create(&self, kind: &str, object: &Value) -> Value {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap();
        let api = self.api(&self.at(kind, name));
        let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
        let created = self.connection.wait(api.create(&PostParams::default(), &object)).unwrap();
        serde_json::to_value(created).unwrap()
    }

    /// The object as it is now.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let found = self.connection.wait(self.api(&self.at(kind, name)).get_opt(name)).unwrap();
        found.map(|found| serde_json::to_value(found).unwrap())
    }

    /// A field of an object; null where it is not there.
    pub(crate) fn field(&self, kind: &str, name: &str, pointer: &str) -> Value {
        self.get(kind, name).and_then(|object| object.pointer(pointer).cloned()).unwrap_or_default()
    }

    pub(crate) fn run(&mut self, effect: &Effect) -> Outcome {
        self.world.submit(7, effect);
        let until = self.world.now().plus_seconds(WAIT_SECONDS);
        loop {
            match self.world.next(Some(until)).event {
                InputEvent::Outcome { effect: 7, outcome } => return outcome,
                InputEvent::Tick => panic!("no outcome of {effect:?} within {WAIT_SECONDS} s"),
                InputEvent::Outcome { .. } | InputEvent::Command(_) => {}
            }
        }
    }

    pub(crate) fn write(&mut self, target: ObjectRef, change: Change) -> Result<Vec<Value>, Failure> {
        self.bound(Write { target, uid: None, resource_version: None, change })
    }

    pub(crate) fn bound(&mut self, write: Write) -> Result<Vec<Value>, Failure> {
        match self.run(&Effect::Write(write)) {
            Outcome::Done { stored } => Ok(stored),
            Outcome::Failed { failure } => Err(failure),
            Outcome::Observed { observation } => panic!("a write was answered {observation:?}"),
        }
    }

    pub(crate) fn ask(&mut self, query: Query) -> Observation {
        match self.run(&Effect::Read(query)) {
            Outcome::Observed { observation } => observation,
            other => panic!("a question was answered {other:?}"),
        }
    }

    pub(crate) fn workload(&mut self, kind: &str, name: &str) -> Option<WorkloadView> {
        let workload = self.at(kind, name);
        match self.ask(Query::Workload { workload }) {
            Observation::Workload { workload } => workload.map(|view| *view),
            other => panic!("{other:?}"),
        }
    }

    /// Looks at a workload until it is as wanted.
    pub(crate) fn until(
        &mut self,
        kind: &str,
        name: &str,
        wanted: impl Fn(&WorkloadView) -> bool,
    ) -> WorkloadView {
        let until = self.world.now().plus_seconds(WAIT_SECONDS);
        loop {
            let view = self.workload(kind, name);
            if let Some(view) = view.as_ref().filter(|view| wanted(view)) {
                return view.clone();
            }
            assert!(self.world.now() < until, "{kind}/{name} is not as wanted: {view:#?}");
            self.connection.wait(pause());
        }
    }
}

/// Between two looks.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// A live world behind a connection.
pub(crate) fn world(connection: &Connection, installable: Option<Installable>) -> LiveWorld {
    let reader = Box::new(|| Ok(Snapshot::default()));
    let run = Actor { run: "test".to_owned(), namespace: RUNS.to_owned(), executor: None };
    LiveWorld::new(connection.clone(), LiveOptions { installable, reader, run })
}

/// A template of one container.
pub(crate) fn template(app: &str, annotations: &Value) -> Value {
    json!({
        "metadata": {"labels": {"app": app}, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    })
}

pub(crate) fn deployment(name: &str, replicas: i32, annotations: &Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, annotations),
        },
    })
}

pub(crate) fn stateful_set(name: &str, replicas: i32, strategy: &Value) -> Value {
    let mut set = deployment(name, replicas, &json!({}));
    set["spec"]["serviceName"] = json!(name);
    set["spec"]["updateStrategy"] = strategy.clone();
    set
}

/// Our restart of a workload.
pub(crate) fn restart(value: &str) -> Change {
    let key = meshlift_model::defaults::RESTARTED_AT.to_owned();
    Change::TemplateAnnotation { key, value: Some(value.to_owned()) }
}
