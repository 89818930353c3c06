//! ML41xx: what versions changed for sidecars, gateways and their configuration.

use meshlift_model::k8s::{Deployment, EnvVar, ServiceAccountTokenProjection, VolumeProjection};
use meshlift_model::snapshot::Snapshot;

use super::Base::Sidecars;
use super::{Mutation, add, projected};
use crate::edit::{object, with_specs};

const BFF: &str = "Deployment/web/bff";
const RULE: &str = "DestinationRule/web/bff";
const VIRTUAL: &str = "VirtualService/web/bff";

pub(super) fn mutations() -> Vec<Mutation> {
    [to_24(), to_25(), to_28(), to_29(), to_30(), to_31()].concat()
}

fn to_24() -> Vec<Mutation> {
    let hop = |mutation: Mutation| mutation.hop("1.23.6", "1.24.6");
    vec![
        hop(Mutation::new(
            ("ML4108", Sidecars, "ServiceEntry/checkout/bff"),
            |s, _| entry(s, "checkout", "bff.web.svc.cluster.local", ""),
            |s, _| entry(s, "web", "bff.web.svc.cluster.local", ""),
        )),
        hop(Mutation::new(
            ("ML4109", Sidecars, "Telemetry/web/logs"),
            |s, _| telemetry(s, "node.metadata['NAMESPACE'] == 'web'"),
            |s, _| telemetry(s, "xds.node.metadata['NAMESPACE'] == 'web'"),
        )),
        hop(Mutation::new(
            ("ML4110", Sidecars, RULE),
            |s, _| {
                variable(s, "ISTIO_META_TLS_CLIENT_KEY", "/etc/key.pem");
                entry(s, "web", "api.example.com", "MESH_EXTERNAL");
                rule(s, r#""host": "api.example.com", "trafficPolicy": {"tls": {"mode": "MUTUAL"}}"#);
            },
            |s, _| {
                variable(s, "ISTIO_META_TLS_CLIENT_KEY", "/etc/key.pem");
                entry(s, "web", "api.example.com", "MESH_INTERNAL");
                rule(s, r#""host": "api.example.com", "trafficPolicy": {"tls": {"mode": "MUTUAL"}}"#);
            },
        )),
        hop(Mutation::new(
            ("ML4111", Sidecars, RULE),
            |s, _| two_rules(s, r#"["checkout"]"#, r#"["catalog"]"#),
            |s, _| two_rules(s, r#"["checkout"]"#, r#"["catalog", "checkout"]"#),
        )),
        hop(Mutation::new(
            ("ML4112", Sidecars, VIRTUAL),
            |s, _| virtual_service(s, r#""retries": {"attempts": 3}"#),
            |s, _| virtual_service(s, r#""retries": {"attempts": 3, "retryOn": "503"}"#),
        )),
        hop(Mutation::new(
            ("ML4114", Sidecars, BFF),
            |s, _| image(s, "quay.io/jetstack/cert-manager-istio-csr:v0.12.0"),
            |s, _| image(s, "quay.io/jetstack/cert-manager-istio-csr:v0.13.0"),
        )),
        hop(Mutation::new(
            ("ML4115", Sidecars, BFF),
            |s, _| image(s, "docker.io/istio/operator:1.23.6"),
            |s, _| image(s, "docker.io/someone/operator:1.23.6"),
        )),
        Mutation::new(
            ("ML4116", Sidecars, BFF),
            |s, _| past_dns(s, "9042,53"),
            |s, _| past_dns(s, "9042,5353"),
        )
        .hop("1.22.8", "1.23.6"),
    ]
}

fn to_25() -> Vec<Mutation> {
    let hop = |mutation: Mutation| mutation.hop("1.24.6", "1.25.5");
    vec![
        hop(Mutation::new(
            ("ML4117", Sidecars, VIRTUAL),
            |s, _| virtual_service(s, r#""match": [{"headers": {"x-envoy-internal": {"exact": "true"}}}]"#),
            |s, _| virtual_service(s, r#""match": [{"headers": {"x-envoys": {"exact": "true"}}}]"#),
        )),
        hop(Mutation::new(
            ("ML4118", Sidecars, "ServiceEntry/web/entry"),
            |s, _| {
                variable(s, "ISTIO_META_DNS_CAPTURE", "true");
                entry(s, "web", "api.example.com", "");
            },
            |s, _| entry(s, "web", "api.example.com", ""),
        )),
        hop(Mutation::new(
            ("ML4119", Sidecars, "ConfigMap/istio-system/istio-1-29-6"),
            |s, _| mesh_config(s, "extensionProviders:\n- name: traces\n  opencensus:\n    service: x\n"),
            |s, _| mesh_config(s, "extensionProviders:\n- name: traces\n  opentelemetry:\n    service: x\n"),
        )),
        Mutation::new(
            ("ML4124", Sidecars, "Deployment/istio-ingress/istio-ingressgateway"),
            |s, _| service_type(s, "LoadBalancer"),
            |s, _| service_type(s, "ClusterIP"),
        )
        .hop("1.25.5", "1.26.8")
        .also(&["ML3001"]),
    ]
}

fn to_28() -> Vec<Mutation> {
    let hop = |mutation: Mutation| mutation.hop("1.27.9", "1.28.10");
    vec![
        hop(Mutation::new(
            ("ML4126", Sidecars, "BackendTLSPolicy/web/bff"),
            |s, _| backend_tls(s, &["v1"]),
            |s, _| {
                istiod_variable(s, "PILOT_ENABLE_ALPHA_GATEWAY_API");
                backend_tls(s, &["v1", "v1alpha3"]);
            },
        )),
        hop(Mutation::new(
            ("ML4126", Sidecars, "BackendTLSPolicy/web/bff"),
            |s, _| {
                istiod_variable(s, "PILOT_ENABLE_ALPHA_GATEWAY_API");
                backend_tls(s, &["v1alpha3"]);
            },
            |s, _| backend_tls(s, &["v1alpha3"]),
        )),
    ]
}

/// A policy, and a definition that serves these versions.
fn backend_tls(s: &mut Snapshot, served: &[&str]) {
    let name = "backendtlspolicies.gateway.networking.k8s.io";
    let versions: Vec<String> =
        served.iter().map(|version| format!(r#"{{"name": "{version}", "served": true}}"#)).collect();
    let spec = format!(r#"{{"group": "gateway.networking.k8s.io", "versions": [{}]}}"#, versions.join(", "));
    s.objects.crds.retain(|definition| definition.metadata.name != name);
    let meta = format!(r#"{{"name": "{name}"}}"#);
    add(s, "CustomResourceDefinition", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
    add(s, "BackendTLSPolicy", r#"{"metadata": {"namespace": "web", "name": "bff"}}"#);
}

fn to_29() -> Vec<Mutation> {
    let hop = |mutation: Mutation| mutation.hop("1.28.10", "1.29.6");
    vec![
        Mutation::new(
            ("ML4137", Sidecars, BFF),
            |s, _| image(s, "docker.io/grafana/grafana:11.3.1"),
            |s, _| image(s, "docker.io/grafana/alloy:1.8.0"),
        )
        .hop("1.26.8", "1.27.9"),
        Mutation::new(("ML4127", Sidecars, BFF), |s, _| token(s, "istio-ca"), |s, _| token(s, "vault"))
            .hop("1.28.3", "1.29.6"),
        Mutation::new(
            ("ML5024", Sidecars, BFF),
            |s, _| image(s, "quay.io/kiali/kiali:v2.21.3"),
            |s, _| image(s, "quay.io/kiali/kiali:v2.22"),
        ),
        Mutation::new(
            ("ML5024", Sidecars, BFF),
            |s, _| image(s, "quay.io/kiali/kiali@sha256:0011"),
            |s, _| image(s, "quay.io/example/kialike@sha256:0011"),
        ),
        hop(Mutation::new(
            ("ML4128", Sidecars, RULE),
            |s, _| rule(s, r#""host": "bff", "trafficPolicy": {"connectionPool": {"tcp": {}}}"#),
            |s, _| rule(s, r#""host": "bff", "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}"#),
        )),
        hop(Mutation::new(
            ("ML4131", Sidecars, BFF),
            |s, _| account(s, "istiod-service-account"),
            |s, _| account(s, "istiod"),
        )),
        Mutation::new(
            ("ML4132", Sidecars, "RequestAuthentication/web/tokens"),
            |s, _| keys_at(s, "http://169.254.169.254/keys"),
            |s, _| keys_at(s, "http://10.169.254.1/keys"),
        )
        .hop("1.28.10", "1.29.7"),
    ]
}

fn to_30() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4143", Sidecars, "AuthorizationPolicy/web/bff"),
            |s, _| custom(s, "opa.local"),
            |s, _| custom(s, "opa-local"),
        ),
        Mutation::new(
            ("ML4158", Sidecars, "ConfigMap/istio-system/istio-1-29-6"),
            |s, _| mesh_config(s, "tlsDefaults:\n  minProtocolVersion: TLSV1_3\n"),
            |s, _| mesh_config(s, "meshMTLS:\n  minProtocolVersion: TLSV1_3\n"),
        )
        .hop("1.28.3", "1.28.10"),
        Mutation::new(
            ("ML4144", Sidecars, BFF),
            |s, _| interfaces(s, "eth1,"),
            |s, _| interfaces(s, "eth1, net2"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML4145", Sidecars, "EnvoyFilter/web/plugin"),
            |s, _| patched(s, "wasmplugin"),
            |s, _| patched(s, "trafficextension"),
        ),
    ]
}

fn to_31() -> Vec<Mutation> {
    let hop = |mutation: Mutation| mutation.hop("1.30.4", "1.31.1");
    vec![
        hop(Mutation::new(
            ("ML4133", Sidecars, "Service/web/bff"),
            |s, _| readiness(s, false),
            |s, _| {
                readiness(s, false);
                rule(s, r#""host": "bff", "trafficPolicy": {"outlierDetection": {"minHealthPercent": 50}}"#);
            },
        )),
        hop(Mutation::new(
            ("ML4134", Sidecars, RULE),
            |s, _| zone_aware(s, false),
            |s, _| zone_aware(s, true),
        )),
        Mutation::new(("ML4138", Sidecars, BFF), |s, _| generator(s, "api"), |s, _| generator(s, "event"))
            .hop("1.30.3", "1.30.4"),
    ]
}

fn entry(s: &mut Snapshot, namespace: &str, host: &str, location: &str) {
    let name = if host.starts_with("bff") { "bff" } else { "entry" };
    let meta = format!(r#"{{"namespace": "{namespace}", "name": "{name}"}}"#);
    let spec = format!(r#"{{"hosts": ["{host}"], "location": "{location}", "resolution": "DNS"}}"#);
    add(s, "ServiceEntry", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

/// A policy that hands the decision to this provider.
fn custom(s: &mut Snapshot, provider: &str) {
    let spec = format!(r#"{{"action": "CUSTOM", "provider": {{"name": "{provider}"}}}}"#);
    let meta = r#"{"namespace": "web", "name": "bff"}"#;
    add(s, "AuthorizationPolicy", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

fn interfaces(s: &mut Snapshot, names: &str) {
    let key = "traffic.sidecar.istio.io/excludeInterfaces";
    with_specs(s, "web/bff", |meta, _| drop(meta.annotations.insert(key.into(), names.into())));
}

/// A patch of a plugin's filter, whose name has this kind in it.
fn patched(s: &mut Snapshot, kind: &str) {
    let name = format!("extensions.istio.io/{kind}/web.limits");
    let filter = format!(r#"{{"filterChain": {{"filter": {{"subFilter": {{"name": "{name}"}}}}}}}}"#);
    let patch = format!(
        r#"{{"applyTo": "HTTP_FILTER", "match": {{"listener": {filter}}}, "patch": {{"operation": "REMOVE"}}}}"#
    );
    let meta = r#"{"namespace": "web", "name": "plugin"}"#;
    add(s, "EnvoyFilter", &format!(r#"{{"metadata": {meta}, "spec": {{"configPatches": [{patch}]}}}}"#));
}

fn telemetry(s: &mut Snapshot, expression: &str) {
    let spec = format!(r#"{{"accessLogging": [{{"filter": {{"expression": "{expression}"}}}}]}}"#);
    let meta = r#"{"namespace": "web", "name": "logs"}"#;
    add(s, "Telemetry", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

fn rule(s: &mut Snapshot, spec: &str) {
    let meta = r#"{"namespace": "web", "name": "bff"}"#;
    add(s, "DestinationRule", &format!(r#"{{"metadata": {meta}, "spec": {{{spec}}}}}"#));
}

fn two_rules(s: &mut Snapshot, one: &str, other: &str) {
    rule(s, &format!(r#""host": "bff", "exportTo": {one}"#));
    rule(s, &format!(r#""host": "bff", "exportTo": {other}"#));
}

fn zone_aware(s: &mut Snapshot, on: bool) {
    let policy = format!(r#"{{"loadBalancer": {{"zoneAwareLbSetting": {{"enabled": {on}}}}}}}"#);
    rule(s, &format!(r#""host": "bff", "trafficPolicy": {policy}"#));
}

/// A VirtualService whose only route has more than its destination.
fn virtual_service(s: &mut Snapshot, more: &str) {
    let route = format!(r#"{{"route": [{{"destination": {{"host": "bff"}}, "weight": 100}}], {more}}}"#);
    let meta = r#"{"namespace": "web", "name": "bff"}"#;
    add(
        s,
        "VirtualService",
        &format!(r#"{{"metadata": {meta}, "spec": {{"hosts": ["bff"], "http": [{route}]}}}}"#),
    );
}

/// A variable of the sidecars of web/bff.
fn variable(s: &mut Snapshot, name: &str, value: &str) {
    with_specs(s, "web/bff", |_, spec| {
        let proxies = spec.init_containers.iter_mut().filter(|one| one.name == "istio-proxy");
        proxies.for_each(|proxy| {
            proxy.env.push(EnvVar { name: name.into(), value: value.into(), ..EnvVar::default() });
        });
    });
}

pub(super) fn istiod_variable(s: &mut Snapshot, name: &str) {
    let istiod = &mut object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.template.spec;
    istiod.containers.iter_mut().for_each(|container| {
        container.env.push(EnvVar { name: name.into(), value: "true".into(), ..EnvVar::default() });
    });
}

fn past_dns(s: &mut Snapshot, ports: &str) {
    variable(s, "ISTIO_META_DNS_CAPTURE", "true");
    let key = "traffic.sidecar.istio.io/excludeOutboundPorts";
    with_specs(s, "web/bff", |meta, _| drop(meta.annotations.insert(key.into(), ports.into())));
}

fn image(s: &mut Snapshot, image: &str) {
    with_specs(s, "web/bff", |_, spec| {
        let apps = spec.containers.iter_mut().filter(|one| one.name != "istio-proxy").take(1);
        apps.for_each(|app| app.image = image.into());
    });
}

/// A token of web/bff for somebody else than the API server.
fn token(s: &mut Snapshot, audience: &str) {
    let token = Box::new(ServiceAccountTokenProjection { audience: audience.into() });
    let source = VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() };
    let volume = projected("token", source);
    with_specs(s, "web/bff", |_, spec| spec.volumes.push(volume.clone()));
}

fn account(s: &mut Snapshot, name: &str) {
    with_specs(s, "web/bff", |_, spec| spec.service_account_name = name.into());
    add(s, "ServiceAccount", &format!(r#"{{"metadata": {{"name": "{name}", "namespace": "web"}}}}"#));
}

pub(super) fn mesh_config(s: &mut Snapshot, text: &str) {
    let maps = s.objects.config_maps.iter_mut().filter(|map| map.metadata.name == "istio-1-29-6");
    maps.for_each(|map| drop(map.data.insert("mesh".into(), text.into())));
}

fn service_type(s: &mut Snapshot, type_: &str) {
    object::<meshlift_model::k8s::Service>(s, "istio-ingress/istio-ingressgateway").spec.type_ = type_.into();
}

fn keys_at(s: &mut Snapshot, uri: &str) {
    let spec = format!(r#"{{"jwtRules": [{{"issuer": "me", "jwksUri": "{uri}"}}]}}"#);
    let meta = r#"{"namespace": "web", "name": "tokens"}"#;
    add(s, "RequestAuthentication", &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
}

/// Whether an endpoint of bff is ready.
fn readiness(s: &mut Snapshot, ready: bool) {
    let slices = s.objects.endpoint_slices.iter_mut();
    let own = slices.filter(|one| one.metadata.label("kubernetes.io/service-name") == Some("bff"));
    own.filter_map(|slice| slice.endpoints.first_mut()).for_each(|one| one.conditions.ready = Some(ready));
}

/// A client of istiod's xDS port that asks for one kind of answers.
fn generator(s: &mut Snapshot, kind: &str) {
    with_specs(s, "web/bff", |_, spec| {
        let variable =
            EnvVar { name: "ISTIO_META_GENERATOR".into(), value: kind.into(), ..EnvVar::default() };
        spec.containers.iter_mut().take(1).for_each(|app| app.env.push(variable.clone()));
    });
}
