//! ML3001 to ML3008, and ML3011: gateways and waypoints.

use meshlift_model::defaults::NETWORK_LABEL;
use meshlift_model::finding::Verdict;
use meshlift_model::k8s::{
    Deployment, EnvVar, Gateway, GatewayInfrastructure, HorizontalPodAutoscaler, IstioGateway,
    PodDisruptionBudget, Secret, Service, StringMap,
};
use meshlift_model::selector::LabelSelector;
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use crate::common::{
    appears, assess, cluster, found, object, of, pods, stays_away, subjects, unchanged, vanishes, version,
};

const INGRESS: &str = "Deployment/istio-ingress/istio-ingressgateway";
const PATH: &str = "istio-ingress/istio-ingressgateway";

#[test]
fn a_gateway_that_takes_outside_traffic_is_never_lossless_in_place() {
    let internal = |s: &mut Snapshot| object::<Service>(s, PATH).spec.type_ = "ClusterIP".into();
    vanishes("ML3001", "before", INGRESS, internal);
    vanishes("ML3002", "before", INGRESS, internal);
    stays_away("ML3001", "before", INGRESS, internal);
    // NodePort leads in from outside as well.
    assert!(
        found("ML3001", "before", |s| object::<Service>(s, PATH).spec.type_ = "NodePort".into())
            .contains(INGRESS)
    );
    let before = assess(cluster("before"), Some(&version("1.30.3")));
    let hit = of(&before, "ML3001")[0];
    assert_eq!(hit.offers, ["accept-loss", "failover-elsewhere", "hold-namespace"]);
    assert!(hit.needs_choice());
    // It has a hazard of its own and is not reported as a gap besides.
    assert!(before.findings.iter().all(|f| f.subject.to_string() != INGRESS || !f.code.starts_with("ML100")));
    assert!(subjects(&unchanged("after"), "ML3001").is_empty());
}

#[test]
fn a_long_drain_outlasts_the_load_balancer() {
    let drain = |s: &mut Snapshot, text: &str, grace: i64| {
        for pod in pods(s, PATH) {
            pod.spec.termination_grace_period_seconds = Some(grace);
            let value = format!("{{\"terminationDrainDuration\":\"{text}\"}}");
            let proxy = &mut pod.spec.containers[0];
            proxy.env.retain(|env| env.name != "PROXY_CONFIG");
            proxy.env.push(EnvVar { name: "PROXY_CONFIG".into(), value, ..EnvVar::default() });
        }
    };
    vanishes("ML3002", "before", INGRESS, |s| drain(s, "30s", 60));
    // SIGKILL at the end of grace ends any drain.
    assert!(found("ML3002", "before", |s| drain(s, "30s", 8)).contains(INGRESS));
    assert!(found("ML3002", "before", |s| drain(s, "5s", 60)).contains(INGRESS));
}

#[test]
fn labels_and_probes_that_deceive_are_told_of() {
    vanishes("ML3003", "before", INGRESS, |s| {
        object::<Deployment>(s, PATH).spec.template.metadata.labels.remove("istio.io/rev");
    });
    vanishes("ML3004", "before", INGRESS, |s| {
        let template = &mut object::<Deployment>(s, PATH).spec.template;
        template.spec.containers[0].readiness_probe = Some(Box::default());
    });
}

#[test]
fn a_missing_secret_is_missing_only_where_secrets_were_read() {
    let public = "Gateway.networking.istio.io/istio-ingress/public";
    let secret = |namespace: &str| {
        let mut secret = Secret::default();
        secret.metadata.namespace = namespace.into();
        secret.metadata.name = "example-com".into();
        secret
    };
    vanishes("ML3005", "before", public, |s| s.objects.secrets.push(secret("istio-ingress")));
    // Secrets are looked for beside the pods, not beside the Gateway.
    assert!(found("ML3005", "before", |s| s.objects.secrets.push(secret("web"))).contains(public));
    let refused = |s: &mut Snapshot| {
        s.sources.insert("secrets".into(), SourceStatus::Refused { reason: "forbidden".into() });
        s.objects.secrets.clear();
    };
    let mut snapshot = cluster("before");
    refused(&mut snapshot);
    let assessment = assess(snapshot, None);
    assert_eq!(of(&assessment, "ML3005")[0].verdict, Verdict::Unknown);
    // Nobody asks for secrets that nobody names.
    let mut snapshot = cluster("before");
    refused(&mut snapshot);
    for server in &mut object::<IstioGateway>(&mut snapshot, "istio-ingress/public").spec.servers {
        server.tls = None;
    }
    assert!(of(&assess(snapshot, None), "ML3005").is_empty());
}

#[test]
fn single_gateways_and_waypoints_without_budget_are_told_of() {
    let public = "Gateway/edge/public";
    vanishes("ML3006", "ambient-before", public, |s| {
        object::<Deployment>(s, "edge/public-istio").spec.replicas = Some(2);
    });
    vanishes("ML3006", "ambient-before", "Gateway/shop/waypoint", |s| {
        let labels = object::<Deployment>(s, "shop/waypoint").spec.selector.match_labels.clone();
        let mut budget = PodDisruptionBudget::default();
        budget.metadata.namespace = "shop".into();
        budget.metadata.name = "waypoint".into();
        budget.spec.selector = Some(LabelSelector::of_labels(&labels));
        s.objects.disruption_budgets.push(budget);
    });
    // The injected gateway of the sidecar mesh has three, and a budget.
    assert!(subjects(&unchanged("before"), "ML3006").is_empty());
}

