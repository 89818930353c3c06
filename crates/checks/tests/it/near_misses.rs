//! What looks like a hazard and is none, and what hides one.

use meshlift_model::finding::Verdict;
use meshlift_model::k8s::{
    Container, CustomResourceDefinition, Deployment, EnvFromSource, Gateway, GatewayClass, HTTPRoute,
    IstioGateway, LimitRange, LocalObjectReference, MutatingWebhookConfiguration, Namespace, ObjectSource,
    Resource, ResourceQuota, Resources, ValidatingWebhookConfiguration, WorkloadEntry,
};
use meshlift_model::snapshot::{Snapshot, SourceStatus};

use crate::common::{appears, assess, cluster, found, object, of, pods, stays_away, vanishes, version};

const BFF: &str = "Deployment/web/bff";

fn add<R: Resource + serde::de::DeserializeOwned>(s: &mut Snapshot, json: &str) {
    R::list_mut(&mut s.objects).push(serde_json::from_str(json).unwrap());
    s.objects.sort();
}

fn app(s: &mut Snapshot) -> &mut Container {
    object::<Deployment>(s, "web/bff").spec.template.spec.containers.first_mut().unwrap()
}

#[test]
fn a_sleeping_workload_refers_to_nothing_that_a_rollout_would_miss() {
    let gone = |s: &mut Snapshot| {
        let source = ObjectSource { name: "gone".into(), ..ObjectSource::default() };
        app(s).env_from.push(EnvFromSource { config_map_ref: Some(source), secret_ref: None });
    };
    appears("ML1051", "before", BFF, gone);
    stays_away("ML1051", "before", BFF, |s| {
        gone(s);
        object::<Deployment>(s, "web/bff").spec.replicas = Some(0);
    });
}

