//! Hazards of how requests find their endpoints: Services, DestinationRules, hosts, limits.

use meshlift_model::k8s::{Namespace, Service};
use meshlift_model::snapshot::Snapshot;

use super::Base::Sidecars;
use super::changes::mesh_config;
use super::{Mutation, add};
use crate::edit::{object, with_specs};

const RULE: &str = "DestinationRule/web/far";
const SERVICE: &str = "Service/web/bff";
const LIMIT: &str = "overload.global_downstream_max_connections";

pub(super) fn mutations() -> Vec<Mutation> {
    [endpoints(), rules(), beside()].concat()
}

fn endpoints() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4160", Sidecars, SERVICE),
            |s, _| prefers(s, "PreferClose"),
            |s, _| {
                prefers(s, "PreferClose");
                let near = r#"{"localityLbSetting": {"enabled": false}}"#;
                rule(s, "bff", &format!(r#""loadBalancer": {near}"#));
            },
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4160", Sidecars, SERVICE),
            |s, _| prefers(s, "PreferSameNode"),
            |s, _| prefers(s, "PreferClose"),
        )
        .hop("1.26.8", "1.27.9"),
        Mutation::new(("ML4160", Sidecars, SERVICE), |s, _| says(s, "PreferClose"), |s, _| says(s, "Any")),
        Mutation::new(
            ("ML4160", Sidecars, "ServiceEntry/web/far"),
            |s, _| entry_prefers(s, "PreferClose"),
            |s, _| entry_prefers(s, "PreferFar"),
        )
        .hop("1.24.6", "1.25.5"),
        Mutation::new(
            ("ML4160", Sidecars, SERVICE),
            |s, _| {
                prefers(s, "PreferSameZone");
                rule(s, "other", r#""outlierDetection": {}"#);
            },
            // It keeps to its zone today.
            |s, _| {
                prefers(s, "PreferSameZone");
                rule(s, "bff", r#""outlierDetection": {}"#);
            },
        )
        .hop("1.26.8", "1.27.9"),
        Mutation::new(
            ("ML4167", Sidecars, RULE),
            |s, _| failing_over(s, r#""outlierDetection": {"consecutive5xxErrors": 3}"#),
            // Nothing fails over without it.
            |s, _| failing_over(s, r#""outlierDetection": null"#),
        ),
    ]
}

fn rules() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4169", Sidecars, RULE),
            |s, _| rule(s, "bff", r#""retryBudget": {"minRetryConcurrency": 3}"#),
            |s, _| rule(s, "bff", r#""retryBudget": {"percent": 20.0}"#),
        )
        .hop("1.28.5", "1.28.10"),
        Mutation::new(
            ("ML4171", Sidecars, RULE),
            |s, _| as_the_client(s, "DEFAULT"),
            |s, _| as_the_client(s, "DO_NOT_UPGRADE"),
        )
        .hop("1.24.1", "1.24.6"),
    ]
}

fn beside() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4164", Sidecars, "PodDisruptionBudget/istio-system/istiod"),
            |s, _| of_istiod(s, "istio"),
            |s, _| of_istiod(s, "platform"),
        )
        .hop("1.27.9", "1.28.10"),
        Mutation::new(
            ("ML4165", Sidecars, "VirtualService/web/letters"),
            |s, _| routes(s, "BFF"),
            |s, _| routes(s, "Nobody"),
        )
        .hop("1.26.8", "1.27.9"),
        Mutation::new(
            ("ML4168", Sidecars, "Gateway.networking.istio.io/web/twice"),
            |s, _| {
                server(s, r#""credentialName": "example-com", "serverCertificate": "/a", "privateKey": "/b""#)
            },
            |s, _| server(s, r#""serverCertificate": "/a", "privateKey": "/b""#),
        )
        .hop("1.26.8", "1.27.9"),
        Mutation::new(
            ("ML4174", Sidecars, "Deployment/web/bff"),
            |s, _| runtime(s, LIMIT),
            |s, _| runtime(s, "re2.max_program_size.error_level"),
        )
        .hop("1.27.9", "1.28.10"),
    ]
}

fn prefers(s: &mut Snapshot, word: &str) {
    object::<Service>(s, "web/bff").spec.traffic_distribution = word.into();
}

/// A namespace says it for its Services.
fn says(s: &mut Snapshot, word: &str) {
    let annotations = &mut object::<Namespace>(s, "web").metadata.annotations;
    annotations.insert("networking.istio.io/traffic-distribution".into(), word.into());
}

/// A ServiceEntry that prefers near endpoints.
fn entry_prefers(s: &mut Snapshot, word: &str) {
    let annotations = format!(r#"{{"networking.istio.io/traffic-distribution": "{word}"}}"#);
    let metadata = format!(r#"{{"namespace": "web", "name": "far", "annotations": {annotations}}}"#);
    let spec = r#"{"hosts": ["far.example.com"], "resolution": "STATIC", "addresses": ["240.0.0.9"]}"#;
    add(s, "ServiceEntry", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

/// A rule with this policy for a host.
fn rule(s: &mut Snapshot, host: &str, policy: &str) {
    let metadata = r#"{"namespace": "web", "name": "far"}"#;
    let spec = format!(r#"{{"host": "{host}", "trafficPolicy": {{{policy}}}}}"#);
    add(s, "DestinationRule", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

/// A host of names, with priorities.
fn failing_over(s: &mut Snapshot, policy: &str) {
    let metadata = r#"{"namespace": "web", "name": "far"}"#;
    let spec = r#"{"hosts": ["far.example.com"], "resolution": "DNS", "addresses": ["240.0.0.9"]}"#;
    add(s, "ServiceEntry", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
    let near = r#"{"localityLbSetting": {"failoverPriority": ["zone"]}}"#;
    rule(s, "far.example.com", &format!(r#""loadBalancer": {near}, {policy}"#));
}

fn as_the_client(s: &mut Snapshot, policy: &str) {
    mesh_config(s, "h2UpgradePolicy: UPGRADE\n");
    let http = format!(r#"{{"useClientProtocol": true, "h2UpgradePolicy": "{policy}"}}"#);
    rule(s, "bff", &format!(r#""connectionPool": {{"http": {http}}}"#));
}

/// istiod has a budget, and values for one pod, rendered by this.
fn of_istiod(s: &mut Snapshot, by: &str) {
    let autoscalers = s.objects.autoscalers.iter_mut().filter(|one| one.metadata.namespace == "istio-system");
    autoscalers.for_each(|one| one.spec.min_replicas = Some(1));
    let selector = r#"{"matchLabels": {"app": "istiod"}}"#;
    let labels = format!(r#"{{"app.kubernetes.io/part-of": "{by}"}}"#);
    let metadata = format!(r#"{{"namespace": "istio-system", "name": "istiod", "labels": {labels}}}"#);
    let spec = format!(r#"{{"minAvailable": 1, "selector": {selector}}}"#);
    add(s, "PodDisruptionBudget", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

fn routes(s: &mut Snapshot, host: &str) {
    let metadata = r#"{"namespace": "web", "name": "letters"}"#;
    let spec = format!(r#"{{"hosts": ["{host}"], "http": [{{"fault": {{}}}}]}}"#);
    add(s, "VirtualService", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

fn server(s: &mut Snapshot, tls: &str) {
    let metadata = r#"{"namespace": "web", "name": "twice"}"#;
    let server = format!(r#"{{"hosts": ["twice.example.com"], "tls": {{"mode": "SIMPLE", {tls}}}}}"#);
    let spec = format!(r#"{{"selector": {{"istio": "nobody"}}, "servers": [{server}]}}"#);
    add(s, "Gateway.networking.istio.io", &format!(r#"{{"metadata": {metadata}, "spec": {spec}}}"#));
}

fn runtime(s: &mut Snapshot, name: &str) {
    with_specs(s, "web/bff", |meta, _| {
        let config = format!("runtimeValues:\n  {name}: '5000'\n");
        meta.annotations.insert("proxy.istio.io/config".into(), config);
    });
}
