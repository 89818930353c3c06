//! Routes of the Gateway API: what istiod is told decides whether it reads them.

use meshlift_model::finding::Verdict;
use meshlift_model::k8s::{Deployment, EnvVar, Gateway, Listener, TLSRoute};
use meshlift_model::snapshot::{Snapshot, SourceStatus};
use serde_json::{Value, json};

use crate::common::{assess, cluster, istiods_run, object, of, version};

const DEFINITION: &str = "tlsroutes.gateway.networking.k8s.io";

/// A TLSRoute for all of a domain, at a listener for one host of it.
fn mesh(bundle: &str, alpha: Option<&str>) -> Snapshot {
    let mut mesh = meshlift_testkit::clean_ambient(&cluster("ambient-before"));
    let tls = Listener { name: "tls".into(), protocol: "TLS".into(), port: 443, ..Listener::default() };
    let tls = Listener { hostname: "a.example.com".into(), ..tls };
    object::<Gateway>(&mut mesh, "edge/public").spec.listeners.push(tls);
    let route = json!({"metadata": {"namespace": "edge", "name": "route"}, "spec": {
        "parentRefs": [{"name": "public"}], "hostnames": ["*.example.com"]}});
    mesh.objects.tls_routes.push(read::<TLSRoute>(route));
    let definition = json!({"metadata": {"name": DEFINITION,
        "annotations": {"gateway.networking.k8s.io/bundle-version": bundle}},
        "spec": {"versions": [{"name": "v1", "served": true}]}});
    mesh.objects.crds.push(read(definition));
    mesh.sources.insert(DEFINITION.to_owned(), SourceStatus::Read { count: 1 });
    if let Some(value) = alpha {
        let istiod = object::<Deployment>(&mut mesh, "istio-system/istiod-1-29-6");
        let variable = EnvVar {
            name: "PILOT_ENABLE_ALPHA_GATEWAY_API".into(),
            value: value.into(),
            ..EnvVar::default()
        };
        istiod.spec.template.spec.containers.iter_mut().for_each(|one| one.env.push(variable.clone()));
    }
    mesh
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn found(mesh: Snapshot, code: &str) -> Vec<String> {
    let assessment = assess(mesh, Some(&version("1.30.3")));
    of(&assessment, code).into_iter().map(|one| format!("{}: {}", one.subject, one.detail)).collect()
}

#[test]
fn a_route_begins_where_istiod_does_not_read_it_yet() {
    let begins = ["TLSRoute/edge/route: istiod ignores it today"];
    assert_eq!(found(mesh("v1.5.1", None), "ML4147"), begins);
    assert_eq!(found(mesh("v1.5.1", Some("false")), "ML4147"), begins);
    assert!(found(mesh("v1.5.1", Some("true")), "ML4147").is_empty());
}

#[test]
fn a_bundle_that_what_runs_does_not_read_matters_where_it_would_read_routes() {
    let name = format!("CustomResourceDefinition/{DEFINITION}");
    let lost = [format!("{name}: its bundle is v1.5.1; 1.29.6 reads up to 1.4.1")];
    assert_eq!(found(mesh("v1.5.1", Some("true")), "ML0001"), lost);
    assert!(found(mesh("v1.5.1", None), "ML0001").is_empty());
    // Each patch of a minor version has a last bundle of its own.
    let of = |runs: &str, bundle: &str| {
        let mut mesh = mesh(bundle, Some("true"));
        istiods_run(&mut mesh, runs);
        assess(mesh, Some(&version("1.29.9"))).findings.iter().filter(|one| one.code == "ML0001").count()
    };
    for (runs, bundle, lost) in [
        ("1.28.6", "v1.4.0", 0),
        ("1.28.6", "v1.4.1", 1),
        ("1.28.7", "v1.4.1", 0),
        ("1.28.10", "v1.5.1", 1),
        ("1.28.5", "v1.5.1", 0),
    ] {
        // The target is one that stops at 1.4.1 itself.
        let target = usize::from(bundle == "v1.5.1");
        assert_eq!(of(runs, bundle), lost.max(target), "{runs} {bundle}");
    }
}

#[test]
fn routes_that_nobody_may_list_are_not_known_to_be_none() {
    let mut mesh = mesh("v1.4.1", None);
    mesh.objects.tls_routes.clear();
    assert!(found(mesh.clone(), "ML0001").is_empty());
    mesh.sources.insert(DEFINITION.to_owned(), SourceStatus::Refused { reason: "forbidden".to_owned() });
    let assessment = assess(mesh, Some(&version("1.30.3")));
    let verdicts: Vec<Verdict> = of(&assessment, "ML0001").iter().map(|one| one.verdict).collect();
    assert_eq!(verdicts, [Verdict::Unknown]);
    assert_eq!(of(&assessment, "ML4147")[0].verdict, Verdict::Unknown);
}

#[test]
fn only_one_version_answers_a_route_to_nowhere_with_404() {
    let found = |recording: &str, target: &str| -> Vec<String> {
        let mut mesh = cluster(recording);
        let route = json!({"metadata": {"namespace": "web", "name": "nowhere"}, "spec": {
            "parentRefs": [{"kind": "Service", "name": "bff"}], "rules": [{}]}});
        mesh.objects.http_routes.push(read(route));
        let assessment = assess(mesh, Some(&version(target)));
        of(&assessment, "ML4154").into_iter().map(|one| one.detail.clone()).collect()
    };
    assert_eq!(found("before", "1.30.3"), ["1 of its 1 rules name no backend: 404 instead of 500"]);
    assert_eq!(found("after", "1.31.1"), ["1 of its 1 rules name no backend: 500 instead of 404"]);
    assert!(found("before", "1.31.1").is_empty());
}
