//! ML3xxx: gateways and waypoints.

use meshlift_model::defaults::GATEWAY_LABEL;
use meshlift_model::k8s::{
    Container, Deployment, EnvVar, Gateway, GatewayInfrastructure, IstioGateway, IstioGatewaySpec,
    IstioServer, IstioServerTls, ObjectMeta, Secret, Service,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::{Ambient, Sidecars};
use super::{Mutation, add};
use crate::edit::{object, with_specs};

const INGRESS: &str = "Deployment/istio-ingress/istio-ingressgateway";
const PATH: &str = "istio-ingress/istio-ingressgateway";
const REV: &str = "istio.io/rev";

pub(super) fn mutations() -> Vec<Mutation> {
    [injected(), managed()].concat()
}

fn injected() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML3001", Sidecars, INGRESS),
            |s, _| balanced(s),
            |s, _| {
                let mut other: Service = object::<Service>(s, PATH).clone();
                other.metadata.name = "elsewhere".into();
                other.spec.type_ = "LoadBalancer".into();
                other.spec.selector.insert("app".into(), "elsewhere".into());
                s.objects.services.push(other);
            },
        ),
        Mutation::new(
            ("ML3002", Sidecars, INGRESS),
            |s, _| {
                balanced(s);
                drain(s, "5s");
            },
            |s, _| {
                balanced(s);
                drain(s, "45s");
            },
        )
        .also(&["ML3001"]),
        Mutation::new(
            ("ML3003", Sidecars, INGRESS),
            |s, _| with_specs(s, PATH, |meta, _| drop(meta.labels.insert(REV.into(), "prod-stable".into()))),
            |s, _| {
                with_specs(s, PATH, |meta, _| drop(meta.labels.insert("rev".into(), "prod-stable".into())))
            },
        ),
        Mutation::new(
            ("ML3004", Sidecars, INGRESS),
            |s, _| template(s, |proxy| proxy.readiness_probe = None),
            |s, _| template(s, |proxy| proxy.liveness_probe = None),
        ),
        Mutation::new(
            ("ML3005", Sidecars, "Gateway.networking.istio.io/istio-ingress/public"),
            |s, _| https(s),
            |s, _| {
                https(s);
                let metadata = named("istio-ingress", "example-com");
                s.objects.secrets.push(Secret { metadata, ..Secret::default() });
            },
        ),
    ]
}

fn managed() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML3006", Sidecars, INGRESS), |s, _| scaled_from(s, 1), |s, _| scaled_from(s, 2)),
        Mutation::new(
            ("ML3006", Ambient, "Gateway/shop/waypoint"),
            |s, _| without_budget(s, 1),
            |s, _| without_budget(s, 2),
        )
        .also(&["ML1041"]),
        Mutation::new(
            ("ML3007", Ambient, "Gateway/shop/waypoint"),
            |s, _| follow(s, "prod-stable"),
            |s, _| {
                follow(s, "1-29-6");
                let gateway: &mut Gateway = object(s, "shop/waypoint");
                let labels = (*gateway.metadata.labels).clone();
                gateway.spec.infrastructure =
                    Some(GatewayInfrastructure { labels, ..GatewayInfrastructure::default() });
            },
        ),
        Mutation::new(
            ("ML4103", Ambient, "Gateway.networking.istio.io/streams/outside"),
            |s, _| outside(s, "streams"),
            |s, _| outside(s, "edge"),
        )
        .also(&["ML5008"])
        .targets(super::TARGET, "1.31.0"),
        Mutation::new(
            ("ML3008", Ambient, "Gateway/shop/waypoint"),
            |s, _| follow(s, "1-27-3"),
            |s, _| follow(s, "1-29-6"),
        ),
        Mutation::new(
            ("ML3009", Sidecars, INGRESS),
            |s, _| bundled(s, &[("operator.istio.io/managed", "Reconcile")]),
            // Helm renders the same chart; its install of another release leaves this one alone.
            |s, _| bundled(s, &[("app.kubernetes.io/managed-by", "Helm")]),
        ),
    ]
}

fn named(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta { namespace: namespace.into(), name: name.into(), ..ObjectMeta::default() }
}

fn balanced(s: &mut Snapshot) {
    object::<Service>(s, PATH).spec.type_ = "LoadBalancer".into();
}

fn template(s: &mut Snapshot, change: impl Fn(&mut Container)) {
    object::<Deployment>(s, PATH).spec.template.spec.containers.iter_mut().for_each(change);
}

fn without_budget(s: &mut Snapshot, replicas: i32) {
    object::<Deployment>(s, "shop/waypoint").spec.replicas = Some(replicas);
    s.objects.disruption_budgets.retain(|budget| budget.metadata.namespace != "shop");
}

/// The ingress gateway without a budget, and with an autoscaler that goes down to so many pods.
fn scaled_from(s: &mut Snapshot, least: i32) {
    s.objects.disruption_budgets.retain(|budget| budget.metadata.namespace != "istio-ingress");
    let target = r#""scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "istio-ingressgateway"}"#;
    let meta = r#""metadata": {"namespace": "istio-ingress", "name": "istio-ingressgateway"}"#;
    let spec = format!(r#""spec": {{{target}, "minReplicas": {least}, "maxReplicas": 5}}"#);
    add(s, "HorizontalPodAutoscaler", &format!("{{{meta}, {spec}}}"));
}

fn drain(s: &mut Snapshot, text: &str) {
    let value = format!("{{\"terminationDrainDuration\":\"{text}\"}}");
    with_specs(s, PATH, |_, spec| {
        for proxy in &mut spec.containers {
            proxy.env.retain(|env| env.name != "PROXY_CONFIG");
            proxy.env.push(EnvVar { name: "PROXY_CONFIG".into(), value: value.clone(), ..EnvVar::default() });
        }
    });
}

/// The ingress gateway as a component of the control plane's install, with these labels besides.
fn bundled(s: &mut Snapshot, labels: &[(&str, &str)]) {
    let own = [("operator.istio.io/component", "IngressGateways"), (REV, "1-29-6")];
    let metadata = &mut object::<Deployment>(s, PATH).metadata;
    for (key, value) in own.iter().chain(labels) {
        metadata.labels.insert((*key).into(), (*value).into());
    }
}

/// A Gateway whose certificate comes from a Secret.
fn https(s: &mut Snapshot) {
    let labels = object::<Service>(s, PATH).spec.selector.clone();
    let server = IstioServer {
        hosts: vec!["example.com".into()],
        tls: Some(IstioServerTls {
            mode: "SIMPLE".into(),
            credential_name: "example-com".into(),
            ..IstioServerTls::default()
        }),
    };
    let spec = IstioGatewaySpec { selector: (*labels).clone(), servers: vec![server] };
    s.objects.istio_gateways.push(IstioGateway { metadata: named("istio-ingress", "public"), spec });
}

/// An Istio Gateway in this namespace that selects the pods of edge/public.
fn outside(s: &mut Snapshot, namespace: &str) {
    let selector = [(GATEWAY_LABEL.to_owned(), "public".to_owned())].into();
    let server = IstioServer { hosts: vec!["example.com".into()], tls: None };
    let spec = IstioGatewaySpec { selector, servers: vec![server] };
    s.objects.istio_gateways.push(IstioGateway { metadata: named(namespace, "outside"), spec });
}

fn follow(s: &mut Snapshot, revision: &str) {
    object::<Gateway>(s, "shop/waypoint").metadata.labels.insert(REV.into(), revision.into());
}
