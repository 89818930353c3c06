//! Hazards of routes of the Gateway API, of their Gateways, and of policies that stand beside them.

use meshlift_model::k8s::{Gateway, Listener, Service};
use meshlift_model::snapshot::Snapshot;

use super::Base::Ambient;
use super::changes::istiod_variable;
use super::{Mutation, add};
use crate::edit::object;

const ROUTE: &str = "HTTPRoute/edge/copy";
const MIRROR: &str = r#""requestMirror": {"backendRef": {"name": "next", "port": 80}"#;
const ALPHA: &str = "PILOT_ENABLE_ALPHA_GATEWAY_API";
const POOLS: &str = "ENABLE_GATEWAY_API_INFERENCE_EXTENSION";

pub(super) fn mutations() -> Vec<Mutation> {
    [http(), mirrors(), connections(), beside()].concat()
}

fn http() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4117", Ambient, ROUTE),
            |s, _| {
                http_route(s, r#""matches": [{"headers": [{"name": "X-Envoy-Internal", "value": "true"}]}]"#)
            },
            |s, _| {
                http_route(
                    s,
                    r#""matches": [{"headers": [{"name": "X-Envoy-Attempt-Count", "value": "true"}]}]"#,
                )
            },
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4125", Ambient, ROUTE),
            |s, _| pool(s, "inference.networking.x-k8s.io"),
            |s, _| pool(s, "inference.networking.k8s.io"),
        )
        .hop("1.27.9", "1.28.10"),
        Mutation::new(
            ("ML4150", Ambient, ROUTE),
            |s, _| http_route(s, r#""retry": {"attempts": 3, "codes": [503]}"#),
            |s, _| http_route(s, r#""timeouts": {"request": "3s"}"#),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4151", Ambient, ROUTE),
            |s, _| cors(s, "https://shop.example.com"),
            |s, _| http_route(s, r#""filters": [{"type": "URLRewrite"}]"#),
        )
        .hop("1.25.5", "1.26.8"),
        Mutation::new(
            ("ML4152", Ambient, ROUTE),
            |s, _| cors(s, "https://*.example.com"),
            |s, _| http_route(s, r#""filters": [{"type": "URLRewrite"}]"#),
        )
        .hop("1.28.5", "1.28.10"),
        Mutation::new(
            ("ML4154", Ambient, ROUTE),
            |s, _| http_route(s, r#""filters": [{"type": "URLRewrite"}]"#),
            |s, _| http_route(s, r#""filters": [{"type": "RequestRedirect"}]"#),
        ),
        Mutation::new(
            ("ML4155", Ambient, "Service/streams/broker"),
            |s, _| of_service(s, &["HTTPRoute", "GRPCRoute"]),
            |s, _| of_service(s, &["HTTPRoute", "HTTPRoute"]),
        )
        .hop("1.28.5", "1.28.10"),
    ]
}

fn mirrors() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4104", Ambient, ROUTE),
            |s, _| http_route(s, &format!(r#""filters": [{{{MIRROR}}}}}]"#)),
            |s, _| http_route(s, r#""filters": [{"type": "URLRewrite"}]"#),
        )
        .hop("1.27.9", "1.28.5"),
        // The same route at a Gateway of somebody else.
        Mutation::new(
            ("ML4104", Ambient, "GRPCRoute/edge/copy"),
            |s, _| route(s, "GRPCRoute", "public", &format!(r#""filters": [{{{MIRROR}}}}}]"#)),
            |s, _| route(s, "GRPCRoute", "foreign", &format!(r#""filters": [{{{MIRROR}}}}}]"#)),
        )
        .hop("1.27.9", "1.28.5"),
        Mutation::new(
            ("ML4149", Ambient, ROUTE),
            |s, _| http_route(s, &format!(r#""filters": [{{{MIRROR}, "fraction": {{"numerator": 1}}}}}}]"#)),
            |s, _| http_route(s, &format!(r#""filters": [{{{MIRROR}, "percent": 1}}}}]"#)),
        )
        .hop("1.24.2", "1.24.6"),
    ]
}

fn connections() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4146", Ambient, "Gateway/edge/public"),
            |s, _| of_network(s, "TLS"),
            |s, _| listener(s, "TLS", ""),
        )
        .hop("1.24.6", "1.25.5")
        .also(&["ML5016"]),
        Mutation::new(
            ("ML4147", Ambient, "TLSRoute/edge/copy"),
            |s, _| tls_route(s, ("v1.5.0", "v1"), "public", r#""a.example.com""#),
            // Nobody serves it.
            |s, _| tls_route(s, ("v1.5.0", "v1"), "gone", r#""a.example.com""#),
        ),
        Mutation::new(
            ("ML4148", Ambient, "TLSRoute/edge/copy"),
            |s, _| narrow(s, r#""a.example.com", "b.example.com""#),
            |s, _| narrow(s, r#""a.example.com""#),
        )
        .hop("1.28.5", "1.28.10"),
        Mutation::new(
            ("ML4153", Ambient, "Gateway/edge/verifying"),
            |s, _| verifying(s, "frontend"),
            |s, _| verifying(s, "backend"),
        )
        .hop("1.27.9", "1.28.10"),
    ]
}

fn beside() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4117", Ambient, "AuthorizationPolicy/edge/inside"),
            |s, _| policy_when(s, "request.headers[x-envoy-internal]"),
            |s, _| policy_when(s, "request.auth.claims[x-envoy-internal]"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4159", Ambient, "AuthorizationPolicy/edge/inside"),
            |s, _| policy(s, r#""from": [{"source": {"namespaces": ["team-(a|b)"]}}]"#),
            |s, _| {
                let source = r#"{"namespaces": ["team-*"], "principals": ["*.local/ns/a/sa/b"]}"#;
                policy(s, &format!(r#""from": [{{"source": {source}}}]"#));
            },
        )
        .hop("1.28.6", "1.28.10"),
    ]
}

/// A route with one rule at a Gateway of this name, and a Gateway of another's class.
fn route(s: &mut Snapshot, kind: &str, gateway: &str, rule: &str) {
    let foreign =
        r#"{"metadata": {"namespace": "edge", "name": "foreign"}, "spec": {"gatewayClassName": "eg"}}"#;
    add(s, "Gateway", foreign);
    let class = r#"{"metadata": {"name": "eg"}, "spec": {"controllerName": "gateway.envoyproxy.io/x"}}"#;
    add(s, "GatewayClass", class);
    let spec = format!(r#"{{"parentRefs": [{{"name": "{gateway}"}}], "rules": [{{{rule}}}]}}"#);
    add(s, kind, &format!(r#"{{"metadata": {{"namespace": "edge", "name": "copy"}}, "spec": {spec}}}"#));
    s.objects.sort();
}

fn http_route(s: &mut Snapshot, rule: &str) {
    route(s, "HTTPRoute", "public", rule);
}

fn cors(s: &mut Snapshot, origin: &str) {
    let backend = r#""backendRefs": [{"name": "next", "port": 80}]"#;
    let filter = format!(r#"{{"type": "CORS", "cors": {{"allowOrigins": ["{origin}"]}}}}"#);
    http_route(s, &format!(r#"{backend}, "filters": [{filter}]"#));
}

fn pool(s: &mut Snapshot, group: &str) {
    istiod_variable(s, POOLS);
    let backend = format!(r#"{{"group": "{group}", "kind": "InferencePool", "name": "next"}}"#);
    http_route(s, &format!(r#""backendRefs": [{backend}]"#));
}

/// Routes for the broker, which has a waypoint.
fn of_service(s: &mut Snapshot, kinds: &[&str]) {
    let service: &mut Service = object(s, "streams/broker");
    service.metadata.labels.insert("istio.io/use-waypoint".into(), "canary-waypoint".into());
    for (number, kind) in kinds.iter().enumerate() {
        let backend = r#"{"name": "broker", "port": 80}"#;
        let parent = r#"{"group": "", "kind": "Service", "name": "broker"}"#;
        let spec = format!(r#"{{"parentRefs": [{parent}], "rules": [{{"backendRefs": [{backend}]}}]}}"#);
        let metadata = format!(r#"{{"namespace": "streams", "name": "route-{number}"}}"#);
        add(s, kind, &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    }
}

/// One more listener of edge/public.
fn listener(s: &mut Snapshot, protocol: &str, hostname: &str) {
    let (protocol, hostname) = (protocol.to_owned(), hostname.to_owned());
    let listener = Listener { name: "more".into(), hostname, port: 15443, protocol, ..Listener::default() };
    object::<Gateway>(s, "edge/public").spec.listeners.push(listener);
}

/// One more listener, and edge/public takes connections of another network.
fn of_network(s: &mut Snapshot, protocol: &str) {
    listener(s, protocol, "");
    let labels = &mut object::<Gateway>(s, "edge/public").metadata.labels;
    labels.insert("topology.istio.io/network".into(), "other".into());
}

/// A TLSRoute of edge, and a definition of this bundle that serves this version.
fn tls_route(s: &mut Snapshot, (bundle, version): (&str, &str), parent: &str, hosts: &str) {
    let annotations = format!(r#"{{"gateway.networking.k8s.io/bundle-version": "{bundle}"}}"#);
    let metadata =
        format!(r#"{{"name": "tlsroutes.gateway.networking.k8s.io", "annotations": {annotations}}}"#);
    let versions = format!(r#"[{{"name": "{version}", "served": true, "storage": true}}]"#);
    let spec = format!(r#"{{"group": "gateway.networking.k8s.io", "versions": {versions}}}"#);
    add(s, "CustomResourceDefinition", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    let spec = format!(r#"{{"parentRefs": [{{"name": "{parent}"}}], "hostnames": [{hosts}]}}"#);
    add(
        s,
        "TLSRoute",
        &format!(r#"{{"metadata": {{"namespace": "edge", "name": "copy"}}, "spec": {spec}}}"#),
    );
    s.objects.sort();
}

/// A TLSRoute that istiod reads, at a listener for one host.
fn narrow(s: &mut Snapshot, hosts: &str) {
    istiod_variable(s, ALPHA);
    listener(s, "TLS", "a.example.com");
    tls_route(s, ("v1.4.1", "v1alpha2"), "public", hosts);
}

/// A Gateway that says something of certificates on one of its sides.
fn verifying(s: &mut Snapshot, side: &str) {
    let roots = r#"{"validation": {"caCertificateRefs": [{"kind": "ConfigMap", "name": "roots"}]}}"#;
    let tls = format!(r#"{{"{side}": {{"default": {roots}}}}}"#);
    let spec = format!(r#"{{"gatewayClassName": "istio", "tls": {tls}}}"#);
    let metadata = r#"{"namespace": "edge", "name": "verifying"}"#;
    add(s, "Gateway", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    s.objects.sort();
}

/// A policy that decides by a condition with this key.
fn policy_when(s: &mut Snapshot, key: &str) {
    policy(s, &format!(r#""when": [{{"key": "{key}", "values": ["true"]}}]"#));
}

/// A policy with one rule.
fn policy(s: &mut Snapshot, rule: &str) {
    let spec = format!(r#"{{"action": "ALLOW", "rules": [{{{rule}}}]}}"#);
    let metadata = r#"{"namespace": "edge", "name": "inside"}"#;
    add(s, "AuthorizationPolicy", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}
