//! What versions changed: where one hazard is worse than another of its code, and what looks alike.

use meshlift_model::finding::Severity;
use meshlift_model::k8s::{ConfigMap, Deployment, EnvVar, Service};
use meshlift_model::snapshot::Snapshot;
use meshlift_testkit::mutations::{Mutation, mutations};
use serde_json::{Value, json};

use crate::common::{assess, cluster, object, of, version};

/// What a planted hazard of a code gives after a change, on its hop: severity and detail.
fn planted(code: &str, subject: &str, change: impl Fn(&mut Snapshot)) -> Vec<(Severity, String)> {
    let is_meant = |one: &&Mutation| one.code == code && one.subject == subject;
    let all = mutations();
    let mutation = all.iter().find(is_meant).unwrap();
    let recording = cluster(mutation.base.recording());
    let mut mesh = mutation.base.clean(&recording);
    mutation.prepare(&mut mesh);
    (mutation.plant)(&mut mesh, &recording);
    change(&mut mesh);
    let assessment = assess(mesh, Some(&version(mutation.target)));
    of(&assessment, code).into_iter().map(|one| (one.severity, one.detail.clone())).collect()
}

fn push<T: serde::de::DeserializeOwned>(list: &mut Vec<T>, value: Value) {
    list.push(serde_json::from_value(value).unwrap());
}

#[test]
fn pods_that_istio_cni_leaves_out_start_late_where_it_repairs_and_never_where_it_does_not() {
    let repairs = |word: &'static str| {
        planted("ML4162", "Namespace/web", move |s| {
            let settings = object::<ConfigMap>(s, "istio-system/istio-cni-config");
            settings.data.insert("REPAIR_ENABLED".into(), word.into());
        })
    };
    assert_eq!(
        repairs("true"),
        [(Severity::Warn, "new pods of 1 workloads with sidecars start after its repair alone".to_owned())]
    );
    assert_eq!(
        repairs("false"),
        [(Severity::Block, "new pods of 1 workloads with sidecars never start".to_owned())]
    );
}

#[test]
fn priorities_of_endpoints_in_several_localities_may_end_istiod() {
    let severity = |localities: [&'static str; 2]| {
        let found = planted("ML4167", "DestinationRule/web/far", move |s| {
            let entry = s.objects.service_entries.iter_mut().find(|one| one.metadata.name == "far").unwrap();
            localities.iter().for_each(|place| push(&mut entry.spec.endpoints, json!({"locality": place})));
        });
        found[0].0
    };
    assert_eq!(severity(["eu/a", "eu/a"]), Severity::Warn);
    assert_eq!(severity(["eu/a", "eu/b"]), Severity::Block);
}

#[test]
fn a_mesh_config_may_name_the_priorities() {
    let found = |mesh_config: &'static str| {
        planted("ML4167", "DestinationRule/web/far", move |s| {
            s.objects.destination_rules.retain(|one| one.metadata.name != "far");
            push(
                &mut s.objects.destination_rules,
                json!({"metadata": {"namespace": "web", "name": "ejecting"}, "spec": {
                    "host": "far.example.com", "trafficPolicy": {"outlierDetection": {}}}}),
            );
            let map = object::<ConfigMap>(s, "istio-system/istio-1-29-6");
            map.data.insert("mesh".into(), mesh_config.into());
        })
    };
    assert_eq!(found("localityLbSetting:\n  failoverPriority:\n  - zone\n").len(), 1);
    assert!(found("localityLbSetting:\n  enabled: true\n").is_empty());
}

#[test]
fn a_plugin_that_was_recorded_by_name_alone_is_not_known_to_be_in_order() {
    let found = planted("ML4166", "WasmPlugin/web/check", |s| {
        s.objects.wasm_plugins.iter_mut().for_each(|one| one.spec = Default::default());
    });
    assert_eq!(found, [(Severity::Info, "where its module comes from was not recorded".to_owned())]);
}

#[test]
fn filters_leave_all_gateways_where_istiod_reads_no_labels() {
    let found = |value: &'static str| {
        planted("ML4161", "EnvoyFilter/shop/limit", move |s| {
            s.objects.envoy_filters.clear();
            let patch = json!({"match": {"context": "GATEWAY"}});
            push(
                &mut s.objects.envoy_filters,
                json!({"metadata": {"namespace": "edge", "name": "limit"}, "spec": {"configPatches": [patch]}}),
            );
            let istiod = object::<Deployment>(s, "istio-system/istiod-1-29-6");
            let name = "ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY".into();
            let variable = EnvVar { name, value: value.into(), ..EnvVar::default() };
            istiod.spec.template.spec.containers.iter_mut().for_each(|one| one.env.push(variable.clone()));
        })
    };
    let detail = "it does not reach Deployment/edge/public-istio any more".to_owned();
    assert_eq!(found("false"), [(Severity::Block, detail)]);
    assert!(found("true").is_empty());
}

#[test]
fn the_values_of_an_istiod_say_whether_its_budget_is_rendered() {
    let found = |least: i64| {
        planted("ML4164", "PodDisruptionBudget/istio-system/istiod", move |s| {
            let map = object::<ConfigMap>(s, "istio-system/values-1-29-6");
            let values = json!({"autoscaleEnabled": true, "autoscaleMin": least});
            map.data.insert("merged-values".into(), values.to_string());
            s.objects.autoscalers.iter_mut().for_each(|one| one.spec.min_replicas = Some(2));
        })
    };
    assert_eq!(found(1).len(), 1);
    assert!(found(2).is_empty());
}

#[test]
fn a_service_says_itself_whether_gateways_go_through_its_waypoint() {
    let found = |own: Option<&'static str>| {
        planted("ML4173", "Namespace/streams", move |s| {
            let services = s.objects.services.iter_mut().filter(|one| one.metadata.namespace == "streams");
            services.for_each(|one: &mut Service| {
                own.map(|word| {
                    one.metadata.labels.insert("istio.io/ingress-use-waypoint".into(), word.into())
                });
            });
        })
    };
    assert_eq!(found(None).len(), 1);
    assert!(found(Some("true")).is_empty());
}

#[test]
fn a_host_in_the_letters_of_a_service_entry_has_always_been_found() {
    let found = |host: &'static str| {
        planted("ML4165", "VirtualService/web/letters", move |s| {
            s.objects.virtual_services.clear();
            push(
                &mut s.objects.service_entries,
                json!({"metadata": {"namespace": "web", "name": "api"}, "spec": {"hosts": ["API.example.com"]}}),
            );
            push(
                &mut s.objects.virtual_services,
                json!({"metadata": {"namespace": "web", "name": "letters"}, "spec": {
                    "hosts": [host], "http": [{}]}}),
            );
        })
    };
    assert!(found("API.example.com").is_empty());
    assert_eq!(found("Api.example.com").len(), 1);
    assert_eq!(found("BFF.web.svc.cluster.local").len(), 1);
    assert!(found("BFF.web").is_empty());
}
