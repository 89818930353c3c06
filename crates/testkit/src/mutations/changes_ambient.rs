//! ML41xx: what versions changed for ambient meshes.

use meshlift_model::defaults::HELM_RELEASE;
use meshlift_model::k8s::{
    Condition, ConfigMap, DaemonSet, Deployment, EnvVar, Gateway, HostPathVolumeSource, Service, Volume,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::Ambient;
use super::{Mutation, add};
use crate::edit::{object, with_specs};

const AGENT: &str = "DaemonSet/istio-system/istio-cni-node";
const ZTUNNEL: &str = "DaemonSet/istio-system/ztunnel";
const DNS: &str = "AMBIENT_DNS_CAPTURE";
const RECONCILE: &str = "AMBIENT_RECONCILE_POD_RULES_ON_STARTUP";

pub(super) fn mutations() -> Vec<Mutation> {
    [until_28(), since_29()].concat()
}

fn until_28() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4113", Ambient, AGENT),
            |s, _| super::all_run(s, "1.23.6"),
            |s, _| {
                super::all_run(s, "1.23.6");
                setting(s, DNS, "false");
            },
        )
        .also(&["ML5011", "ML5020"])
        .targets("1.23.6", "1.24.6"),
        Mutation::new(
            ("ML4120", Ambient, AGENT),
            |s, _| setting(s, DNS, "false"),
            |s, _| setting(s, DNS, "true"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4121", Ambient, "Deployment/edge/public-istio"),
            |s, _| joined(s, "ambient"),
            |s, _| joined(s, "none"),
        )
        .also(&["ML6001"])
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4122", Ambient, ZTUNNEL),
            |s, _| released(s, "istio-ztunnel"),
            |s, _| released(s, "ztunnel"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4123", Ambient, "NetworkPolicy/istio-system/agents"),
            |s, _| agents_policy(s, "istio-cni-node"),
            |s, _| agents_policy(s, "ztunnel"),
        )
        .hop("1.25.5", "1.26.8"),
        Mutation::new(
            ("ML4141", Ambient, AGENT),
            |s, _| on_gke(s, "/home/kubernetes/bin"),
            |s, _| on_gke(s, "/opt/cni/bin"),
        )
        .hop("1.24.6", "1.25.5"),
    ]
}

fn since_29() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4129", Ambient, "AuthorizationPolicy/streams/trial"),
            |s, _| dry_run(s, "true"),
            |s, _| dry_run(s, "false"),
        )
        .hop("1.28.10", "1.28.10"),
        Mutation::new(
            ("ML4130", Ambient, AGENT),
            |s, _| setting(s, RECONCILE, "false"),
            |s, _| setting(s, RECONCILE, "true"),
        )
        .hop("1.28.10", "1.29.6"),
        Mutation::new(
            ("ML4139", Ambient, "StatefulSet/streams/broker"),
            |s, _| reads_cni(s, 65534),
            |s, _| reads_cni(s, 0),
        ),
        Mutation::new(
            ("ML4142", Ambient, "Gateway/edge/public"),
            |s, _| listener_sets(s, "True"),
            |s, _| listener_sets(s, "False"),
        ),
        Mutation::new(("ML4135", Ambient, ZTUNNEL), |s, _| services(s, 40_000), |s, _| services(s, 100))
            .hop("1.30.4", "1.31.1"),
        Mutation::new(
            ("ML4136", Ambient, "WorkloadEntry/streams/vm"),
            |s, _| registered(s, ""),
            |s, _| registered(s, r#""networking.istio.io/tunnel": "http""#),
        )
        .hop("1.30.4", "1.31.1"),
    ]
}

/// A setting of istio-cni.
pub(super) fn setting(s: &mut Snapshot, key: &str, value: &str) {
    let settings: &mut ConfigMap = object(s, "istio-system/istio-cni-config");
    settings.data.insert(key.into(), value.into());
}

