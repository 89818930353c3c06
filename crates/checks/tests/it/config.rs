//! ML4001 to ML4003: Istio's configuration.

use meshlift_model::finding::Verdict;
use meshlift_model::k8s::{DestinationRule, EnvoyFilter, Pod, VirtualService};
use meshlift_model::snapshot::Snapshot;

use crate::common::{
    appears, assess, cluster, found, found_at, object, of, stays_away, subjects, unchanged, vanishes, version,
};

const STOREFRONT: &str = "Deployment/web/storefront";

fn filter(snapshot: &mut Snapshot, change: impl FnOnce(&mut EnvoyFilter)) {
    change(object::<EnvoyFilter>(snapshot, "web/lua-headers"));
}

fn expression(snapshot: &mut Snapshot, text: &str) {
    filter(snapshot, |filter| filter.spec.config_patches[0].match_.proxy.proxy_version = text.into());
}

#[test]
fn a_filter_that_stops_or_starts_to_match_changes_behaviour() {
    vanishes("ML4001", "before", STOREFRONT, |s| expression(s, r"^1\.(29|30)\."));
    vanishes("ML4001", "before", STOREFRONT, |s| expression(s, ""));
    // Not anchored: 1.29 is nowhere in 1.30.3, but 1\.\d+ is.
    vanishes("ML4001", "before", STOREFRONT, |s| expression(s, r"1\.\d+"));
    assert!(found("ML4001", "before", |s| expression(s, "29")).contains(STOREFRONT));
    let gains = assess(changed(|s| expression(s, r"^1\.30")), Some(&version("1.30.3")));
    assert!(of(&gains, "ML4001")[0].detail.contains("gains"));
    assert!(found_at("ML4001", "before", "1.29.7", |_| {}).is_empty());
    assert!(of(&assess(cluster("before"), None), "ML4001").is_empty());
    // What has moved already has changed already.
    assert!(subjects(&unchanged("half-moved"), "ML4001").is_empty());
}

#[test]
fn a_filter_is_judged_for_each_workload_that_it_reaches() {
    vanishes("ML4001", "before", STOREFRONT, |s| {
        filter(s, |filter| filter.spec.config_patches[0].match_.context = "GATEWAY".into());
    });
    appears("ML4001", "before", "Deployment/web/bff", |s| filter(s, |f| f.spec.workload_selector = None));
    stays_away("ML4001", "before", "Deployment/payments/api", |s| {
        filter(s, |f| f.spec.workload_selector = None)
    });
    // In the root namespace it reaches all namespaces.
    appears("ML4001", "before", "Deployment/payments/api", |s| {
        filter(s, |f| {
            f.spec.workload_selector = None;
            f.metadata.namespace = "istio-system".into();
        });
    });
}

#[test]
fn an_expression_that_cannot_be_read_is_unknown() {
    let assessment = assess(changed(|s| expression(s, "(1.29")), Some(&version("1.30.3")));
    let all = of(&assessment, "ML4001");
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].verdict, all[0].subject.to_string().as_str()),
        (Verdict::Unknown, "EnvoyFilter/web/lua-headers")
    );
}

#[test]
fn empty_subsets_are_told_of_where_they_are_used() {
    let (route, rule) = ("VirtualService/payments/api", "DestinationRule/payments/api");
    vanishes("ML4002", "before", route, |s| {
        let http = &mut object::<VirtualService>(s, "payments/api").spec.http[0];
        (http.route[0].weight, http.route[1].weight) = (100, 0);
    });
    let started = |s: &mut Snapshot| {
        let api = s.objects.pods.iter().find(|pod| pod.metadata.label("app") == Some("api")).unwrap().clone();
        let mut pod: Pod = api;
        pod.metadata.name = "api-v2".into();
        pod.metadata.labels.insert("version".into(), "v2".into());
        s.objects.pods.push(pod);
    };
    vanishes("ML4002", "before", route, started);
    vanishes("ML4003", "before", rule, started);
    vanishes("ML4003", "before", rule, |s| {
        object::<DestinationRule>(s, "payments/api").spec.subsets.retain(|subset| subset.name == "v1");
    });
    // Hosts in every form that Istio resolves.
    for host in ["api.payments", "api.payments.svc", "api.payments.svc.cluster.local"] {
        let found = found("ML4003", "before", |s| {
            object::<DestinationRule>(s, "payments/api").spec.host = host.into()
        });
        assert!(found.contains(rule), "{host}");
    }
    stays_away("ML4003", "before", rule, |s| {
        object::<DestinationRule>(s, "payments/api").spec.host = "api.example.com".into();
    });
}

fn changed(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = cluster("before");
    change(&mut snapshot);
    snapshot
}

#[test]
fn a_filter_behind_the_router_is_told_of() {
    const ORDER: &str = "EnvoyFilter/web/lua-headers";
    let at = |operation: &str, manager: &str, after: &str, class: &str| {
        let change = |s: &mut Snapshot| {
            filter(s, |filter| {
                let patch = &mut filter.spec.config_patches[0];
                patch.patch.operation = operation.into();
                patch.patch.filter_class = class.into();
                let chosen = &mut patch.match_.listener.filter_chain.filter;
                chosen.name = manager.into();
                chosen.sub_filter.name = after.into();
            });
        };
        found("ML4006", "before", change).contains(ORDER)
    };
    let (manager, router) = ("envoy.filters.network.http_connection_manager", "envoy.filters.http.router");
    assert!(subjects(&unchanged("before"), "ML4006").is_empty());
    assert!(at("INSERT_AFTER", manager, router, ""));
    assert!(at("INSERT_AFTER", manager, "", ""));
    assert!(at("ADD", "", "", ""));
    assert!(at("ADD", manager, router, "UNSPECIFIED"));
    assert!(!at("ADD", manager, "", "AUTHZ"));
    assert!(!at("INSERT_AFTER", manager, "envoy.filters.http.cors", ""));
    assert!(!at("INSERT_AFTER", "envoy.filters.network.tcp_proxy", "", ""));
    assert!(!at("INSERT_BEFORE", manager, router, ""));
    assert!(!at("INSERT_FIRST", manager, "", ""));
    // Nobody is reached.
    stays_away("ML4006", "before", ORDER, |s| {
        filter(s, |filter| {
            let patch = &mut filter.spec.config_patches[0];
            patch.patch.operation = "ADD".into();
            patch.match_.context = "GATEWAY".into();
        });
    });
}