#[test]
fn defaults_of_a_limit_range_count_towards_its_pods() {
    let limits = |s: &mut Snapshot, default: &str, own: &Resources| {
        for pod in pods(s, "web/bff") {
            let apps = pod.spec.containers.iter_mut().filter(|one| one.name != "istio-proxy");
            apps.for_each(|app| app.resources = own.clone());
        }
        let least = r#"{"type": "Pod", "min": {"memory": "300Mi"}}"#;
        let container = format!(r#"{{"type": "Container", "defaultRequest": {default}}}"#);
        let meta = r#"{"namespace": "web", "name": "limits"}"#;
        let json = format!(r#"{{"metadata": {meta}, "spec": {{"limits": [{least}, {container}]}}}}"#);
        add::<LimitRange>(s, &json);
    };
    let nothing = Resources::default();
    appears("ML1052", "before", BFF, |s| limits(s, "{}", &nothing));
    // The proxy asks for 128Mi.
    stays_away("ML1052", "before", BFF, |s| limits(s, r#"{"memory": "256Mi"}"#, &nothing));
    // A request that is not named is the limit.
    let most = [("memory".to_owned(), "1Gi".to_owned())].into_iter().collect();
    let limited = Resources { limits: most, ..Resources::default() };
    stays_away("ML1052", "before", BFF, |s| limits(s, "{}", &limited));
}

#[test]
fn whether_a_quota_of_priority_classes_counts_is_not_known() {
    let mut snapshot = cluster("before");
    let quota: &mut ResourceQuota = object(&mut snapshot, "quota-tight/pods");
    quota.spec = serde_json::from_str(
        r#"{"hard": {"pods": "3"}, "scopeSelector": {"matchExpressions":
            [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}"#,
    )
    .unwrap();
    let assessment = assess(snapshot, Some(&version("1.30.3")));
    let hit = of(&assessment, "ML1010");
    assert!(!hit.is_empty() && hit.iter().all(|one| one.verdict == Verdict::Unknown), "{hit:?}");
}

#[test]
fn a_pull_secret_of_a_service_account_shows_in_the_pods() {
    appears("ML1054", "before", BFF, |s| {
        s.sources.insert("secrets".into(), SourceStatus::Read { count: s.objects.secrets.len() });
        for pod in pods(s, "web/bff") {
            pod.spec.image_pull_secrets.push(LocalObjectReference { name: "gone".into() });
        }
    });
}

/// The tag `default` as what a revision of that name has.
fn without_default_tag(s: &mut Snapshot) {
    for one in &mut s.objects.mutating_webhooks {
        let one: &mut MutatingWebhookConfiguration = one;
        if one.metadata.label("istio.io/tag") == Some("default") {
            one.metadata.labels.remove("istio.io/tag");
        }
    }
}

#[test]
fn what_only_asks_for_injection_is_pinned_to_no_revision() {
    let follow = |s: &mut Snapshot, key: &str| {
        without_default_tag(s);
        let labels = &mut object::<Namespace>(s, "web").metadata.labels;
        labels.remove("istio.io/rev");
        labels.remove("istio-injection");
        let value = if key == "istio.io/rev" { "1-29-6" } else { "enabled" };
        labels.insert(key.into(), value.into());
    };
    appears("ML2004", "before", "Namespace/web", |s| follow(s, "istio.io/rev"));
    stays_away("ML2004", "before", "Namespace/web", |s| follow(s, "istio-injection"));
}

#[test]
fn a_template_that_only_asks_for_injection_names_no_revision() {
    let edi = "Deployment/partner/edi";
    let asks = |s: &mut Snapshot, key: &str, value: &str| {
        without_default_tag(s);
        let labels = &mut object::<Deployment>(s, "partner/edi").spec.template.metadata.labels;
        labels.remove("istio.io/rev");
        labels.remove("sidecar.istio.io/inject");
        labels.insert(key.into(), value.into());
    };
    assert!(found("ML2005", "before", |s| asks(s, "istio.io/rev", "1-29-6")).contains(edi));
    stays_away("ML2005", "before", edi, |s| asks(s, "sidecar.istio.io/inject", "true"));
}

#[test]
fn the_validator_of_a_default_revision_that_runs_is_no_leftover() {
    let validator = "ValidatingWebhookConfiguration/istiod-default-validator";
    let of_revision = |s: &mut Snapshot, revision: &str| {
        s.objects.mutating_webhooks.retain(|one| one.metadata.label("istio.io/tag") != Some("default"));
        s.objects.services.retain(|one| one.metadata.label("istio.io/tag") != Some("default"));
        let labels =
            &mut object::<ValidatingWebhookConfiguration>(s, "istiod-default-validator").metadata.labels;
        labels.insert("istio.io/rev".into(), revision.into());
    };
    appears("ML5017", "before", validator, |s| of_revision(s, "gone"));
    stays_away("ML5017", "before", validator, |s| of_revision(s, "1-29-6"));
}

#[test]
fn a_pod_that_no_node_has_yet_is_not_outside_of_the_mesh() {
    let open = |s: &mut Snapshot, phase: &str| {
        for pod in s.objects.pods.iter_mut().filter(|pod| pod.metadata.namespace == "shop") {
            pod.metadata.annotations.remove("ambient.istio.io/redirection");
            pod.status.phase = phase.into();
        }
    };
    appears("ML2006", "ambient-before", "Namespace/shop", |s| open(s, "Running"));
    stays_away("ML2006", "ambient-before", "Namespace/shop", |s| open(s, "Pending"));
}

#[test]
fn a_subset_that_machines_may_serve_is_not_known_to_be_empty() {
    let mut snapshot = cluster("before");
    add::<WorkloadEntry>(&mut snapshot, r#"{"metadata": {"namespace": "payments", "name": "vm"}}"#);
    let assessment = assess(snapshot, Some(&version("1.30.3")));
    for code in ["ML4002", "ML4003"] {
        let hits = of(&assessment, code);
        let here: Vec<_> = hits.iter().filter(|one| one.subject.namespace == "payments").collect();
        assert!(
            !here.is_empty() && here.iter().all(|one| one.verdict == Verdict::Unknown),
            "{code}: {here:?}"
        );
    }
}

#[test]
fn every_credential_of_a_server_is_looked_for_and_those_of_other_controllers_are_not() {
    let public = "Gateway.networking.istio.io/istio-ingress/public";
    let secret = r#"{"metadata": {"namespace": "istio-ingress", "name": "first"}}"#;
    let named = |s: &mut Snapshot, second: &str| {
        s.sources.insert("secrets".into(), SourceStatus::Read { count: 1 });
        add::<meshlift_model::k8s::Secret>(s, secret);
        for server in &mut object::<IstioGateway>(s, "istio-ingress/public").spec.servers {
            if let Some(tls) = &mut server.tls {
                tls.credential_name.clear();
                tls.credential_names = vec!["first".into(), second.into()];
            }
        }
    };
    assert!(found("ML3005", "before", |s| named(s, "gone")).contains(public));
    vanishes("ML3005", "before", public, |s| named(s, "first"));

    let listener = r#"{"name": "https", "port": 443, "protocol": "HTTPS",
        "tls": {"certificateRefs": [{"name": "gone"}]}}"#;
    let foreign = |s: &mut Snapshot, controller: &str| {
        s.sources.insert("secrets".into(), SourceStatus::Read { count: 0 });
        let class =
            format!(r#"{{"metadata": {{"name": "edge"}}, "spec": {{"controllerName": "{controller}"}}}}"#);
        add::<GatewayClass>(s, &class);
        let spec = format!(r#"{{"gatewayClassName": "edge", "listeners": [{listener}]}}"#);
        let meta = r#"{"namespace": "web", "name": "foreign"}"#;
        add::<Gateway>(s, &format!(r#"{{"metadata": {meta}, "spec": {spec}}}"#));
    };
    let subject = "Gateway/web/foreign";
    appears("ML3005", "before", subject, |s| foreign(s, "istio.io/gateway-controller"));
    stays_away("ML3005", "before", subject, |s| foreign(s, "example.com/edge"));
}

#[test]
fn a_route_that_is_labelled_for_a_revision_is_read_by_no_other() {
    let route = |s: &mut Snapshot, label: &str| {
        let meta = format!(r#"{{"namespace": "web", "name": "shop", "labels": {{"{label}": "1-29-6"}}}}"#);
        add::<HTTPRoute>(s, &format!(r#"{{"metadata": {meta}}}"#));
    };
    appears("ML4004", "before", "HTTPRoute/web/shop", |s| route(s, "istio.io/rev"));
    stays_away("ML4004", "before", "HTTPRoute/web/shop", |s| route(s, "example.com/rev"));
}

#[test]
fn a_version_that_the_next_bundle_takes_away_is_told_of_while_it_is_served() {
    let subject = "CustomResourceDefinition/grpcroutes.gateway.networking.k8s.io";
    let stored = |s: &mut Snapshot, version: &str| {
        s.objects.crds.retain(|one| one.metadata.name != "grpcroutes.gateway.networking.k8s.io");
        let served =
            format!(r#"[{{"name": "v1", "served": true}}, {{"name": "{version}", "served": true}}]"#);
        let spec = format!(r#"{{"group": "gateway.networking.k8s.io", "versions": {served}}}"#);
        let status = format!(r#"{{"storedVersions": ["{version}", "v1"]}}"#);
        let meta = r#"{"name": "grpcroutes.gateway.networking.k8s.io"}"#;
        let json = format!(r#"{{"metadata": {meta}, "spec": {spec}, "status": {status}}}"#);
        add::<CustomResourceDefinition>(s, &json);
    };
    appears("ML0004", "before", subject, |s| stored(s, "v1alpha2"));
    stays_away("ML0004", "before", subject, |s| stored(s, "v1beta1"));
}
