//! ML5xxx: control planes, webhooks, tags, proxies.

use std::collections::BTreeSet;

use meshlift_model::defaults::ROOT_CERT;
use meshlift_model::k8s::{
    Affinity, ConfigMap, CustomResourceDefinition, Deployment, EndpointSlice, HorizontalPodAutoscaler,
    ObjectMeta, Service, ServiceReference, ValidatingWebhookConfiguration,
};
use meshlift_model::snapshot::{Snapshot, SyncState};

use super::Base::{Ambient, Sidecars, TwoRevisions};
use super::{Mutation, add, nothing};
use crate::edit::{object, pods_of};

const OLD: &str = "Revision/1-29-6";
const SECONDS_OF_A_DAY: i64 = 86_400;

pub(super) fn mutations() -> Vec<Mutation> {
    [proxies(), webhooks(), versions(), targets(), room()].concat()
}

fn proxies() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML5001", Sidecars, "Pod/web"),
            |s, _| sync(s, &SyncState::Error("bad filter".into())),
            |s, _| sync(s, &SyncState::NotSent),
        ),
        Mutation::new(
            ("ML5002", Sidecars, "Pod/web"),
            |s, _| sync(s, &SyncState::Stale),
            |s, _| sync(s, &SyncState::Synced),
        ),
        Mutation::new(
            ("ML5003", Sidecars, "Pod/web"),
            |s, _| image(s, "1.28.1"),
            |s, _| image(s, "1.29.6-distroless"),
        ),
    ]
}

fn webhooks() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML5004", TwoRevisions, "Revision/1-30-3"),
            |s, _| without_map(s, "istio-sidecar-injector-1-30-3"),
            |s, _| without_map(s, "istio-sidecar-injector-1-31-0"),
        ),
        Mutation::new(
            ("ML5005", Sidecars, "MutatingWebhookConfiguration/istio-sidecar-injector-1-29-6"),
            |s, _| silence(s, "istiod-1-29-6", true),
            |s, _| silence(s, "istiod-1-29-6", false),
        )
        .also(&["ML5006"]),
        Mutation::new(
            ("ML5006", Sidecars, "ValidatingWebhookConfiguration/istio-validator-1-29-6-istio-system"),
            |s, _| call(s, "validation.istio.io", "gone"),
            |s, _| call(s, "policy.example.com", "gone"),
        ),
        Mutation::new(
            ("ML5007", TwoRevisions, "Tag/prod-canary"),
            |s, _| tag_service(s, "1-30-3"),
            |s, _| tag_service(s, "1-29-6"),
        ),
    ]
}

fn room() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML5015", Sidecars, OLD), |s, _| unlimited(s, 40.0), |s, _| unlimited(s, 1.0)),
        Mutation::new(("ML5032", Sidecars, OLD), |s, _| asks(s, "4Ti"), |s, _| asks(s, "1Gi")),
        Mutation::new(
            ("ML5032", Sidecars, OLD),
            |s, _| keep_apart(s, r#"{"app": "istiod"}"#),
            |s, _| keep_apart(s, r#"{"istio.io/rev": "1-29-6"}"#),
        ),
    ]
}

