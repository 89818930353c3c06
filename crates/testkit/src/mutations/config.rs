//! ML4xxx: Istio's configuration.

use meshlift_model::k8s::{
    Destination, DestinationRule, DestinationRuleSpec, EnvoyConfigPatch, EnvoyFilter, EnvoyFilterSpec,
    EnvoyPatchMatch, EnvoyProxyMatch, HttpRoute, ObjectMeta, RouteDestination, ServiceEntry,
    ServiceEntrySpec, Subset, VirtualService, VirtualServiceSpec,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::Sidecars;
use super::Mutation;

const BFF: &str = "Deployment/web/bff";

pub(super) fn mutations() -> Vec<Mutation> {
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
        match_: EnvoyPatchMatch { context: "SIDECAR_INBOUND".into(), proxy },
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
    let subsets = vec![Subset { name: "next".into(), labels }];
    let spec = DestinationRuleSpec { host: "bff".into(), subsets };
    s.objects.destination_rules.push(DestinationRule { metadata: named("bff"), spec });
}

fn route(s: &mut Snapshot, weight: i32) {
    let to = |subset: &str, weight| RouteDestination {
        destination: Destination { host: "bff".into(), subset: subset.into() },
        weight,
    };
    let route = HttpRoute { route: vec![to("", 100 - weight), to("next", weight)], ..HttpRoute::default() };
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

fn mirror(s: &mut Snapshot) {
    let to = |host: &str| Destination { host: host.into(), subset: String::new() };
    let route = HttpRoute {
        route: vec![RouteDestination { destination: to("bff"), weight: 100 }],
        mirror: Some(to("bff-next")),
        ..HttpRoute::default()
    };
    let spec =
        VirtualServiceSpec { hosts: vec!["bff".into()], http: vec![route], ..VirtualServiceSpec::default() };
    s.objects.virtual_services.push(VirtualService { metadata: named("bff"), spec });
}

/// Control plane and proxies run another version.
fn all_run(s: &mut Snapshot, version: &str) {
    let objects = &mut s.objects;
    let templates = objects.deployments.iter_mut().map(|one| &mut one.spec.template.spec);
    for spec in templates.chain(objects.pods.iter_mut().map(|pod| &mut pod.spec)) {
        for container in spec.containers.iter_mut().chain(&mut spec.init_containers) {
            container.image = container.image.replace(":1.29.6", &format!(":{version}"));
        }
    }
    for answers in s.istiods.values_mut() {
        answers.version.iter_mut().for_each(|said| *said = said.replace("1.29.6", version));
        answers.syncz.iter_mut().flatten().for_each(|status| status.istio_version = version.into());
    }
}
