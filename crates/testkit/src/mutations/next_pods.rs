//! ML105x: what a workload's next pod meets that the pods of today did not.

use meshlift_model::k8s::{
    Capabilities, Container, ContainerPort, CronJob, DaemonSet, Deployment, OwnerReference,
    PersistentVolumeClaim, PersistentVolumeClaimSource, Pod, SeccompProfile, SecurityContext, Volume,
};
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;

use super::Base::{Ambient, Sidecars};
use super::Mutation;
use super::rollout::classic;
use crate::edit::{object, pods_of, with_specs};

const BFF: &str = "Deployment/web/bff";
const NATIVE: &str = "sidecar.istio.io/nativeSidecar";

pub(super) fn mutations() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML1051", Sidecars, BFF), |s, _| account(s, "gone"), |s, _| account(s, "default"))
            .not_on_twin(),
        Mutation::new(("ML1051", Sidecars, BFF), |s, _| claimed(s, true), |s, _| claimed(s, false))
            .not_on_twin(),
        Mutation::new(
            ("ML1050", Sidecars, BFF),
            |s, _| pulled(s, ["sha256:aa", "sha256:bb"]),
            |s, _| pulled(s, ["sha256:aa", "sha256:aa"]),
        ),
        Mutation::new(
            ("ML1013", Sidecars, BFF),
            |s, _| on_host(s, 8443, 8443),
            |s, _| on_host(s, 8443, 8444),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML1058", Sidecars, BFF),
            |s, _| secured(s, "baseline"),
            |s, _| secured(s, "privileged"),
        )
        .not_on_twin(),
        Mutation::new(
            ("ML1058", Sidecars, BFF),
            |s, _| hardened(s, "Unconfined"),
            |s, _| hardened(s, "RuntimeDefault"),
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

/// Its pods use a claim, which is being deleted or not.
fn claimed(s: &mut Snapshot, ending: bool) {
    with_specs(s, "web/bff", |_, spec| {
        let source = Some(PersistentVolumeClaimSource { claim_name: "data".into() });
        let volume = Volume { name: "data".into(), persistent_volume_claim: source, ..Volume::default() };
        spec.volumes.push(volume);
    });
    let mut claim = PersistentVolumeClaim::default();
    (claim.metadata.namespace, claim.metadata.name) = ("web".into(), "data".into());
    claim.metadata.deletion_timestamp = ending.then(Time::default);
    s.objects.volume_claims.push(claim);
}

/// What its tag meant when each of its pods was made.
fn pulled(s: &mut Snapshot, digests: [&str; 2]) {
    let image = "registry.example.com/bff:2";
    with_specs(s, "web/bff", |_, spec| {
        spec.containers
            .iter_mut()
            .filter(|one| one.name != "istio-proxy")
            .for_each(|one| one.image = image.into());
    });
    for (at, pod) in pods_of(s, "web/bff").into_iter().enumerate() {
        let states = pod.status.container_statuses.iter_mut();
        for state in states.filter(|state| state.name != "istio-proxy") {
            state.image = image.into();
            state.image_id = format!("registry.example.com/bff@{}", digests[at % 2]).into();
        }
    }
}

/// Its next pod demands a port of its node; on every node some pod holds one.
fn on_host(s: &mut Snapshot, wanted: i32, held: i32) {
    let port = |host_port| ContainerPort { host_port, container_port: host_port, ..ContainerPort::default() };
    with_specs(s, "web/bff", |_, spec| {
        spec.containers.iter_mut().take(1).for_each(|one| one.ports.push(port(wanted)));
    });
    let holders = s.objects.nodes.iter().map(|node| {
        let mut pod = Pod::default();
        pod.metadata.name = format!("holder-{}", node.metadata.name);
        pod.metadata.namespace = "kube-system".into();
        pod.spec.node_name = node.metadata.name.as_str().into();
        let ports = vec![port(held)];
        pod.spec.containers.push(Container { ports, ..Container::default() });
        pod
    });
    let holders: Vec<Pod> = holders.collect();
    s.objects.pods.extend(holders);
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

/// Its namespace enforces restricted, and its containers meet that, but for this seccomp profile of their pod.
fn hardened(s: &mut Snapshot, profile: &str) {
    secured(s, "restricted");
    let profile = SeccompProfile { type_: profile.to_owned() };
    with_specs(s, "web/bff", |_, spec| {
        spec.security_context.seccomp_profile = Some(Box::new(profile.clone()));
        for container in spec.init_containers.iter_mut().chain(spec.containers.iter_mut()) {
            container.security_context = SecurityContext {
                run_as_user: Some(1000),
                run_as_non_root: Some(true),
                allow_privilege_escalation: Some(false),
                capabilities: Some(Box::new(Capabilities { add: Vec::new(), drop: vec!["ALL".to_owned()] })),
                ..SecurityContext::default()
            }
            .into();
            if container.name == "istio-init" {
                container.name = "istio-validation".to_owned();
            }
        }
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
