//! ML1052 to ML1057: new pods that are not let in, or do not start, though the old ones run.

use meshlift_model::k8s::{
    IntOrString, LocalObjectReference, Node, PersistentVolumeClaim, PersistentVolumeClaimSource, Pod,
    Resources, StringMap, Volume,
};
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use super::Base::Sidecars;
use super::rollout::{apps, rolling};
use super::{Mutation, add};
use crate::edit::{pods_of, with_specs};

const BFF: &str = "Deployment/web/bff";
const DAY_SECONDS: i64 = 86_400;

pub(super) fn mutations() -> Vec<Mutation> {
    [admitted(), started(), placed()].concat()
}

/// What the API server lets in.
fn admitted() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML1052", Sidecars, BFF), |s, _| limited(s, "1m"), |s, _| limited(s, "64")),
        Mutation::new(
            ("ML1053", Sidecars, BFF),
            |s, _| isolated(s, r#"{"app": "istiod", "istio.io/rev": "1-29-6"}"#),
            |s, _| isolated(s, r#"{"app": "istiod"}"#),
        ),
        Mutation::new(("ML1054", Sidecars, BFF), |s, _| pulls(s, false), |s, _| pulls(s, true)),
        Mutation::new(
            ("ML1055", Sidecars, "ValidatingWebhookConfiguration/images.example.com"),
            |s, _| webhook(s, "Fail"),
            |s, _| webhook(s, "Ignore"),
        ),
        Mutation::new(
            ("ML1055", Sidecars, "ValidatingAdmissionPolicy/images.example.com"),
            |s, _| policy(s, 1, "pods"),
            |s, _| policy(s, -1000, "pods"),
        ),
        Mutation::new(
            ("ML1055", Sidecars, "ValidatingAdmissionPolicy/images.example.com"),
            |s, _| policy(s, 1, "*"),
            |s, _| policy(s, 1, "deployments"),
        ),
        Mutation::new(("ML1062", Sidecars, BFF), |s, _| counted(s, false), |s, _| counted(s, true))
            .not_on_twin(),
        Mutation::new(
            ("ML1062", Sidecars, BFF),
            |s, _| counted(s, false),
            |s, _| {
                counted(s, false);
                asks_for_all(s, "1");
            },
        )
        .not_on_twin(),
    ]
}

/// What starts as it did.
fn started() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML1056", Sidecars, "Cluster/kubernetes"),
            |s, _| {
                two_architectures(s);
                mirrored(s, "mirror.example.com/istio");
            },
            |s, _| two_architectures(s),
        ),
        Mutation::new(("ML1057", Sidecars, BFF), |s, _| aged(s, 181), |s, _| aged(s, 170)),
    ]
}

