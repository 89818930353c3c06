//! ML105x: what a workload's next pod meets that the pods of today did not.

use meshlift_model::k8s::{Container, CronJob, DaemonSet, Deployment, OwnerReference};
use meshlift_model::snapshot::Snapshot;

use super::Base::{Ambient, Sidecars};
use super::Mutation;
use super::rollout::classic;
use crate::edit::{object, with_specs};

const BFF: &str = "Deployment/web/bff";
const NATIVE: &str = "sidecar.istio.io/nativeSidecar";

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML1051", Sidecars, BFF), |s, _| account(s, "gone"), |s, _| account(s, "default"))
            .not_on_twin(),
        Mutation::new(
            ("ML1058", Sidecars, BFF),
            |s, _| secured(s, "baseline"),
            |s, _| secured(s, "privileged"),
        )
        .not_on_twin(),
        Mutation::new(("ML1059", Sidecars, BFF), |s, _| owned(s, true), |s, _| owned(s, false)).not_on_twin(),
        Mutation::new(
            ("ML1060", Sidecars, "CronJob/catalog/settle"),
            |s, donor| held(s, donor, "holdApplicationUntilProxyStarts: true"),
            |s, donor| held(s, donor, "holdApplicationUntilProxyStarts: false"),
        )
        .also(&["ML1034"])
        .not_on_twin(),
        Mutation::new(
            ("ML1060", Sidecars, "CronJob/catalog/settle"),
            |s, donor| held_by_values(s, donor, true),
            |s, donor| held_by_values(s, donor, false),
        )
        .also(&["ML1034"])
        .not_on_twin(),
        Mutation::new(("ML4156", Sidecars, BFF), |s, _| labelled(s, "no"), |s, _| labelled(s, "false"))
            .also(&["ML2007"])
            .hop("1.26.8", "1.27.9"),
        Mutation::new(("ML4157", Sidecars, BFF), |s, _| metrics(s, "15090"), |s, _| metrics(s, "15020"))
            .not_on_twin()
            .hop("1.30.5", "1.31.1"),
        Mutation::new(("ML4140", Sidecars, BFF), |s, _| classic(s, None), |s, _| classic(s, Some("false")))
            .also(&["ML1043", "ML1040"])
            .hop("1.26.8", "1.27.9"),
        Mutation::new(
            ("ML6004", Ambient, "DaemonSet/istio-system/ztunnel"),
            |s, _| ready(s, -1),
            |s, _| ready(s, 0),
        )
        .not_on_twin(),
    ]
}

/// Its pods have that account.
fn account(s: &mut Snapshot, name: &str) {
    with_specs(s, "web/bff", |_, spec| spec.service_account_name = name.into());
}

/// Its namespace has a Pod Security level, and its pods an init container that sets up their rules.
fn secured(s: &mut Snapshot, level: &str) {
    with_specs(s, "web/bff", |_, spec| {
        spec.init_containers.insert(0, Container { name: "istio-init".into(), ..Container::default() });
    });
    let namespaces = s.objects.namespaces.iter_mut().filter(|one| one.metadata.name == "web");
    namespaces.for_each(|one| {
        one.metadata.labels.insert("pod-security.kubernetes.io/enforce".into(), level.into());
    });
}

/// An object of an operator owns it, as its controller or not.
fn owned(s: &mut Snapshot, controller: bool) {
    object::<Deployment>(s, "web/bff").metadata.owner_references.push(OwnerReference {
        api_version: "shop.example.com/v1".into(),
        kind: "Storefront".into(),
        name: "main".into(),
        controller,
        ..OwnerReference::default()
    });
}

/// A CronJob whose classic sidecar holds the app, or does not.
fn held(s: &mut Snapshot, donor: &Snapshot, config: &str) {
    let jobs = donor.objects.cron_jobs.iter().find(|job| job.metadata.name == "settle");
    let mut job: CronJob = jobs.cloned().unwrap_or_default();
    job.metadata.namespace = "catalog".into();
    let annotations = &mut job.spec.job_template.spec.template.metadata.annotations;
    annotations.insert(NATIVE.into(), "false".into());
    annotations.insert("proxy.istio.io/config".into(), format!("concurrency: 1\n{config}"));
    s.objects.cron_jobs.push(job);
}

/// The same, by what the injector says of all proxies.
fn held_by_values(s: &mut Snapshot, donor: &Snapshot, holds: bool) {
    held(s, donor, "");
    let values = s.objects.config_maps.iter_mut().filter_map(|map| map.data.get_mut("values"));
    let setting = format!("\"proxy\": {{\n      \"holdApplicationUntilProxyStarts\": {holds},");
    values.for_each(|values| *values = values.replacen("\"proxy\": {", &setting, 1));
}

/// So many agents are ready more than are wanted.
fn ready(s: &mut Snapshot, more: i32) {
    let status = &mut object::<DaemonSet>(s, "istio-system/ztunnel").status;
    status.number_ready = status.desired_number_scheduled + more;
}

/// A word of its template on injection.
fn labelled(s: &mut Snapshot, word: &str) {
    with_specs(s, "web/bff", |meta, _| {
        drop(meta.labels.insert("sidecar.istio.io/inject".into(), word.into()));
    });
}

/// Where its template says that its metrics are.
fn metrics(s: &mut Snapshot, port: &str) {
    with_specs(s, "web/bff", |meta, _| {
        drop(meta.annotations.insert("prometheus.io/port".into(), port.into()));
    });
}
