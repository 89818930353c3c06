//! A small shop: one workload behind one Service, restarted in one corner of the traffic model.

use meshlift_model::k8s::{DaemonSet, Deployment, Object, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;
use meshlift_twin::traffic::{Corner, CornerTimings, Traffic, WorkloadTraffic, measure, verdict};
use meshlift_twin::{AdmitAsIs, Config, DeleteOptions, Twin};
use serde_json::{Value, json};

pub(crate) use meshlift_model::finding::TrafficVerdict;

/// Namespace of everything.
const SHOP: &str = "shop";
/// Seconds in which anything here settles, in any corner.
const SETTLE_SECONDS: i64 = 1200;

/// How the pods are meshed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mesh {
    Native,
    Classic,
    Bare,
}

/// What is tried.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) kind: &'static str,
    pub(crate) mesh: Mesh,
    pub(crate) replicas: i32,
    /// Fields of the workload's spec.
    pub(crate) spec: Value,
    /// Seconds of an app's preStop sleep.
    pub(crate) sleep: Option<i64>,
    pub(crate) probe: bool,
    /// Port name, which says the protocol.
    pub(crate) port: &'static str,
    /// Fields of the Service's spec.
    pub(crate) service: Value,
    pub(crate) seed: u64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            kind: Deployment::KIND,
            mesh: Mesh::Native,
            replicas: 2,
            spec: json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}),
            sleep: None,
            probe: true,
            port: "http",
            service: json!({"clusterIP": "10.96.0.10"}),
            seed: 1,
        }
    }
}

impl Scenario {
    /// Runs the restart in a corner: the whole of what was measured.
    pub(crate) fn measure(&self, corner: Corner) -> Traffic {
        let slice = corner.slice_millis();
        let config = |seed| Config { endpoint_lag_millis: (slice, slice), ..Config::new(seed) };
        let timings = || Box::new(CornerTimings::new(corner, self.seed));
        let start = Time::parse("2026-11-23T20:00:00Z").expect("a time");
        // What is set up comes from another cluster: with one seed its uids would be given again.
        let mut twin = Twin::new(start, config(self.seed + 1000), Box::new(AdmitAsIs), timings());
        let node = json!({"metadata": {"name": "node"}, "status": {"allocatable": {"pods": "100"}}});
        create(&mut twin, "Node", node);
        let mut service = json!({"metadata": {"name": "app", "namespace": SHOP}, "spec": {
            "selector": {"app": "app"}, "ports": [{"name": self.port, "port": 80, "targetPort": 8080}]}});
        merge(&mut service["spec"], &self.service);
        create(&mut twin, "Service", service);
        create(&mut twin, self.kind, self.object());
        pass(&mut twin, SETTLE_SECONDS);
        let mut twin = Twin::load(&twin.export(), config(self.seed), Box::new(AdmitAsIs), timings());
        let began = twin.now();
        pass(&mut twin, 1);
        self.restart(&mut twin);
        pass(&mut twin, SETTLE_SECONDS);
        measure(twin.cluster.store.changes(), began, twin.now(), corner)
    }

    /// What its clients went through.
    pub(crate) fn run(&self, corner: Corner) -> WorkloadTraffic {
        let workload = ObjectRef::new(self.kind, SHOP, "app");
        let traffic = self.measure(corner);
        traffic.workloads.get(&workload).cloned().expect("a workload that was touched")
    }

    /// The verdict from all eight corners.
    pub(crate) fn verdict(&self) -> TrafficVerdict {
        let best = self.run(Corner::BEST);
        let others: Vec<_> = Corner::all().into_iter().map(|corner| self.run(corner)).collect();
        verdict(&best, &others)
    }

    fn object(&self) -> Value {
        let (metadata, pod) = (json!({"labels": {"app": "app"}}), self.pod());
        if self.kind == "Pod" {
            let metadata = json!({"name": "app", "namespace": SHOP, "labels": {"app": "app"}});
            return json!({"metadata": metadata, "spec": pod});
        }
        let mut spec = json!({
            "replicas": self.replicas,
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": metadata, "spec": pod},
        });
        merge(&mut spec, &self.spec);
        json!({"metadata": {"name": "app", "namespace": SHOP}, "spec": spec})
    }

    fn pod(&self) -> Value {
        let mut app = json!({"name": "app", "image": "v1", "ports": [{"containerPort": 8080}]});
        if self.probe {
            app["readinessProbe"] = json!({"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 2});
        }
        if let Some(seconds) = self.sleep {
            app["lifecycle"] = json!({"preStop": {"exec": {"command": ["/bin/sleep", seconds.to_string()]}}});
        }
        let mut proxy = json!({"name": "istio-proxy", "image": "proxyv2:1.29.6"});
        let mut pod = json!({"terminationGracePeriodSeconds": 40, "nodeName": ""});
        match self.mesh {
            Mesh::Native => {
                proxy["restartPolicy"] = "Always".into();
                pod["initContainers"] = json!([proxy]);
                pod["containers"] = json!([app]);
            }
            Mesh::Classic => pod["containers"] = json!([app, proxy]),
            Mesh::Bare => pod["containers"] = json!([app]),
        }
        pod
    }

    /// As `kubectl rollout restart`; a bare pod is deleted and made anew.
    fn restart(&self, twin: &mut Twin) {
        let stamp = |annotations: &mut meshlift_model::k8s::StringMap| {
            annotations.insert("restartedAt".to_owned(), "now".to_owned());
        };
        let store = &mut twin.cluster.store;
        match self.kind {
            Deployment::KIND => store
                .patch::<Deployment>(SHOP, "app", |one| {
                    stamp(&mut one.spec.template.metadata.annotations);
                })
                .map(drop),
            StatefulSet::KIND => store
                .patch::<StatefulSet>(SHOP, "app", |one| {
                    stamp(&mut one.spec.template.metadata.annotations);
                })
                .map(drop),
            DaemonSet::KIND => store
                .patch::<DaemonSet>(SHOP, "app", |one| {
                    stamp(&mut one.spec.template.metadata.annotations);
                })
                .map(drop),
            _ => {
                let pod = ObjectRef::new("Pod", SHOP, "app");
                twin.cluster.delete(&pod, &DeleteOptions::default()).expect("deleted");
                pass(twin, 60);
                create(twin, "Pod", self.object());
                return;
            }
        }
        .expect("patched");
    }
}

fn pass(twin: &mut Twin, seconds: i64) {
    let until = twin.now().plus_seconds(seconds);
    twin.run_until(until);
}

fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().expect("an object") {
        into[key] = value.clone();
    }
}

fn create(twin: &mut Twin, kind: &str, value: Value) {
    let object = Object::from_value(kind, value).expect("a known kind").expect("a fitting value");
    twin.cluster.create(object).expect("created");
}
