//! Hazards of what changed of rules, networks, hooks, certificates and modules in 1.25 to 1.31.

use meshlift_model::defaults::NETWORK_LABEL;
use meshlift_model::k8s::{
    DaemonSet, DnsPolicy, EnvVar, HttpGetAction, IntOrString, Lifecycle, LifecycleHandler, Namespace,
    PodDnsConfig,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::{Ambient, Sidecars};
use super::changes::mesh_config;
use super::changes_ambient::setting;
use super::{Mutation, add};
use crate::edit::{object, with_specs};

const RULE: &str = "DestinationRule/web/more";
const CONFIG: &str = "ConfigMap/istio-system/istio-1-29-6";

pub(super) fn mutations() -> Vec<Mutation> {
    [rules(), proxies(), beside()].concat()
}

fn rules() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4183", Sidecars, RULE),
            |s, _| beside_a_policy(s, "bff", r#""tls": {"mode": "ISTIO_MUTUAL"}"#),
            // Of another host.
            |s, _| beside_a_policy(s, "other", r#""tls": {"mode": "ISTIO_MUTUAL"}"#),
        )
        .hop("1.30.3", "1.31.1"),
        Mutation::new(
            ("ML4183", Sidecars, RULE),
            |s, _| beside_a_policy(s, "bff", r#""outlierDetection": {"consecutive5xxErrors": 3}"#),
            // Its subsets have counted before.
            |s, _| beside_a_policy(s, "bff", ""),
        )
        .hop("1.30.3", "1.31.1"),
        Mutation::new(
            ("ML4186", Sidecars, RULE),
            |s, _| budget(s, r#""trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}"#),
            // Without a policy of its own a subset has had the rule's.
            |s, _| budget(s, r#""trafficPolicy": null"#),
        )
        .hop("1.29.1", "1.29.6"),
        Mutation::new(
            ("ML4187", Ambient, "DestinationRule/shop/more"),
            |s, _| sticky(s, r#""httpHeaderName": "x-user""#),
            // Nothing says what to hash.
            |s, _| sticky(s, r#""minimumRingSize": 1024"#),
        )
        .hop("1.30.3", "1.31.1"),
        Mutation::new(("ML4189", Sidecars, RULE), |s, _| upgraded(s, "web"), |s, _| upgraded(s, "http-web"))
            .hop("1.27.9", "1.28.10"),
    ]
}

fn proxies() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4184", Sidecars, "Namespace/istio-system"),
            |s, _| networked(s, "east"),
            // A gateway into another network.
            |s, _| networked(s, "west"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML4185", Sidecars, "Deployment/web/bff"),
            |s, _| stopped_by(s, "true"),
            |s, _| stopped_by(s, "false"),
        )
        .also(&["ML1040"])
        .not_on_twin()
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4192", Sidecars, "Deployment/web/bff"),
            |s, _| asks(s, &["10.0.0.53", "192.0.2.53"]),
            |s, _| asks(s, &["10.0.0.53"]),
        )
        .not_on_twin()
        .hop("1.24.6", "1.25.5"),
    ]
}

fn beside() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4193", Ambient, "DaemonSet/istio-system/istio-cni-node"),
            |s, _| native_nftables(s, "true"),
            |s, _| native_nftables(s, "false"),
        )
        .not_on_twin()
        .hop("1.30.3", "1.31.1"),
        Mutation::new(
            ("ML4188", Sidecars, "Gateway.networking.istio.io/web/external"),
            |s, _| external(s, "sds://vault"),
            // No provider has that name.
            |s, _| external(s, "sds://other"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML4190", Sidecars, CONFIG),
            |s, _| mesh_config(s, "defaultServiceExportTo:\n- \".\"\n- istio-system\n"),
            |s, _| mesh_config(s, "defaultServiceExportTo:\n- \".\"\n"),
        ),
        Mutation::new(
            ("ML4191", Sidecars, "WasmPlugin/web/more"),
            |s, _| module(s, "oci://registry.corp.example/filters/a:1"),
            |s, _| module(s, "oci://ghcr.io/filters/a:1"),
        )
        .not_on_twin()
        .hop("1.29.0", "1.29.6"),
    ]
}