/// Where there is room.
fn placed() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML1013", Sidecars, BFF), |s, _| asks_for_all(s, "64"), |s, _| asks_for_all(s, "10m")),
        Mutation::new(("ML1013", Sidecars, BFF), |s, _| devices(s, 0), |s, _| devices(s, 1)),
        Mutation::new(
            ("ML1013", Sidecars, BFF),
            |s, _| apart(s, "kubernetes.io/hostname", "DoNotSchedule"),
            |s, _| apart(s, "kubernetes.io/hostname", "ScheduleAnyway"),
        )
        // No istiod knows the pods that were added.
        .also(&["ML5003"])
        .not_on_twin(),
        Mutation::new(
            ("ML1013", Sidecars, BFF),
            |s, _| kept_away(s, "kube-system", r#""namespaces": ["web"]"#),
            |s, _| kept_away(s, "kube-system", r#""namespaces": ["data"]"#),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML1013", Sidecars, BFF),
            |s, _| kept_away(s, "kube-system", r#""namespaceSelector": {}"#),
            |s, _| kept_away(s, "kube-system", r#""namespaces": []"#),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML1013", Sidecars, BFF),
            |s, _| kept_away(s, "web", r#""namespaces": []"#),
            |s, _| kept_away(s, "web", r#""namespaces": ["data"]"#),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML1014", Sidecars, BFF),
            |s, _| shares(s, &["ReadWriteOncePod"], true),
            |s, _| shares(s, &["ReadWriteMany"], true),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML1014", Sidecars, BFF),
            |s, _| shares(s, &["ReadWriteOnce"], true),
            |s, _| shares(s, &["ReadWriteOnce"], false),
        )
        .not_on_twin(),
    ]
}

/// On each node runs a pod that wants none of app bff beside it, in the namespaces that are meant.
fn kept_away(s: &mut Snapshot, namespace: &str, meant: &str) {
    rolling(s, "web/bff", IntOrString::Int(0), 1);
    let selector = r#"{"matchLabels": {"app": "bff"}}"#;
    let term =
        format!(r#"{{"topologyKey": "kubernetes.io/hostname", {meant}, "labelSelector": {selector}}}"#);
    let required = format!(r#"{{"requiredDuringSchedulingIgnoredDuringExecution": [{term}]}}"#);
    let nodes: Vec<String> = s.objects.nodes.iter().map(|node| node.metadata.name.clone()).collect();
    for node in nodes {
        let labels = r#"{"sidecar.istio.io/inject": "false"}"#;
        let meta = format!(r#"{{"namespace": "{namespace}", "name": "alone-{node}", "labels": {labels}}}"#);
        let spec = format!(r#"{{"nodeName": "{node}", "affinity": {{"podAntiAffinity": {required}}}}}"#);
        add(s, "Pod", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
    }
}

/// Its pods use one claim, on one node or on several, and a new one comes before an old one goes.
fn shares(s: &mut Snapshot, modes: &[&str], together: bool) {
    rolling(s, "web/bff", IntOrString::Int(0), 1);
    let node = pods_of(s, "web/bff").first().map(|pod| pod.spec.node_name.clone()).unwrap_or_default();
    let moved = pods_of(s, "web/bff").into_iter().filter(|_| together);
    moved.for_each(|pod| pod.spec.node_name = node.clone());
    with_specs(s, "web/bff", |_, spec| {
        let source = Some(PersistentVolumeClaimSource { claim_name: "data".into() });
        spec.volumes.push(Volume {
            name: "data".into(),
            persistent_volume_claim: source,
            ..Volume::default()
        });
    });
    let mut claim = PersistentVolumeClaim::default();
    (claim.metadata.namespace, claim.metadata.name) = ("web".into(), "data".into());
    claim.spec.access_modes = modes.iter().map(|mode| (*mode).to_owned()).collect();
    s.objects.volume_claims.push(claim);
}

/// All nodes have as many devices as their pods of web/bff hold, and so many more.
fn devices(s: &mut Snapshot, left: usize) {
    const DEVICE: &str = "example.com/device";
    rolling(s, "web/bff", IntOrString::Int(0), 1);
    with_specs(s, "web/bff", |_, spec| {
        apps(&mut spec.containers, |app| drop(app.resources.requests.insert(DEVICE.into(), "1".into())));
    });
    let held: Vec<String> = pods_of(s, "web/bff").iter().map(|pod| pod.spec.node_name.to_string()).collect();
    for node in &mut s.objects.nodes {
        let here = held.iter().filter(|name| **name == node.metadata.name).count();
        node.status.allocatable.insert(DEVICE.into(), (here + left).to_string());
    }
}

/// Its pods ask for CPU for all of their containers together, and a new one comes before an old one goes.
fn asks_for_all(s: &mut Snapshot, cpu: &str) {
    rolling(s, "web/bff", IntOrString::Int(0), 1);
    with_specs(s, "web/bff", |_, spec| {
        let requests = StringMap::from([("cpu".to_owned(), cpu.to_owned())]).into();
        spec.resources = Some(Box::new(Resources { requests, ..Resources::default() }));
    });
}

/// A quota of web counts limits, which its containers have by a default or not at all.
fn counted(s: &mut Snapshot, by_default: bool) {
    with_specs(s, "web/bff", |_, spec| {
        apps(&mut spec.containers, |app| app.resources.limits = Default::default())
    });
    let meta = r#"{"namespace": "web", "name": "limits"}"#;
    let hard = r#"{"limits.cpu": "1k"}"#;
    add(s, "ResourceQuota", &format!(r#"{{"metadata": {meta}, "spec": {{"hard": {hard}}}}}"#));
    if by_default {
        let limits = r#"[{"type": "Container", "default": {"cpu": "1"}}]"#;
        add(s, "LimitRange", &format!(r#"{{"metadata": {meta}, "spec": {{"limits": {limits}}}}}"#));
    }
}

/// The most CPU that a container of web may take.
fn limited(s: &mut Snapshot, cpu: &str) {
    let limits =
        format!(r#"[{{"type": "Container", "max": {{"cpu": "{cpu}"}}, "default": {{"cpu": "1"}}}}]"#);
    let meta = r#"{"namespace": "web", "name": "limits"}"#;
    add(s, "LimitRange", &format!(r#"{{"metadata": {meta}, "spec": {{"limits": {limits}}}}}"#));
}

/// Pods of web reach istiods with these labels alone.
fn isolated(s: &mut Snapshot, labels: &str) {
    let peer = format!(r#"{{"namespaceSelector": {{}}, "podSelector": {{"matchLabels": {labels}}}}}"#);
    let rule = format!(r#"{{"ports": [{{"port": 15012}}], "to": [{peer}]}}"#);
    let spec = format!(r#"{{"podSelector": {{}}, "policyTypes": ["Egress"], "egress": [{rule}]}}"#);
    let meta = r#"{"namespace": "web", "name": "istiod-alone"}"#;
    add(s, "NetworkPolicy", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

fn pulls(s: &mut Snapshot, there: bool) {
    let secret = LocalObjectReference { name: "registry".into() };
    with_specs(s, "web/bff", |_, spec| spec.image_pull_secrets.push(secret.clone()));
    s.sources.insert("secrets".into(), SourceStatus::Read { count: 1 });
    if there {
        add(s, "Secret", r#"{"metadata": {"namespace": "web", "name": "registry"}}"#);
    }
}

/// A webhook for all pods, made just now.
fn webhook(s: &mut Snapshot, policy: &str) {
    let now = s.newest_time().map(|time| time.plus_seconds(1).to_string()).unwrap_or_default();
    let rule =
        r#"{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}"#;
    let client = r#"{"url": "https://images.example.com"}"#;
    let hook = format!(
        r#"{{"name": "x", "clientConfig": {client}, "failurePolicy": "{policy}", "rules": [{rule}]}}"#
    );
    let meta = format!(r#"{{"name": "images.example.com", "creationTimestamp": "{now}"}}"#);
    add(s, "ValidatingWebhookConfiguration", &format!(r#"{{"metadata": {meta}, "webhooks": [{hook}]}}"#));
}

/// A policy that looks at these resources, so many days newer than all that was recorded.
fn policy(s: &mut Snapshot, days: i64, resources: &str) {
    let made = s.newest_time().map(|time| time.plus_seconds(days * DAY_SECONDS).to_string());
    let made = made.unwrap_or_default();
    let meta = format!(r#"{{"name": "images.example.com", "creationTimestamp": "{made}"}}"#);
    let rule = format!(
        r#"{{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["{resources}"]}}"#
    );
    let spec = format!(r#"{{"matchConstraints": {{"resourceRules": [{rule}]}}}}"#);
    add(s, "ValidatingAdmissionPolicy", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

fn two_architectures(s: &mut Snapshot) {
    let first: Option<&mut Node> = s.objects.nodes.first_mut();
    first.into_iter().for_each(|node| node.status.node_info.architecture = "riscv64".into());
}

fn mirrored(s: &mut Snapshot, hub: &str) {
    for pod in pods_of(s, "web/bff") {
        let proxies = pod.spec.init_containers.iter_mut().filter(|one| one.name == "istio-proxy");
        proxies.for_each(|proxy| proxy.image = proxy.image.replace("docker.io/istio", hub));
    }
}

fn aged(s: &mut Snapshot, days: i64) {
    let Some(now) = s.newest_time() else { return };
    let pods: Vec<&mut Pod> = pods_of(s, "web/bff");
    pods.into_iter().for_each(|pod| {
        pod.metadata.creation_timestamp = Some(now.plus_seconds(-days * DAY_SECONDS));
    });
}

/// Every node but one holds so many pods of the workload that another must go to that one, which is cordoned.
fn apart(s: &mut Snapshot, key: &str, when: &str) {
    let spread = format!(
        r#"[{{"maxSkew": 1, "topologyKey": "{key}", "whenUnsatisfiable": "{when}",
              "labelSelector": {{"matchLabels": {{"app": "bff"}}}}}}]"#
    );
    let spread: Vec<meshlift_model::k8s::TopologySpreadConstraint> =
        serde_json::from_str(&spread).unwrap_or_default();
    with_specs(s, "web/bff", |_, spec| spec.topology_spread_constraints = spread.clone().into());
    let nodes: Vec<String> = s.objects.nodes.iter().map(|node| node.metadata.name.clone()).collect();
    let Some((empty, others)) = nodes.split_first() else { return };
    let model = pods_of(s, "web/bff").remove(0).clone();
    s.objects.pods.retain(|pod| pod.metadata.label("app") != Some("bff") || pod.spec.node_name != *empty);
    for node in others {
        let mut pod = model.clone();
        pod.metadata.name = format!("{}-on-{node}", model.metadata.name);
        pod.spec.node_name = node.as_str().into();
        s.objects.pods.push(pod);
    }
    let first = s.objects.nodes.iter_mut().filter(|node| node.metadata.name == *empty);
    first.for_each(|node| node.spec.unschedulable = true);
}
