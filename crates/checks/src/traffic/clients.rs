//! Who sends requests to a workload, how long they know an endpoint that is gone, and which of its
//! containers answers them.

use std::collections::BTreeSet;

use meshlift_mesh::InOrder;
use meshlift_mesh::facts::{Mesh, Workload};
use meshlift_model::k8s::{IntOrString, Service, ServicePort};
use meshlift_model::traffic_constants as c;

use super::pod::{AppShape, PodShape};

/// A client class of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Http,
    Grpc,
    Tcp,
    Unmeshed,
    LoadBalancer,
    Headless,
}

/// One class of clients that reaches one port of a workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Access {
    pub(super) class: Class,
    /// Milliseconds that the serving container sleeps before it gets SIGTERM.
    pub(super) sleep_millis: i64,
    /// Its probe, if it has one: seconds before the first try, and between tries.
    pub(super) probe: Option<(i64, i64)>,
}

impl Access {
    /// The same access to a container with that preStop sleep.
    pub(super) fn with_sleep_millis(&self, sleep_millis: i64) -> Self {
        Self { sleep_millis, ..self.clone() }
    }
}

impl Class {
    /// Milliseconds from a pod's change to this class's knowing of it.
    pub(super) fn lag_millis(self, fast: bool) -> i64 {
        let pick = |quick, slow| if fast { quick } else { slow };
        let slice = pick(c::ENDPOINT_SLICE_FAST_MILLIS, c::ENDPOINT_SLICE_SLOW_MILLIS);
        match self {
            Self::Http | Self::Grpc | Self::Tcp => {
                slice + c::DEBOUNCE_QUIET_MILLIS + pick(c::PUSH_FAST_MILLIS, c::PUSH_SLOW_MILLIS)
            }
            Self::Unmeshed => slice + pick(c::KUBE_PROXY_FAST_MILLIS, c::KUBE_PROXY_SLOW_MILLIS),
            Self::LoadBalancer => pick(c::LOAD_BALANCER_FAST_MILLIS, c::LOAD_BALANCER_SLOW_MILLIS),
            Self::Headless => 0,
        }
    }
}

/// Seconds after which every proxy of the mesh knows, whatever else goes on in it.
pub(super) fn longest_mesh_lag_seconds() -> i64 {
    (c::ENDPOINT_SLICE_SLOW_MILLIS + c::DEBOUNCE_MAX_MILLIS + c::PUSH_SLOW_MILLIS + 999) / 1000
}

/// Services by namespace and name.
pub(super) type Services<'a> = InOrder<(&'a str, &'a str), &'a Service>;

/// All of a mesh.
pub(super) fn services(mesh: &Mesh) -> Services<'_> {
    let all = mesh.snapshot.objects.services.iter();
    all.map(|one| ((one.metadata.namespace.as_str(), one.metadata.name.as_str()), one)).collect()
}

/// All accesses to a workload through its Services, each once.
pub(super) fn accesses(services: &Services<'_>, workload: &Workload, shape: &PodShape) -> Vec<Access> {
    let mut all: Vec<Access> = Vec::new();
    for reference in &workload.services {
        let service = services.get(&(reference.namespace.as_str(), reference.name.as_str()));
        let Some(service) = service else { continue };
        for port in &service.spec.ports {
            for class in classes(service, port) {
                let access = access(class, port, shape);
                if !all.contains(&access) {
                    all.push(access);
                }
            }
        }
    }
    all
}

fn classes(service: &Service, port: &ServicePort) -> BTreeSet<Class> {
    if service.spec.type_ == "ExternalName" {
        return BTreeSet::new();
    }
    if service.spec.cluster_ip == "None" {
        return BTreeSet::from([Class::Headless]);
    }
    let mut classes = BTreeSet::from([meshed(port), Class::Unmeshed]);
    if matches!(service.spec.type_.as_str(), "LoadBalancer" | "NodePort") {
        classes.insert(Class::LoadBalancer);
    }
    classes
}

/// Class of meshed clients by protocol, as Istio selects it: appProtocol, else the name's prefix.
fn meshed(port: &ServicePort) -> Class {
    let name = port.name.split('-').next().unwrap_or_default();
    let protocol = port.app_protocol.as_deref().unwrap_or(name).to_ascii_lowercase();
    match protocol.as_str() {
        "grpc" => Class::Grpc,
        "tcp" | "tls" | "https" | "mongo" | "mysql" | "redis" | "udp" => Class::Tcp,
        _ if port.protocol == "UDP" => Class::Tcp,
        _ => Class::Http,
    }
}

fn access(class: Class, port: &ServicePort, shape: &PodShape) -> Access {
    let declaring: Vec<&AppShape> = shape.apps.iter().filter(|app| declares(app, port)).collect();
    let serving = if declaring.is_empty() { shape.apps.iter().collect() } else { declaring };
    Access {
        class,
        sleep_millis: serving.iter().map(|app| app.sleep_millis).min().unwrap_or(0),
        probe: serving.iter().find_map(|app| app.probe),
    }
}

fn declares(app: &AppShape, port: &ServicePort) -> bool {
    app.ports.iter().any(|(number, name)| match &port.target_port {
        IntOrString::Int(0) => *number == port.port,
        IntOrString::Int(target) => number == target,
        IntOrString::String(target) => name == target,
    })
}