/// All nodes are GKE's, and istio-cni puts its plugin into this folder of theirs.
fn on_gke(s: &mut Snapshot, folder: &str) {
    let nodes = s.objects.nodes.iter_mut();
    nodes.for_each(|node| node.status.node_info.kubelet_version = "v1.34.4-gke.1047000".into());
    let agent: &mut DaemonSet = object(s, "istio-system/istio-cni-node");
    let volumes = agent.spec.template.spec.volumes.iter_mut().filter(|one| one.name == "cni-bin-dir");
    volumes.for_each(|one| one.host_path = Some(Box::new(HostPathVolumeSource { path: folder.into() })));
}

/// What istiod says of the ListenerSets that name edge/public.
fn listener_sets(s: &mut Snapshot, attached: &str) {
    let condition =
        Condition { type_: "AttachedListenerSets".into(), status: attached.into(), ..Condition::default() };
    object::<Gateway>(s, "edge/public").status.conditions.push(condition);
}

/// The broker mounts the CNI configuration of its node, and is that user.
fn reads_cni(s: &mut Snapshot, user: i64) {
    with_specs(s, "streams/broker", |_, spec| {
        let host_path = Some(Box::new(HostPathVolumeSource { path: "/etc/cni/net.d/".into() }));
        spec.volumes.push(Volume { name: "cni".into(), host_path, ..Volume::default() });
        spec.security_context.run_as_user = Some(user);
    });
}

/// Whether pods of the gateway are captured by ztunnel.
fn joined(s: &mut Snapshot, mode: &str) {
    with_specs(s, "edge/public-istio", |meta, _| {
        meta.labels.insert("istio.io/dataplane-mode".into(), mode.into());
        meta.annotations.insert("ambient.istio.io/redirection".into(), "enabled".into());
    });
}

fn released(s: &mut Snapshot, release: &str) {
    let agent: &mut DaemonSet = object(s, "istio-system/ztunnel");
    agent.metadata.annotations.insert(HELM_RELEASE.into(), release.into());
}

fn agents_policy(s: &mut Snapshot, app: &str) {
    object::<DaemonSet>(s, "istio-system/istio-cni-node").spec.template.spec.host_network = true;
    let selector = format!(r#"{{"matchLabels": {{"k8s-app": "{app}"}}}}"#);
    let spec = format!(r#"{{"podSelector": {selector}, "policyTypes": ["Ingress"]}}"#);
    let meta = r#"{"namespace": "istio-system", "name": "agents"}"#;
    add(s, "NetworkPolicy", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

/// istiod sends dry runs, and there is a policy that says whether it is one.
fn dry_run(s: &mut Snapshot, value: &str) {
    let name = "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY";
    let istiod = &mut object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.template.spec;
    istiod.containers.iter_mut().for_each(|container| {
        container.env.push(EnvVar { name: name.into(), value: "true".into(), ..EnvVar::default() });
    });
    let annotations = format!(r#"{{"istio.io/dry-run": "{value}"}}"#);
    let meta = format!(r#"{{"namespace": "streams", "name": "trial", "annotations": {annotations}}}"#);
    add(s, "AuthorizationPolicy", &format!(r#"{{"metadata": {meta}}}"#));
}

fn services(s: &mut Snapshot, count: usize) {
    for number in 0..count {
        let mut service = Service::default();
        service.metadata.namespace = "streams".into();
        service.metadata.name = format!("s{number}");
        s.objects.services.push(service);
    }
}

fn registered(s: &mut Snapshot, labels: &str) {
    let annotations = r#"{"istio.io/autoRegistrationGroup": "vms"}"#;
    let meta = format!(
        r#"{{"namespace": "streams", "name": "vm", "labels": {{{labels}}}, "annotations": {annotations}}}"#
    );
    add(s, "WorkloadEntry", &format!(r#"{{"metadata": {meta}}}"#));
}