fn versions() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML0001", Sidecars, "CustomResourceDefinition/tlsroutes.gateway.networking.k8s.io"),
            |s, _| {
                definition(s, "tlsroutes");
                add(s, "TLSRoute", r#"{"metadata": {"namespace": "web", "name": "bff"}}"#);
            },
            |s, _| {
                definition(s, "tcproutes");
                add(s, "TCPRoute", r#"{"metadata": {"namespace": "web", "name": "bff"}}"#);
            },
        ),
        // Nobody has a route of that kind.
        Mutation::new(
            ("ML0001", Sidecars, "CustomResourceDefinition/grpcroutes.gateway.networking.k8s.io"),
            |s, _| {
                definition(s, "grpcroutes");
                add(s, "GRPCRoute", r#"{"metadata": {"namespace": "web", "name": "bff"}}"#);
            },
            |s, _| definition(s, "grpcroutes"),
        ),
        Mutation::new(("ML5022", Sidecars, OLD), |s, _| together(s, 2), |s, _| together(s, 1)),
        Mutation::new(("ML5022", Sidecars, OLD), |s, _| zones(s, ["a", "b"]), |s, _| zones(s, ["a", "a"])),
        Mutation::new(
            ("ML5023", Sidecars, "Namespace/web"),
            |s, _| root_in(s, "web", Some("-----BEGIN CERTIFICATE-----")),
            |s, _| root_in(s, "plain", Some("-----BEGIN CERTIFICATE-----")),
        ),
        Mutation::new(
            ("ML5023", Sidecars, "Namespace/web"),
            |s, _| root_in(s, "web", None),
            |s, _| root_in(s, "plain", None),
        ),
        Mutation::new(("ML5013", Sidecars, OLD), |s, _| istiods(s, 1), |s, _| istiods(s, 2)),
        Mutation::new(
            ("ML5012", Sidecars, OLD),
            |s, _| hub(s, "gcr.io/istio-release"),
            |s, _| hub(s, "mirror.example.com/istio-release"),
        ),
        Mutation::new(
            ("ML5014", TwoRevisions, "Revision/1-30-3"),
            |s, _| root_of(s, "istio-sidecar-injector-1-30-3", "b3RoZXI="),
            |s, _| root_of(s, "istio-sidecar-injector-other", "b3RoZXI="),
        ),
        Mutation::new(("ML5015", Sidecars, OLD), |s, _| memory(s, "400Mi"), |s, _| memory(s, "64Gi")),
        Mutation::new(
            ("ML5016", Sidecars, "Cluster/kubernetes"),
            |s, _| linked(s, "istio/multiCluster"),
            |s, _| linked(s, "istio/other"),
        ),
        Mutation::new(
            ("ML5017", Sidecars, "EnvoyFilter/istio-system/stats-filter-1.13"),
            |s, _| filter(s, "stats-filter-1.13"),
            |s, _| filter(s, "stats-filter-1.29"),
        ),
        Mutation::new(("ML5010", Sidecars, OLD), |s, _| root_for(s, 29), |s, _| root_for(s, 31)),
        Mutation::new(("ML5011", Ambient, OLD), |s, _| run(s, "1.29.4"), |s, _| run(s, "1.29.5"))
            // Gateways of istiod's making then run another version than it.
            .also(&["ML5003"]),
    ]
}

/// What the mesh is to go to, or to run on.
fn targets() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML5008", Sidecars, OLD), nothing, nothing)
            .targets("1.31.0", "1.32.0")
            .also(&["ML5025"]),
        Mutation::new(("ML5025", Sidecars, "Target/1.32.0"), nothing, nothing)
            .targets(super::TARGET, "1.32.0")
            .also(&["ML5008"]),
        // Back.
        Mutation::new(("ML5025", Sidecars, "Target/1.28.10"), nothing, nothing)
            .targets(super::TARGET, "1.28.10")
            .also(&["ML5008"]),
        Mutation::new(
            ("ML5009", Sidecars, "Cluster/kubernetes"),
            |s, _| s.kubernetes_version = Some("v1.31.9".into()),
            |s, _| s.kubernetes_version = Some("v1.32.0".into()),
        ),
    ]
}

/// State of one type at one proxy of web.
fn sync(s: &mut Snapshot, state: &SyncState) {
    let mut all = s.istiods.values_mut().filter_map(|answers| answers.syncz.as_mut()).flatten();
    let found = all.find(|status| status.pod().is_some_and(|(_, namespace)| namespace == "web"));
    if let Some(first) = found.and_then(|status| status.types.values_mut().next()) {
        *first = state.clone();
    }
}

/// Image of one proxy of web.
fn image(s: &mut Snapshot, tag: &str) {
    let pod = pods_of(s, "web/bff").remove(0);
    let proxies = pod.spec.init_containers.iter_mut().filter(|one| one.name == "istio-proxy");
    proxies.for_each(|proxy| proxy.image = format!("docker.io/istio/proxyv2:{tag}"));
}

fn without_map(s: &mut Snapshot, name: &str) {
    s.objects.config_maps.retain(|map| map.metadata.name != name);
}

/// None of the Service's endpoints is ready, or all but one.
fn silence(s: &mut Snapshot, service: &str, all: bool) {
    for slice in &mut s.objects.endpoint_slices {
        let slice: &mut EndpointSlice = slice;
        if slice.metadata.label("kubernetes.io/service-name") == Some(service) {
            let kept = usize::from(!all);
            let silent = slice.endpoints.iter_mut().skip(kept);
            silent.for_each(|endpoint| endpoint.conditions.ready = Some(false));
        }
    }
}

