//! Meshes without a hazard: recorded ones, cut down to what is in order, and the rest put in order.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{
    DaemonSet, Deployment, EnvVar, Gateway, HorizontalPodAutoscaler, IntOrString, Lifecycle,
    LifecycleHandler, ObjectMeta, PodDisruptionBudget, PodDisruptionBudgetSpec, PodSpec, Secret, Service,
    SleepAction, StatefulSet,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::selector::LabelSelector;
use meshlift_model::snapshot::Snapshot;

use crate::edit::{object, with_specs};
use crate::only;

/// Workloads that stay of the recorded sidecar meshes.
const SIDECARS: [&str; 8] = [
    "Deployment/catalog/prices",
    "Deployment/catalog/products",
    "Deployment/checkout/web",
    "Deployment/istio-ingress/istio-ingressgateway",
    "Deployment/payments/fraud",
    "Deployment/web/bff",
    "StatefulSet/data/pg",
    "DaemonSet/data/log-agent",
];
/// Workloads that stay of the recorded ambient mesh.
const AMBIENT: [&str; 4] = [
    "Deployment/edge/public-istio",
    "Deployment/shop/waypoint",
    "Deployment/streams/canary-waypoint",
    "StatefulSet/streams/broker",
];
/// Seconds that an app goes on serving after it was told to end.
const PRE_STOP_SECONDS: i64 = 25;

/// A recorded sidecar mesh (`before`, `canary-installed`) without hazards.
#[must_use]
pub fn clean_sidecars(recording: &Snapshot) -> Snapshot {
    let mut mesh = cut(recording, &SIDECARS);
    object::<Service>(&mut mesh, "istio-ingress/istio-ingressgateway").spec.type_ = "ClusterIP".into();
    with_specs(&mut mesh, "istio-ingress/istio-ingressgateway", |meta, spec| {
        meta.labels.remove("istio.io/rev");
        drain_long(spec);
    });
    mesh.objects.istio_gateways.clear();
    let pg: &mut StatefulSet = object(&mut mesh, "data/pg");
    pg.spec.update_strategy.rolling_update = None;
    pg.status.current_revision.clone_from(&pg.status.update_revision);
    let agent: &mut DaemonSet = object(&mut mesh, "data/log-agent");
    agent.spec.update_strategy.type_ = "RollingUpdate".into();
    object::<HorizontalPodAutoscaler>(&mut mesh, "checkout/web").spec.min_replicas = Some(1);
    for path in [
        "catalog/prices",
        "catalog/products",
        "checkout/web",
        "payments/fraud",
        "web/bff",
        "data/pg",
        "data/log-agent",
    ] {
        with_specs(&mut mesh, path, |_, spec| linger(spec));
    }
    mesh.istiods.values_mut().for_each(|answers| answers.refusals = Some(BTreeMap::new()));
    mesh
}

/// The recorded ambient mesh (`ambient-before`) without hazards.
#[must_use]
pub fn clean_ambient(recording: &Snapshot) -> Snapshot {
    let mut mesh = cut(recording, &AMBIENT);
    mesh.objects.gateways.retain(|gateway| gateway.metadata.name != "unowned");
    for path in ["edge/public", "shop/waypoint", "streams/canary-waypoint"] {
        object::<Gateway>(&mut mesh, path).metadata.labels.insert("istio.io/rev".into(), "1-29-6".into());
    }
    for path in ["edge/public-istio", "shop/waypoint", "streams/canary-waypoint"] {
        let deployment: &mut Deployment = object(&mut mesh, path);
        deployment.spec.replicas = Some(2);
        let metadata = named(&deployment.metadata.namespace, &deployment.metadata.name);
        let spec = PodDisruptionBudgetSpec {
            selector: Some(LabelSelector::of_labels(&deployment.spec.selector.match_labels)),
            max_unavailable: Some(IntOrString::Int(1)),
            ..PodDisruptionBudgetSpec::default()
        };
        mesh.objects.disruption_budgets.push(PodDisruptionBudget {
            metadata,
            spec,
            ..PodDisruptionBudget::default()
        });
        with_specs(&mut mesh, path, |_, spec| drain_long(spec));
    }
    mesh.objects.secrets.push(Secret { metadata: named("edge", "example-com"), ..Secret::default() });
    with_specs(&mut mesh, "streams/broker", |_, spec| linger(spec));
    mesh
}

fn named(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta { namespace: namespace.into(), name: name.into(), ..ObjectMeta::default() }
}

fn cut(recording: &Snapshot, keep: &[&str]) -> Snapshot {
    let keep: BTreeSet<ObjectRef> = keep.iter().filter_map(|one| one.parse().ok()).collect();
    only(recording, &keep, &["istio-system"])
}

/// The app goes on serving until everybody knows that it ends.
fn linger(spec: &mut PodSpec) {
    spec.termination_grace_period_seconds = Some(PRE_STOP_SECONDS + 35);
    let sleep = LifecycleHandler {
        sleep: Some(SleepAction { seconds: PRE_STOP_SECONDS }),
        ..LifecycleHandler::default()
    };
    for container in spec.containers.iter_mut().filter(|one| one.name != "istio-proxy") {
        container.lifecycle = Some(Box::new(Lifecycle { pre_stop: Some(sleep.clone()), post_start: None }));
    }
}

/// The proxy of a gateway drains for longer than its load balancer needs.
fn drain_long(spec: &mut PodSpec) {
    spec.termination_grace_period_seconds = Some(90);
    for proxy in spec.containers.iter_mut().filter(|one| one.name == "istio-proxy") {
        proxy.env.retain(|env| env.name != "PROXY_CONFIG");
        let value = "{\"terminationDrainDuration\":\"60s\"}".to_owned();
        proxy.env.push(EnvVar { name: "PROXY_CONFIG".into(), value, ..EnvVar::default() });
        if proxy.readiness_probe.is_none() {
            proxy.readiness_probe = Some(Box::default());
        }
    }
}