/// A BackendTLSPolicy of bff, and a rule for a host.
fn beside_a_policy(s: &mut Snapshot, host: &str, policy: &str) {
    let target = r#"{"group": "", "kind": "Service", "name": "bff"}"#;
    let validation = r#"{"hostname": "bff.example.com", "wellKnownCACertificates": "System"}"#;
    let spec = format!(r#"{{"targetRefs": [{target}], "validation": {validation}}}"#);
    let metadata = r#"{"namespace": "web", "name": "bff"}"#;
    add(s, "BackendTLSPolicy", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    rule(s, "web", &format!(r#""host": "{host}", "trafficPolicy": {{{policy}}}"#));
}

fn budget(s: &mut Snapshot, subset: &str) {
    let subset = format!(r#"{{"name": "all", "labels": {{"app": "bff"}}, {subset}}}"#);
    let policy = r#""trafficPolicy": {"retryBudget": {"percent": 20.0}}"#;
    rule(s, "web", &format!(r#""host": "bff", {policy}, "subsets": [{subset}]"#));
}

/// A rule with a hash for a Service of shop that has a waypoint and no routes.
fn sticky(s: &mut Snapshot, hash: &str) {
    let spec = r#"{"ports": [{"name": "http", "port": 80}], "selector": {"app": "nobody"}}"#;
    let labels = r#"{"istio.io/use-waypoint": "waypoint"}"#;
    let metadata = format!(r#"{{"namespace": "shop", "name": "sticky", "labels": {labels}}}"#);
    add(s, "Service", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    let policy = format!(r#"{{"loadBalancer": {{"consistentHash": {{{hash}}}}}}}"#);
    rule(s, "shop", &format!(r#""host": "sticky", "trafficPolicy": {policy}"#));
}

/// A rule that upgrades a Service whose port has a name.
fn upgraded(s: &mut Snapshot, port: &str) {
    let spec = format!(r#"{{"ports": [{{"name": "{port}", "port": 80}}], "selector": {{"app": "nobody"}}}}"#);
    let metadata = r#"{"namespace": "web", "name": "upgraded"}"#;
    add(s, "Service", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    let pool = r#"{"http": {"h2UpgradePolicy": "UPGRADE"}}"#;
    rule(s, "web", &format!(r#""host": "upgraded", "trafficPolicy": {{"connectionPool": {pool}}}"#));
}

fn rule(s: &mut Snapshot, namespace: &str, spec: &str) {
    let metadata = format!(r#"{{"namespace": "{namespace}", "name": "more"}}"#);
    add(s, "DestinationRule", &format!(r#"{{"metadata": {metadata}, "spec": {{{spec}}}}}"#));
    s.objects.sort();
}

/// The cluster is one network, and there is a gateway into one.
fn networked(s: &mut Snapshot, gateway: &str) {
    object::<Namespace>(s, "istio-system").metadata.labels.insert(NETWORK_LABEL.into(), "east".into());
    let labels = format!(r#"{{"{NETWORK_LABEL}": "{gateway}"}}"#);
    let metadata = format!(r#"{{"namespace": "istio-system", "name": "eastwest", "labels": {labels}}}"#);
    let spec = r#"{"type": "LoadBalancer", "ports": [{"name": "tls", "port": 15443}]}"#;
    add(s, "Service", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    s.objects.sort();
}

/// Its app is told by HTTP to end, and its probes are rewritten or not.
fn stopped_by(s: &mut Snapshot, rewrites: &str) {
    with_specs(s, "web/bff", |meta, spec| {
        meta.annotations.insert("sidecar.istio.io/rewriteAppHTTPProbers".into(), rewrites.into());
        let http_get =
            HttpGetAction { path: "/stop".into(), port: IntOrString::Int(8080), ..HttpGetAction::default() };
        let pre_stop = LifecycleHandler { http_get: Some(http_get), ..LifecycleHandler::default() };
        let apps = spec.containers.iter_mut().filter(|one| one.name != "istio-proxy");
        apps.for_each(|app| {
            app.lifecycle =
                Some(Box::new(Lifecycle { pre_stop: Some(pre_stop.clone()), ..Lifecycle::default() }));
        });
    });
}

/// istio-cni writes nftables itself, or not, from a distroless image.
fn native_nftables(s: &mut Snapshot, value: &str) {
    setting(s, "NATIVE_NFTABLES", value);
    let agent: &mut DaemonSet = object(s, "istio-system/istio-cni-node");
    let images = agent.spec.template.spec.containers.iter_mut().map(|container| &mut container.image);
    images.filter(|image| !image.ends_with("-distroless")).for_each(|image| image.push_str("-distroless"));
}

/// Its proxy answers its DNS, and asks these servers.
fn asks(s: &mut Snapshot, servers: &[&str]) {
    with_specs(s, "web/bff", |_, spec| {
        spec.dns_policy = DnsPolicy::from("None");
        let nameservers = servers.iter().map(|server| (*server).to_owned()).collect();
        spec.dns_config = Some(Box::new(PodDnsConfig { nameservers }));
        let captures =
            EnvVar { name: "ISTIO_META_DNS_CAPTURE".into(), value: "true".into(), ..EnvVar::default() };
        let proxies = spec.containers.iter_mut().chain(&mut spec.init_containers);
        proxies.filter(|one| one.name == "istio-proxy").for_each(|proxy| proxy.env.push(captures.clone()));
    });
}

fn external(s: &mut Snapshot, credential: &str) {
    let provider = "  sds:\n    name: vault\n    service: vault.web.svc.cluster.local\n    port: 8234\n";
    mesh_config(s, &format!("extensionProviders:\n- name: certificates\n{provider}"));
    let metadata = r#"{"namespace": "web", "name": "external"}"#;
    let tls = format!(r#"{{"mode": "SIMPLE", "credentialName": "{credential}"}}"#);
    let port = r#"{"number": 443, "name": "https", "protocol": "HTTPS"}"#;
    let server = format!(r#"{{"port": {port}, "hosts": ["external.example.com"], "tls": {tls}}}"#);
    let spec = format!(r#"{{"selector": {{"istio": "nobody"}}, "servers": [{server}]}}"#);
    add(s, "Gateway.networking.istio.io", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    s.objects.sort();
}

fn module(s: &mut Snapshot, url: &str) {
    let metadata = r#"{"namespace": "web", "name": "more"}"#;
    let spec = format!(r#"{{"url": "{url}", "failStrategy": "FAIL_OPEN"}}"#);
    add(s, "WasmPlugin", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    s.objects.sort();
}