/// The revision's validator calls another Service, under this name.
fn call(s: &mut Snapshot, name: &str, service: &str) {
    let path = "istio-validator-1-29-6-istio-system";
    let validator: &mut ValidatingWebhookConfiguration = object(s, path);
    for webhook in &mut validator.webhooks {
        webhook.name = name.into();
        let service = ServiceReference {
            name: service.into(),
            ..webhook.client_config.service.clone().unwrap_or_default()
        };
        webhook.client_config.service = Some(service);
    }
}

fn tag_service(s: &mut Snapshot, revision: &str) {
    let service: &mut Service = object(s, "istio-system/istiod-revision-tag-prod-canary");
    service.metadata.labels.insert("istio.io/rev".into(), revision.into());
    service.spec.selector.insert("istio.io/rev".into(), revision.into());
}

/// The root ends so many days after the newest thing in the mesh.
fn root_for(s: &mut Snapshot, days: i64) {
    let Some(now) = s.newest_time() else { return };
    let until = now.plus_seconds(days * SECONDS_OF_A_DAY + 60);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
    let seconds = until.seconds() as f64;
    for answers in s.istiods.values_mut() {
        let metrics = answers.metrics.get_or_insert_default();
        metrics.insert("citadel_server_root_cert_expiry_timestamp".into(), seconds);
    }
}

/// A definition of the Gateway API, of the bundle 1.4.1.
fn definition(s: &mut Snapshot, plural: &str) {
    let mut metadata =
        ObjectMeta { name: format!("{plural}.gateway.networking.k8s.io"), ..ObjectMeta::default() };
    let bundle = if plural == "grpcroutes" { "v1.0.0" } else { "v1.4.1" };
    metadata.annotations.insert("gateway.networking.k8s.io/bundle-version".into(), bundle.into());
    s.objects.crds.retain(|one| one.metadata.name != metadata.name);
    s.objects.crds.push(CustomResourceDefinition { metadata, ..CustomResourceDefinition::default() });
}

/// So many istiods at least, one of them now.
fn istiods(s: &mut Snapshot, least: i32) {
    object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.replicas = Some(1);
    object::<HorizontalPodAutoscaler>(s, "istio-system/istiod-1-29-6").spec.min_replicas = Some(least);
}

/// Where one proxy's image comes from.
fn hub(s: &mut Snapshot, hub: &str) {
    let pod = pods_of(s, "web/bff").remove(0);
    let proxies = pod.spec.init_containers.iter_mut().filter(|one| one.name == "istio-proxy");
    proxies.for_each(|proxy| proxy.image = proxy.image.replace("docker.io/istio", hub));
}

/// The control plane runs another version.
fn run(s: &mut Snapshot, version: &str) {
    let objects = &mut s.objects;
    let templates = objects.deployments.iter_mut().map(|one| &mut one.spec.template.spec);
    let specs = templates.chain(objects.pods.iter_mut().map(|pod| &mut pod.spec));
    for spec in specs {
        for discovery in spec.containers.iter_mut().filter(|one| one.name == "discovery") {
            discovery.image = discovery.image.replace("1.29.6", version);
        }
    }
    for answers in s.istiods.values_mut() {
        answers.version.iter_mut().for_each(|said| *said = said.replace("1.29.6", version));
    }
}

/// The root that a revision wrote into its webhook.
fn root_of(s: &mut Snapshot, name: &str, bundle: &str) {
    let configurations = s.objects.mutating_webhooks.iter_mut().filter(|one| one.metadata.name == name);
    configurations
        .flat_map(|one| &mut one.webhooks)
        .for_each(|one| one.client_config.ca_bundle = bundle.into());
}

/// The most memory that istiod may take, while it uses 300 MiB.
fn memory(s: &mut Snapshot, limit: &str) {
    let istiod = &mut object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.template.spec;
    let limits = istiod.containers.iter_mut().map(|container| &mut container.resources.limits);
    limits.for_each(|limits| drop(limits.insert("memory".into(), limit.into())));
    resident(s, 314_572_800.0);
}

