//! ML4xxx: Istio's configuration.

use meshlift_model::k8s::{
    Deployment, Destination, DestinationRule, DestinationRuleSpec, EnvVar, EnvoyConfigPatch, EnvoyFilter,
    EnvoyFilterSpec, EnvoyPatchMatch, EnvoyProxyMatch, ObjectMeta, RouteDestination, ServiceEntry,
    ServiceEntrySpec, Subset, VirtualService, VirtualServiceRoute, VirtualServiceSpec,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

use super::Base::{Sidecars, TwoRevisions};
use super::{Mutation, add, all_run};
use crate::edit::{object, with_specs};

const BFF: &str = "Deployment/web/bff";

pub(super) fn mutations() -> Vec<Mutation> {
    [objects(), changes()].concat()
}

fn objects() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4001", Sidecars, BFF),
            |s, _| filter(s, r"^1\.29\."),
            |s, _| filter(s, r"^1\.(29|30)\."),
        ),
        Mutation::new(
            ("ML4002", Sidecars, "VirtualService/web/bff"),
            |s, _| {
                rule(s, "v9");
                route(s, 10);
            },
            |s, _| {
                rule(s, "v9");
                route(s, 0);
            },
        )
        .also(&["ML4003"]),
        Mutation::new(
            ("ML4004", Sidecars, "EnvoyFilter/web/headers"),
            |s, _| pinned_filter(s, "1-29-6"),
            |s, _| pinned_filter(s, "1-28-0"),
        ),
        Mutation::new(
            ("ML4005", TwoRevisions, "VirtualService/web/bff"),
            |s, _| refuses(s, "istiod-1-30-3"),
            |s, _| refuses(s, "istiod-1-29-6"),
        ),
        Mutation::new(
            ("ML4006", Sidecars, "EnvoyFilter/web/order"),
            |s, _| ordered_filter(s, "INSERT_AFTER"),
            |s, _| ordered_filter(s, "INSERT_BEFORE"),
        ),
    ]
}

fn changes() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML4101", Sidecars, "ServiceEntry/checkout/bff"),
            |s, _| entry(s, &[]),
            |s, _| entry(s, &["."]),
        ),
        Mutation::new(
            ("ML4104", Sidecars, "VirtualService/web/bff"),
            |s, _| {
                all_run(s, "1.27.9");
                mirror(s);
            },
            |s, _| mirror(s),
        )
        .targets(super::TARGET, "1.28.5"),
        Mutation::new(
            ("ML4106", Sidecars, BFF),
            |s, _| {
                all_run(s, "1.28.10");
                compression(s, "sidecar.istio.io/statsCompression");
            },
            |s, _| compression(s, "sidecar.istio.io/statsCompression"),
        )
        .targets(super::TARGET, "1.29.6"),
        Mutation::new(
            ("ML4107", Sidecars, "Revision/1-29-6"),
            |s, _| {
                all_run(s, "1.30.4");
                flag(s);
            },
            |s, _| flag(s),
        )
        .targets(super::TARGET, "1.31.1"),
        Mutation::new(
            ("ML4003", Sidecars, "DestinationRule/web/bff"),
            |s, _| rule(s, "v9"),
            |s, _| {
                let pods = s.objects.pods.iter_mut().filter(|pod| pod.metadata.label("app") == Some("bff"));
                pods.for_each(|pod| drop(pod.metadata.labels.insert("version".into(), "v9".into())));
                rule(s, "v9");
            },
        ),
    ]
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { namespace: "web".into(), name: name.into(), ..ObjectMeta::default() }
}

fn filter(s: &mut Snapshot, version: &str) {
    let proxy = EnvoyProxyMatch { proxy_version: version.into(), ..EnvoyProxyMatch::default() };
    let patch = EnvoyConfigPatch {
        apply_to: "HTTP_FILTER".into(),
        match_: EnvoyPatchMatch { context: "SIDECAR_INBOUND".into(), proxy, ..EnvoyPatchMatch::default() },
        ..EnvoyConfigPatch::default()
    };
    let spec = EnvoyFilterSpec { config_patches: vec![patch], ..EnvoyFilterSpec::default() };
    s.objects.envoy_filters.push(EnvoyFilter { metadata: named("headers"), spec });
}