#[test]
fn an_injected_gateway_counts_by_its_replicas_or_its_autoscaler() {
    let without_budget = |s: &mut Snapshot| {
        s.objects.disruption_budgets.retain(|budget| budget.metadata.namespace != "istio-ingress");
    };
    let replicas = |s: &mut Snapshot, replicas: i32| {
        object::<Deployment>(s, PATH).spec.replicas = Some(replicas);
    };
    let scaled = |s: &mut Snapshot, least: Option<i32>| {
        let mut autoscaler = HorizontalPodAutoscaler::default();
        autoscaler.metadata.namespace = "istio-ingress".into();
        autoscaler.metadata.name = "istio-ingressgateway".into();
        autoscaler.spec.scale_target_ref.kind = "Deployment".into();
        autoscaler.spec.scale_target_ref.name = "istio-ingressgateway".into();
        autoscaler.spec.min_replicas = least;
        s.objects.autoscalers.push(autoscaler);
    };
    // A budget holds drains back whatever the replicas are.
    stays_away("ML3006", "before", INGRESS, |s| replicas(s, 1));
    stays_away("ML3006", "before", INGRESS, without_budget);
    appears("ML3006", "before", INGRESS, |s| {
        without_budget(s);
        replicas(s, 1);
    });
    // Nothing serves, nothing is lost.
    stays_away("ML3006", "before", INGRESS, |s| {
        without_budget(s);
        replicas(s, 0);
    });
    // One is what an autoscaler goes down to that names nothing.
    for (least, is_found) in [(None, true), (Some(1), true), (Some(2), false)] {
        let found = found("ML3006", "before", |s| {
            without_budget(s);
            scaled(s, least);
        });
        assert_eq!(found.contains(INGRESS), is_found, "{least:?}");
    }
    let mut snapshot = cluster("before");
    without_budget(&mut snapshot);
    replicas(&mut snapshot, 1);
    let assessment = assess(snapshot, None);
    assert!(of(&assessment, "ML3006")[0].hint.contains("minReplicas"), "its chart, not istiod's ConfigMap");
}

#[test]
fn a_gateway_rolls_with_what_selects_it_unless_frozen() {
    let (public, pinned) = ("Gateway/edge/public", "Gateway/streams/canary-waypoint");
    vanishes("ML3007", "ambient-before", public, |s| {
        let gateway: &mut Gateway = object(s, "edge/public");
        gateway.metadata.labels.insert("istio.io/rev".into(), "1-29-6".into());
        let labels = (*gateway.metadata.labels).clone();
        gateway.spec.infrastructure =
            Some(GatewayInfrastructure { labels, ..GatewayInfrastructure::default() });
    });
    stays_away("ML3007", "ambient-before", pinned, |_| {});
    // Without a label of its own it follows its namespace's.
    appears("ML3007", "ambient-before", pinned, |s| {
        object::<Gateway>(s, "streams/canary-waypoint").metadata.labels.remove("istio.io/rev");
        let namespace: &mut meshlift_model::k8s::Namespace = object(s, "streams");
        namespace.metadata.labels.insert("istio.io/rev".into(), "1-29-6".into());
    });
    assert!(subjects(&unchanged("ambient-frozen-tag-moved"), "ML3007").is_empty());
}

#[test]
fn a_gateway_without_owner_is_told_of() {
    vanishes("ML3008", "ambient-before", "Gateway/shop/unowned", |s| {
        object::<Gateway>(s, "shop/unowned")
            .metadata
            .labels
            .insert("istio.io/rev".into(), "prod-stable".into());
    });
    appears("ML3008", "ambient-before", "Gateway/edge/public", |s| {
        object::<Gateway>(s, "edge/public").metadata.labels.insert("istio.io/rev".into(), "gone".into());
    });
}

#[test]
fn gateways_of_one_network_share_what_other_networks_send() {
    let with = |service: &str, network: &str, change: fn(&mut Service)| {
        found("ML3011", "half-moved", |s| {
            for (path, network) in [(PATH, "here"), (service, network)] {
                let service: &mut Service = object(s, path);
                service.metadata.labels.insert(NETWORK_LABEL.into(), network.into());
                service.spec.type_ = "LoadBalancer".into();
            }
            change(object(s, service));
        })
    };
    // The ingress gateway is of the old revision, checkout/web of the new one, catalog/prices of the old one.
    assert_eq!(with("checkout/web", "here", |_| ()), ["Service/checkout/web".to_owned()].into());
    for (service, network) in [("checkout/web", "there"), ("catalog/prices", "here")] {
        assert!(with(service, network, |_| ()).is_empty(), "{service} {network}");
    }
    // One that has no address from outside is not known elsewhere.
    assert!(with("checkout/web", "here", |service| service.spec.type_ = "ClusterIP".into()).is_empty());
    // What has no selector stands before something else.
    assert!(
        with("checkout/web", "here", |service| service.spec.selector = StringMap::default().into())
            .is_empty()
    );
}
