//! Hazards of what changed of routes, grants, certificates and images in 1.25 to 1.31, and of what stands beside.

use meshlift_model::defaults::HELM_RELEASE;
use meshlift_model::k8s::{
    ConfigMap, DaemonSet, Deployment, FieldManager, HorizontalPodAutoscaler, HostPathVolumeSource,
    MutatingWebhookConfiguration, ReferenceGrant, Resource,
};
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use super::Base::{Ambient, Sidecars};
use super::{Mutation, add};
use crate::edit::{object, with_specs};

const AGENT: &str = "istio-system/istio-cni-node";

pub(super) fn mutations() -> Vec<Mutation> {
    [agents(), routes(), beside()].concat()
}

fn agents() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4175", Sidecars, "ConfigMap/istio-system/istio-sidecar-injector-1-29-6"),
            |s, _| init_image(s, "init"),
            |s, _| init_image(s, "proxyv2"),
        )
        .not_on_twin()
        .hop("1.30.5", "1.31.1"),
        Mutation::new(
            ("ML4176", Ambient, "DaemonSet/istio-system/istio-cni-node"),
            |s, _| on_k3s(s, "v1.30.5+k3s1"),
            |s, _| on_k3s(s, "v1.30.6+k3s1"),
        )
        .not_on_twin()
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML6005", Ambient, "ConfigMap/kube-system/cilium-config"),
            |s, _| cilium(s, "true"),
            |s, _| cilium(s, "false"),
        )
        .not_on_twin(),
    ]
}

fn routes() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4177", Ambient, "GRPCRoute/edge/calls"),
            |s, _| both_kinds(s, "edge"),
            |s, _| both_kinds(s, "shop"),
        ),
        Mutation::new(
            ("ML4178", Ambient, "ReferenceGrant/streams/several"),
            |s, _| {
                granted(s, r#"{"kind": "Service", "name": "broker"}, {"kind": "Service", "name": "other"}"#)
            },
            |s, _| granted(s, r#"{"kind": "Service", "name": "other"}, {"kind": "Service"}"#),
        ),
        Mutation::new(
            ("ML4179", Ambient, "HTTPRoute/edge/copy"),
            |s, _| header(s, r"one\n"),
            |s, _| header(s, r"one\ttwo"),
        )
        .hop("1.29.3", "1.29.9"),
        Mutation::new(
            ("ML4180", Ambient, "HTTPRoute/streams/copy"),
            |s, _| of_a_service(s, "gone"),
            |s, _| of_a_service(s, "broker"),
        )
        .hop("1.25.5", "1.26.8"),
    ]
}

fn beside() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4181", Ambient, "Gateway/edge/public"),
            |s, _| account(s, "by-hand"),
            |s, _| account(s, "public-istio"),
        )
        .not_on_twin()
        .hop("1.26.4", "1.27.9"),
        Mutation::new(
            ("ML4182", Sidecars, "DestinationRule/web/streams"),
            |s, _| streams(s, "UPGRADE"),
            |s, _| streams(s, "DO_NOT_UPGRADE"),
        )
        .hop("1.27.9", "1.28.10"),
        Mutation::new(
            ("ML3010", Ambient, "Deployment/shop/waypoint"),
            |s, _| grace(s, 2),
            |s, _| grace(s, 5),
        )
        .not_on_twin(),
        Mutation::new(("ML5027", Sidecars, "Revision/1-29-6"), |s, _| at_most(s, 0), |s, _| at_most(s, 1)),
        Mutation::new(
            ("ML5029", Sidecars, "MutatingWebhookConfiguration/istio-sidecar-injector-1-29-6"),
            |s, _| owned_by(s, "admissionsenforcer", "namespaceSelector"),
            |s, _| owned_by(s, "pilot-discovery", "failurePolicy"),
        )
        .not_on_twin(),
    ]
}

/// Helm applies the injector on the API server's side, and somebody else wrote a field of it.
fn owned_by(s: &mut Snapshot, manager: &str, field: &str) {
    let injector: &mut MutatingWebhookConfiguration = object(s, "istio-sidecar-injector-1-29-6");
    injector.metadata.annotations.insert(HELM_RELEASE.into(), "istiod-1-29-6".into());
    let managers = [FieldManager::new("helm", "Apply", &[]), FieldManager::new(manager, "Update", &[field])];
    injector.metadata.managed_fields = managers.into_iter().collect();
}

/// What the values of all istiods say of the image of the init container.
fn init_image(s: &mut Snapshot, name: &str) {
    let maps = s.objects.config_maps.iter_mut().filter_map(|map| map.data.get_mut("values"));
    maps.for_each(|values| {
        let Some((before, after)) = values.split_once("\"proxy_init\"") else { return };
        *values = format!("{before}\"proxy_init\"{}", after.replacen("proxyv2", name, 1));
    });
}