/// istiod has no limit, and uses this many GiB; each node has 64 GiB.
fn unlimited(s: &mut Snapshot, used: f64) {
    let istiod = &mut object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.template.spec;
    istiod.containers.iter_mut().for_each(|container| container.resources.limits = Default::default());
    for node in &mut s.objects.nodes {
        node.status.allocatable.insert("memory".into(), "64Gi".into());
    }
    resident(s, used * 1_073_741_824.0);
}

fn resident(s: &mut Snapshot, bytes: f64) {
    for answers in s.istiods.values_mut() {
        answers.metrics.get_or_insert_default().insert("process_resident_memory_bytes".into(), bytes);
    }
}

/// A Secret that, by this label, names another cluster.
fn linked(s: &mut Snapshot, label: &str) {
    let meta = format!(r#"{{"namespace": "istio-system", "name": "east", "labels": {{"{label}": "true"}}}}"#);
    add(s, "Secret", &format!(r#"{{"metadata": {meta}}}"#));
}

fn filter(s: &mut Snapshot, name: &str) {
    add(s, "EnvoyFilter", &format!(r#"{{"metadata": {{"namespace": "istio-system", "name": "{name}"}}}}"#));
}

/// Nodes of istiods are in a zone, all others in another.
fn zones(s: &mut Snapshot, [istiods, others]: [&str; 2]) {
    let istiod = s.objects.pods.iter().filter(|one| one.metadata.name.starts_with("istiod-1-29-6"));
    let places: BTreeSet<String> = istiod.map(|pod| pod.spec.node_name.as_str().to_owned()).collect();
    assert!(places.len() > 1, "they are apart");
    for node in &mut s.objects.nodes {
        let zone = if places.contains(&node.metadata.name) { istiods } else { others };
        node.metadata.labels.insert("topology.kubernetes.io/zone".into(), zone.into());
    }
}

/// A namespace has another root, or none.
fn root_in(s: &mut Snapshot, namespace: &str, root: Option<&str>) {
    let is_root = |map: &ConfigMap| map.metadata.name == ROOT_CERT.0 && map.metadata.namespace == namespace;
    s.objects.config_maps.retain(|map| !is_root(map));
    let Some(root) = root else { return };
    let metadata = format!(r#"{{"name":"{}","namespace":"{namespace}"}}"#, ROOT_CERT.0);
    add(s, "ConfigMap", &format!(r#"{{"metadata":{metadata},"data":{{"{}":"{root}"}}}}"#, ROOT_CERT.1));
}

/// Its istiods ask for so much memory, as those that come would.
fn asks(s: &mut Snapshot, memory: &str) {
    let deployment: &mut Deployment = object(s, "istio-system/istiod-1-29-6");
    for container in &mut deployment.spec.template.spec.containers {
        container.resources.requests.insert("memory".into(), memory.into());
    }
}

/// Its istiods want none that have these labels in their zone, of which there is one.
fn keep_apart(s: &mut Snapshot, labels: &str) {
    const ZONE: &str = "topology.kubernetes.io/zone";
    for node in &mut s.objects.nodes {
        node.metadata.labels.insert(ZONE.into(), "a".into());
    }
    let term = format!(r#"{{"topologyKey": "{ZONE}", "labelSelector": {{"matchLabels": {labels}}}}}"#);
    let affinity =
        format!(r#"{{"podAntiAffinity": {{"requiredDuringSchedulingIgnoredDuringExecution": [{term}]}}}}"#);
    let affinity: Affinity = serde_json::from_str(&affinity).unwrap_or_default();
    let deployment: &mut Deployment = object(s, "istio-system/istiod-1-29-6");
    deployment.spec.template.spec.affinity = Some(affinity.clone().into());
    for pod in s.objects.pods.iter_mut().filter(|one| one.metadata.name.starts_with("istiod-1-29-6")) {
        pod.spec.affinity = Some(affinity.clone().into());
    }
}

/// So many of its istiods are on one node.
fn together(s: &mut Snapshot, count: usize) {
    let place = s.objects.nodes[0].metadata.name.clone();
    let istiods = s.objects.pods.iter_mut().filter(|one| one.metadata.name.starts_with("istiod-1-29-6"));
    istiods.take(count).for_each(|pod| pod.spec.node_name = place.as_str().into());
}