fn pinned_filter(s: &mut Snapshot, revision: &str) {
    let mut metadata = named("headers");
    metadata.labels.insert("istio.io/rev".into(), revision.into());
    s.objects.envoy_filters.push(EnvoyFilter { metadata, ..EnvoyFilter::default() });
}

fn rule(s: &mut Snapshot, version: &str) {
    let labels = [("version".to_owned(), version.to_owned())].into();
    let subsets = vec![Subset { name: "next".into(), labels, ..Subset::default() }];
    let spec = DestinationRuleSpec { host: "bff".into(), subsets, ..DestinationRuleSpec::default() };
    s.objects.destination_rules.push(DestinationRule { metadata: named("bff"), spec });
}

fn route(s: &mut Snapshot, weight: i32) {
    let to = |subset: &str, weight| RouteDestination {
        destination: Destination { host: "bff".into(), subset: subset.into() },
        weight,
    };
    let route = VirtualServiceRoute {
        route: vec![to("", 100 - weight), to("next", weight)],
        ..VirtualServiceRoute::default()
    };
    let spec =
        VirtualServiceSpec { hosts: vec!["bff".into()], http: vec![route], ..VirtualServiceSpec::default() };
    s.objects.virtual_services.push(VirtualService { metadata: named("bff"), spec });
}

/// Another provider of the host of web/bff, in a namespace that comes before it in the alphabet.
fn entry(s: &mut Snapshot, export_to: &[&str]) {
    let spec = ServiceEntrySpec {
        hosts: vec!["bff.web.svc.cluster.local".into()],
        export_to: export_to.iter().map(|name| (*name).to_owned()).collect(),
        ..ServiceEntrySpec::default()
    };
    let metadata = ObjectMeta { namespace: "checkout".into(), name: "bff".into(), ..ObjectMeta::default() };
    s.objects.service_entries.push(ServiceEntry { metadata, spec });
}

fn compression(s: &mut Snapshot, key: &str) {
    with_specs(s, "web/bff", |meta, _| drop(meta.annotations.insert(key.into(), "false".into())));
}

/// A variable of istiod that 1.31 does not know.
fn flag(s: &mut Snapshot) {
    let name = "PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY".to_owned();
    let variable = EnvVar { name, value: "false".into(), ..EnvVar::default() };
    let containers = &mut object::<Deployment>(s, "istio-system/istiod-1-29-6").spec.template.spec.containers;
    containers.iter_mut().for_each(|container| container.env.push(variable.clone()));
}

fn mirror(s: &mut Snapshot) {
    let to = |host: &str| Destination { host: host.into(), subset: String::new() };
    let route = VirtualServiceRoute {
        route: vec![RouteDestination { destination: to("bff"), weight: 100 }],
        mirror: Some(to("bff-next")),
        ..VirtualServiceRoute::default()
    };
    let spec =
        VirtualServiceSpec { hosts: vec!["bff".into()], http: vec![route], ..VirtualServiceSpec::default() };
    s.objects.virtual_services.push(VirtualService { metadata: named("bff"), spec });
}

/// The istiods of a Deployment refuse a route.
fn refuses(s: &mut Snapshot, deployment: &str) {
    let istiods = s.istiods.iter_mut().filter(|(pod, _)| pod.starts_with(deployment));
    let route = ObjectRef::new("VirtualService", "web", "bff");
    for (_, answers) in istiods {
        let words = "configuration is invalid: weight 0 for the only destination".to_owned();
        answers.refusals = Some([(route.clone(), words)].into());
    }
}

/// A filter beside the router of every inbound listener.
fn ordered_filter(s: &mut Snapshot, operation: &str) {
    let filter = r#"{"name": "envoy.filters.network.http_connection_manager",
        "subFilter": {"name": "envoy.filters.http.router"}}"#;
    let chosen =
        format!(r#"{{"context": "SIDECAR_INBOUND", "listener": {{"filterChain": {{"filter": {filter}}}}}}}"#);
    let patch = format!(r#"{{"operation": "{operation}", "value": {{"name": "envoy.filters.http.lua"}}}}"#);
    let patch = format!(r#"{{"applyTo": "HTTP_FILTER", "match": {chosen}, "patch": {patch}}}"#);
    let meta = r#"{"namespace": "web", "name": "order"}"#;
    add(s, "EnvoyFilter", &format!(r#"{{"metadata": {meta}, "spec": {{"configPatches": [{patch}]}}}}"#));
}