/// All nodes are k3s's, and istio-cni puts its plugin where it did until 1.24.
fn on_k3s(s: &mut Snapshot, version: &str) {
    let nodes = s.objects.nodes.iter_mut();
    nodes.for_each(|node| node.status.node_info.kubelet_version = version.into());
    let path = "/var/lib/rancher/k3s/data/current/bin/".into();
    let agent: &mut DaemonSet = object(s, AGENT);
    let volumes = agent.spec.template.spec.volumes.iter_mut().filter(|one| one.name == "cni-bin-dir");
    volumes
        .for_each(|one| one.host_path = Some(Box::new(HostPathVolumeSource { path: String::clone(&path) })));
}

fn cilium(s: &mut Snapshot, exclusive: &str) {
    let mut map = ConfigMap::default();
    (map.metadata.namespace, map.metadata.name) = ("kube-system".into(), "cilium-config".into());
    map.data.insert("cni-exclusive".into(), exclusive.into());
    s.objects.config_maps.push(map);
}

/// A route of each kind for one host of edge/public, the GRPCRoute in a namespace.
fn both_kinds(s: &mut Snapshot, namespace: &str) {
    for (kind, name, namespace) in [("HTTPRoute", "pages", "edge"), ("GRPCRoute", "calls", namespace)] {
        let parent = r#"{"namespace": "edge", "name": "public"}"#;
        let backend = r#"{"name": "next", "port": 80}"#;
        let rules = format!(r#"[{{"backendRefs": [{backend}]}}]"#);
        let spec =
            format!(r#"{{"parentRefs": [{parent}], "hostnames": ["both.example.com"], "rules": {rules}}}"#);
        let metadata = format!(r#"{{"namespace": "{namespace}", "name": "{name}"}}"#);
        add(s, kind, &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    }
    s.objects.sort();
}

/// A route of edge leads to the broker, and this grant lets it.
fn granted(s: &mut Snapshot, to: &str) {
    let from = r#"{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "edge"}"#;
    let metadata = r#"{"namespace": "streams", "name": "several"}"#;
    let spec = format!(r#"{{"from": [{from}], "to": [{to}]}}"#);
    // The recordings were made without them.
    s.sources.insert(ReferenceGrant::RESOURCE.into(), SourceStatus::Read { count: 1 });
    add(s, "ReferenceGrant", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    route_with(s, r#""backendRefs": [{"namespace": "streams", "name": "broker", "port": 80}]"#);
}

fn header(s: &mut Snapshot, value: &str) {
    let modifier = format!(r#"{{"set": [{{"name": "x-tier", "value": "{value}"}}]}}"#);
    let filter = format!(r#"{{"type": "RequestHeaderModifier", "requestHeaderModifier": {modifier}}}"#);
    let backend = r#"{"name": "next", "port": 80}"#;
    route_with(s, &format!(r#""filters": [{filter}], "backendRefs": [{backend}]"#));
}

fn route_with(s: &mut Snapshot, rule: &str) {
    let spec = format!(r#"{{"parentRefs": [{{"name": "public"}}], "rules": [{{{rule}}}]}}"#);
    add(
        s,
        "HTTPRoute",
        &format!(r#"{{"metadata": {{"namespace": "edge", "name": "copy"}}, "spec": {spec}}}"#),
    );
    s.objects.sort();
}

fn of_a_service(s: &mut Snapshot, name: &str) {
    let parent = format!(r#"{{"group": "", "kind": "Service", "name": "{name}"}}"#);
    let backend = r#"{"name": "broker", "port": 80}"#;
    let spec = format!(r#"{{"parentRefs": [{parent}], "rules": [{{"backendRefs": [{backend}]}}]}}"#);
    let metadata = r#"{"namespace": "streams", "name": "copy"}"#;
    add(s, "HTTPRoute", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    s.objects.sort();
}

/// The account of the gateway's pods.
fn account(s: &mut Snapshot, name: &str) {
    with_specs(s, "edge/public-istio", |_, spec| spec.service_account_name = name.into());
    if !s.objects.service_accounts.iter().any(|one| one.metadata.path() == format!("edge/{name}")) {
        add(s, "ServiceAccount", &format!(r#"{{"metadata": {{"namespace": "edge", "name": "{name}"}}}}"#));
        s.objects.sort();
    }
}

fn streams(s: &mut Snapshot, policy: &str) {
    let http = format!(r#"{{"h2UpgradePolicy": "{policy}", "maxConcurrentStreams": 10}}"#);
    let policy = format!(r#"{{"connectionPool": {{"http": {http}}}}}"#);
    let spec = format!(r#"{{"host": "bff.web.svc.cluster.local", "trafficPolicy": {policy}}}"#);
    let metadata = r#"{"namespace": "web", "name": "streams"}"#;
    add(s, "DestinationRule", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    s.objects.sort();
}

fn grace(s: &mut Snapshot, seconds: i64) {
    with_specs(s, "shop/waypoint", |_, spec| spec.termination_grace_period_seconds = Some(seconds));
}

/// The autoscaler of istiod lets so many more run than do.
fn at_most(s: &mut Snapshot, more: i32) {
    let replicas = object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.replicas.unwrap_or(1);
    let autoscaler: &mut HorizontalPodAutoscaler = object(s, "istio-system/istiod-1-29-6");
    autoscaler.spec.min_replicas = Some(1);
    autoscaler.spec.max_replicas = replicas + more;
}
