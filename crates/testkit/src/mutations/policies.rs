//! Hazards of what is attached to gateways, waypoints and workloads: policies, filters, plugins.

use meshlift_model::k8s::Service;
use meshlift_model::snapshot::Snapshot;

use super::Base::{Ambient, Sidecars};
use super::{Mutation, add, all_run, nothing};
use crate::edit::{object, with_specs};

const PINNED: &str = r#""configPatches": [{"match": {"proxy": {"proxyVersion": "^1\\.29"}}}]"#;
const POLICY: &str = "AuthorizationPolicy/edge/inside";

pub(super) fn mutations() -> Vec<Mutation> {
    [attached(), values(), waypoints()].concat()
}

fn attached() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4161", Ambient, "EnvoyFilter/shop/limit"),
            |s, _| filter(s, r#""configPatches": [{"match": {"context": "SIDECAR_INBOUND"}}]"#),
            |s, _| filter(s, r#""configPatches": [{"match": {"context": "GATEWAY"}}]"#),
        )
        .hop("1.26.8", "1.27.9"),
        Mutation::new(
            ("ML4161", Ambient, "EnvoyFilter/shop/limit"),
            |s, _| filter(s, r#""targetRefs": [{"kind": "Gateway", "name": "waypoint"}]"#),
            |s, _| filter(s, r#""workloadSelector": {"labels": {"app": "nobody"}}"#),
        )
        .hop("1.26.8", "1.27.9"),
        // Of 1.29 a waypoint reads no filter without targetRefs.
        Mutation::new(
            ("ML4001", Ambient, "Deployment/shop/waypoint"),
            |s, _| {
                filter(s, &format!(r#"{PINNED}, "targetRefs": [{{"kind": "Gateway", "name": "waypoint"}}]"#))
            },
            |s, _| filter(s, PINNED),
        ),
        Mutation::new(
            ("ML4163", Ambient, "AuthorizationPolicy/istio-system/gate"),
            |s, _| targeting(s, "AuthorizationPolicy", "istio-system", "public"),
            |s, _| targeting(s, "AuthorizationPolicy", "edge", "public"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4163", Ambient, "WasmPlugin/istio-system/gate"),
            |s, _| targeting(s, "WasmPlugin", "istio-system", "waypoint"),
            |s, _| targeting(s, "WasmPlugin", "shop", "waypoint"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4163", Ambient, "RequestAuthentication/streams/gate"),
            |s, _| {
                uses(s, "waypoint", "shop");
                targeting(s, "RequestAuthentication", "streams", "waypoint");
            },
            |s, _| {
                uses(s, "canary-waypoint", "streams");
                targeting(s, "RequestAuthentication", "streams", "canary-waypoint");
            },
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4163", Ambient, "AuthorizationPolicy/shop/gate"),
            |s, _| {
                uses(s, "waypoint", "shop");
                targeting(s, "AuthorizationPolicy", "shop", "waypoint");
            },
            |s, _| {
                uses(s, "canary-waypoint", "streams");
                targeting(s, "AuthorizationPolicy", "shop", "waypoint");
            },
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4166", Sidecars, "WasmPlugin/web/check"),
            |s, _| plugin(s, "FAIL_CLOSE"),
            |s, _| plugin(s, "FAIL_OPEN"),
        )
        .hop("1.24.6", "1.25.5"),
    ]
}

fn values() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4168", Sidecars, "RequestAuthentication/web/claims"),
            |s, _| claims(s, "x_user"),
            |s, _| claims(s, "x-user"),
        )
        .hop("1.26.8", "1.27.1"),
        Mutation::new(
            ("ML4170", Ambient, POLICY),
            |s, _| accounts(s, "shop/reader-.+"),
            |s, _| accounts(s, "shop/reader.v1"),
        )
        .hop("1.28.5", "1.28.10"),
    ]
}

fn waypoints() -> Vec<Mutation> {
    vec![
        // Every waypoint does so: the target alone makes it one.
        Mutation::new(("ML4172", Ambient, "Deployment/shop/waypoint"), |s, _| all_run(s, "1.30.2"), nothing)
            .targets("1.30.2", "1.30.3"),
        Mutation::new(
            ("ML4173", Ambient, "Namespace/streams"),
            |s, _| through(s, "true"),
            |s, _| through(s, "false"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4162", Sidecars, "Namespace/web"),
            |s, _| left_out(s, "EXCLUDED_NAMESPACES"),
            |s, _| left_out(s, "EXCLUDE_NAMESPACES"),
        )
        .hop("1.25.1", "1.25.5")
        .not_on_twin(),
    ]
}

fn filter(s: &mut Snapshot, spec: &str) {
    let metadata = r#"{"namespace": "shop", "name": "limit"}"#;
    add(s, "EnvoyFilter", &format!(r#"{{"metadata": {metadata}, "spec": {{{spec}}}}}"#));
}

/// A policy for a Gateway of this name.
fn targeting(s: &mut Snapshot, kind: &str, namespace: &str, gateway: &str) {
    let target =
        format!(r#"{{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "{gateway}"}}"#);
    // Plugins have a check of their own where they close.
    let spec = format!(r#"{{"targetRefs": [{target}], "failStrategy": "FAIL_OPEN"}}"#);
    let metadata = format!(r#"{{"namespace": "{namespace}", "name": "gate"}}"#);
    add(s, kind, &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

/// The broker is behind this waypoint.
fn uses(s: &mut Snapshot, waypoint: &str, namespace: &str) {
    let labels = &mut object::<Service>(s, "streams/broker").metadata.labels;
    labels.insert("istio.io/use-waypoint".into(), waypoint.into());
    labels.insert("istio.io/use-waypoint-namespace".into(), namespace.into());
}

fn plugin(s: &mut Snapshot, strategy: &str) {
    let spec = format!(r#"{{"url": "oci://registry.example.com/check:1", "failStrategy": "{strategy}"}}"#);
    let metadata = r#"{"namespace": "web", "name": "check"}"#;
    add(s, "WasmPlugin", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

fn claims(s: &mut Snapshot, header: &str) {
    let claims = format!(r#"[{{"header": "{header}", "claim": "sub"}}]"#);
    let rule = format!(r#"{{"issuer": "https://example.com", "outputClaimToHeaders": {claims}}}"#);
    let metadata = r#"{"namespace": "web", "name": "claims"}"#;
    let spec = format!(r#"{{"jwtRules": [{rule}]}}"#);
    add(s, "RequestAuthentication", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

fn accounts(s: &mut Snapshot, account: &str) {
    let rule = format!(r#"{{"from": [{{"source": {{"serviceAccounts": ["{account}"]}}}}]}}"#);
    let metadata = r#"{"namespace": "edge", "name": "inside"}"#;
    let spec = format!(r#"{{"rules": [{rule}]}}"#);
    add(s, "AuthorizationPolicy", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

/// Whether gateways go through the waypoint of the broker.
fn through(s: &mut Snapshot, word: &str) {
    uses(s, "canary-waypoint", "streams");
    object::<Service>(s, "streams/broker").spec.cluster_ip = "10.96.7.7".into();
    let namespaces = s.objects.namespaces.iter_mut().filter(|one| one.metadata.name == "streams");
    namespaces.for_each(|one| {
        one.metadata.labels.insert("istio.io/ingress-use-waypoint".into(), word.into());
    });
}

/// istio-cni sets sidecars up, and its settings name a namespace under this key.
fn left_out(s: &mut Snapshot, key: &str) {
    let metadata = r#"{"namespace": "istio-system", "name": "istio-cni-config"}"#;
    let data = format!(r#"{{"{key}": "kube-system, web"}}"#);
    add(s, "ConfigMap", &format!(r#"{{"metadata": {metadata}, "data": {data}}}"#));
    with_specs(s, "web/bff", |_, spec| {
        let init = spec.init_containers.iter_mut().filter(|one| one.name == "istio-init");
        init.for_each(|one| one.name = "istio-validation".into());
    });
    s.objects.sort();
}
