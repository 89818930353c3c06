//! ML1xxx: what a restart loses, where it stops, what it does not reach.

use meshlift_model::k8s::{
    Condition, Container, CronJob, DaemonSet, Deployment, EnvFromSource, HorizontalPodAutoscaler,
    IntOrString, ObjectMeta, ObjectSource, OwnerReference, Pod, PodDisruptionBudget, ResourceQuota,
    ResourceQuotaSpec, ResourceQuotaStatus, RollingUpdate, StatefulSet, VolumeProjection,
};
use meshlift_model::snapshot::Snapshot;

use super::Base::Sidecars;
use super::{Mutation, projected};
use crate::edit::{object, pods_of, with_specs};

const BFF: &str = "Deployment/web/bff";
const FRAUD: &str = "Deployment/payments/fraud";
const PRICES: &str = "Deployment/catalog/prices";

pub(super) fn mutations() -> Vec<Mutation> {
    [gaps(), stops(), not_reached(), exposed()].concat()
}

fn gaps() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML1001", Sidecars, BFF),
            |s, _| rolling(s, "web/bff", IntOrString::String("100%".into()), 1),
            |s, _| rolling(s, "web/bff", IntOrString::String("99%".into()), 1),
        ),
        Mutation::new(
            ("ML1002", Sidecars, BFF),
            |s, _| recreate(s, "web/bff"),
            |s, _| {
                recreate(s, "web/bff");
                s.objects.services.retain(|service| service.metadata.path() != "web/bff");
                s.objects.endpoint_slices.retain(|slice| slice.metadata.namespace != "web");
            },
        ),
        Mutation::new(
            ("ML1003", Sidecars, BFF),
            |s, _| {
                with_specs(s, "web/bff", |_, spec| {
                    apps(&mut spec.containers, |app| app.readiness_probe = None)
                })
            },
            |s, _| {
                let helper = || Container { name: "helper".into(), ..Container::default() };
                with_specs(s, "web/bff", |_, spec| spec.containers.push(helper()));
            },
        ),
        Mutation::new(
            ("ML1004", Sidecars, BFF),
            |s, _| grace(s, "web/bff", 0),
            |s, _| grace(s, "web/bff", 30),
        ),
    ]
}

fn stops() -> Vec<Mutation> {
    vec![
        Mutation::new(("ML1010", Sidecars, BFF), |s, _| quota(s, 0), |s, _| quota(s, 1)),
        Mutation::new(
            ("ML1011", Sidecars, BFF),
            |s, _| progressing(s, "False", "ProgressDeadlineExceeded"),
            |s, _| progressing(s, "True", "NewReplicaSetAvailable"),
        ),
        Mutation::new(
            ("ML1012", Sidecars, BFF),
            |s, _| object::<Deployment>(s, "web/bff").spec.paused = true,
            |s, _| object::<Deployment>(s, "web/bff").spec.min_ready_seconds = 600,
        ),
        Mutation::new(("ML1013", Sidecars, BFF), |s, _| full(s, 0), |s, _| full(s, 1)).also(&["ML5032"]),
        Mutation::new(
            ("ML1020", Sidecars, FRAUD),
            |s, _| rolling(s, "payments/fraud", IntOrString::Int(2), 0),
            |s, _| rolling(s, "payments/fraud", IntOrString::Int(1), 0),
        )
        .also(&["ML1042"]),
        Mutation::new(
            ("ML1021", Sidecars, "PodDisruptionBudget/payments/fraud"),
            |s, _| budget(s, "0%"),
            |s, _| budget(s, "1%"),
        ),
        Mutation::new(
            ("ML1022", Sidecars, FRAUD),
            |s, _| second_budget(s, &[]),
            |s, _| second_budget(s, &[("shard", "b")]),
        ),
        Mutation::new(
            ("ML1046", Sidecars, BFF),
            |s, _| object::<Deployment>(s, "web/bff").status.updated_replicas = 1,
            |s, _| object::<Deployment>(s, "web/bff").spec.revision_history_limit = Some(1),
        ),
    ]
}

fn not_reached() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML1030", Sidecars, "DaemonSet/data/log-agent"),
            |s, _| object::<DaemonSet>(s, "data/log-agent").spec.update_strategy.type_ = "OnDelete".into(),
            |s, _| {
                object::<DaemonSet>(s, "data/log-agent").spec.update_strategy.rolling_update =
                    Some(limits(1, 0));
            },
        ),
        Mutation::new(
            ("ML1031", Sidecars, "StatefulSet/data/pg"),
            |s, _| partition(s, 1),
            |s, _| partition(s, 0),
        ),
        Mutation::new(
            ("ML1032", Sidecars, "Pod/web/by-hand"),
            |s, _| bare_pod(s, "Running"),
            |s, _| bare_pod(s, "Succeeded"),
        ),
        Mutation::new(
            ("ML1033", Sidecars, "Pod/web/clones-1"),
            |s, _| of_clone_set(s, true),
            |s, _| of_clone_set(s, false),
        ),
        Mutation::new(
            ("ML1034", Sidecars, "CronJob/catalog/settle"),
            |s, donor| cron_job(s, donor, None),
            |s, donor| cron_job(s, donor, Some("false")),
        ),
    ]
}

fn exposed() -> Vec<Mutation> {
    vec![
        Mutation::new(
            ("ML1040", Sidecars, BFF),
            |s, _| with_specs(s, "web/bff", |_, spec| apps(&mut spec.containers, |app| app.lifecycle = None)),
            |s, _| {
                let startup = |app: &mut Container| app.startup_probe = app.readiness_probe.clone();
                with_specs(s, "web/bff", |_, spec| apps(&mut spec.containers, startup));
            },
        ),
        Mutation::new(
            ("ML1041", Sidecars, PRICES),
            |s, _| replicas(s, "catalog/prices", 1),
            |s, _| replicas(s, "catalog/prices", 2),
        ),
        Mutation::new(
            ("ML1042", Sidecars, PRICES),
            |s, _| rolling(s, "catalog/prices", IntOrString::Int(1), 1),
            |s, _| rolling(s, "catalog/prices", IntOrString::Int(0), 2),
        ),
        Mutation::new(
            ("ML1047", Sidecars, PRICES),
            |s, _| replicas(s, "catalog/prices", 0),
            |s, _| replicas(s, "catalog/prices", 2),
        ),
        Mutation::new(("ML1051", Sidecars, BFF), |s, _| settings(s, false), |s, _| settings(s, true)),
        Mutation::new(
            ("ML1051", Sidecars, BFF),
            |s, _| settings_folder(s, false),
            |s, _| settings_folder(s, true),
        ),
        Mutation::new(
            ("ML1050", Sidecars, BFF),
            |s, _| image(s, "registry.example.com:5000/bff:latest"),
            |s, _| image(s, "registry.example.com:5000/latest:1.4.2"),
        ),
        Mutation::new(
            ("ML1043", Sidecars, BFF),
            |s, _| classic(s, Some("false")),
            |s, _| {
                with_specs(s, "web/bff", |meta, _| {
                    meta.annotations.insert("sidecar.istio.io/nativeSidecar".into(), "true".into());
                });
            },
        )
        .also(&["ML1040"]),
        Mutation::new(("ML1044", Sidecars, BFF), |s, _| kubelet(s, "v1.32.9"), |s, _| kubelet(s, "v1.33.0"))
            .also(&["ML1043", "ML1040"]),
        Mutation::new(
            ("ML1045", Sidecars, "Deployment/checkout/web"),
            |s, _| autoscaler(s, 0),
            |s, _| autoscaler(s, 1),
        ),
    ]
}

fn limits(unavailable: i32, surge: i32) -> RollingUpdate {
    let (unavailable, surge) = (IntOrString::Int(unavailable), IntOrString::Int(surge));
    RollingUpdate { max_unavailable: Some(unavailable), max_surge: Some(surge), partition: None }
}

pub(super) fn rolling(s: &mut Snapshot, path: &str, unavailable: IntOrString, surge: i32) {
    let strategy = &mut object::<Deployment>(s, path).spec.strategy;
    strategy.type_ = "RollingUpdate".into();
    strategy.rolling_update = Some(RollingUpdate { max_unavailable: Some(unavailable), ..limits(0, surge) });
}

fn recreate(s: &mut Snapshot, path: &str) {
    let strategy = &mut object::<Deployment>(s, path).spec.strategy;
    strategy.type_ = "Recreate".into();
    strategy.rolling_update = None;
}

pub(super) fn apps(containers: &mut [Container], change: impl Fn(&mut Container)) {
    containers.iter_mut().filter(|one| one.name != "istio-proxy").for_each(change);
}

fn grace(s: &mut Snapshot, path: &str, seconds: i64) {
    with_specs(s, path, |_, spec| spec.termination_grace_period_seconds = Some(seconds));
}

/// A quota with room for so many more pods, in the namespace of one that needs a surge pod.
fn quota(s: &mut Snapshot, room: usize) {
    rolling(s, "web/bff", IntOrString::Int(0), 1);
    let used = s.objects.pods.iter().filter(|pod| pod.metadata.namespace == "web").count();
    let count = |count: usize| [("pods".to_owned(), count.to_string())].into();
    let metadata = ObjectMeta { namespace: "web".into(), name: "pods".into(), ..ObjectMeta::default() };
    let spec = ResourceQuotaSpec { hard: count(used + room), ..ResourceQuotaSpec::default() };
    let status = ResourceQuotaStatus { hard: count(used + room), used: count(used) };
    s.objects.resource_quotas.push(ResourceQuota { metadata, spec, status });
}

/// All nodes but so many have no CPU left.
fn full(s: &mut Snapshot, but: usize) {
    rolling(s, "web/bff", IntOrString::Int(0), 1);
    for node in s.objects.nodes.iter_mut().skip(but) {
        node.status.allocatable.insert("cpu".into(), "100m".into());
    }
}

/// Another budget for pods of payments/fraud that have these labels too.
fn second_budget(s: &mut Snapshot, labels: &[(&str, &str)]) {
    let mut budget: PodDisruptionBudget = object::<PodDisruptionBudget>(s, "payments/fraud").clone();
    budget.metadata.name = "fraud-too".into();
    let selector = budget.spec.selector.get_or_insert_default();
    for (key, value) in labels {
        selector.match_labels.insert((*key).into(), (*value).into());
    }
    s.objects.disruption_budgets.push(budget);
}

/// Settings that come from a ConfigMap which is not there, and need not be where they are optional.
fn settings(s: &mut Snapshot, optional: bool) {
    let source = ObjectSource { name: "settings".into(), optional };
    let from = EnvFromSource { config_map_ref: Some(source), secret_ref: None };
    with_specs(s, "web/bff", |_, spec| apps(&mut spec.containers, |app| app.env_from = vec![from.clone()]));
}

/// A folder of web/bff that is put together from what may be there or not.
fn settings_folder(s: &mut Snapshot, optional: bool) {
    let source = Box::new(ObjectSource { name: "settings".into(), optional });
    let source = VolumeProjection { config_map: Some(source), ..VolumeProjection::default() };
    let volume = projected("settings", source);
    with_specs(s, "web/bff", |_, spec| spec.volumes.push(volume.clone()));
}

fn image(s: &mut Snapshot, image: &str) {
    with_specs(s, "web/bff", |_, spec| apps(&mut spec.containers, |app| app.image = image.into()));
}

fn progressing(s: &mut Snapshot, status: &str, reason: &str) {
    let deployment: &mut Deployment = object(s, "web/bff");
    deployment.status.conditions.retain(|condition| condition.type_ != "Progressing");
    deployment.status.conditions.push(Condition {
        type_: "Progressing".into(),
        status: status.into(),
        reason: reason.into(),
        ..Condition::default()
    });
    if status == "False" {
        deployment.status.updated_replicas = 1;
    }
}

fn budget(s: &mut Snapshot, unavailable: &str) {
    let budget: &mut PodDisruptionBudget = object(s, "payments/fraud");
    budget.spec.min_available = None;
    budget.spec.max_unavailable = Some(IntOrString::String(unavailable.into()));
}

fn partition(s: &mut Snapshot, partition: i32) {
    let update = RollingUpdate { max_unavailable: None, max_surge: None, partition: Some(partition) };
    object::<StatefulSet>(s, "data/pg").spec.update_strategy.rolling_update = Some(update);
}

fn one_pod(s: &mut Snapshot) -> Pod {
    pods_of(s, "web/bff").remove(0).clone()
}

fn bare_pod(s: &mut Snapshot, phase: &str) {
    let mut pod = one_pod(s);
    pod.metadata.name = "by-hand".into();
    pod.metadata.uid = "by-hand".into();
    pod.metadata.owner_references = Vec::new().into();
    pod.metadata.labels.insert("app".into(), "by-hand".into());
    pod.status.phase = phase.into();
    connect(s, &pod, "by-hand");
    s.objects.pods.push(pod);
}

/// A pod of another kind of controller, or one that only names it.
fn of_clone_set(s: &mut Snapshot, controls: bool) {
    let owner = OwnerReference {
        api_version: "apps.kruise.io/v1alpha1".into(),
        kind: "CloneSet".into(),
        name: "clones".into(),
        controller: controls,
        ..OwnerReference::default()
    };
    if !controls {
        pods_of(s, "web/bff").remove(0).metadata.owner_references.push(owner);
        return;
    }
    let mut pod = one_pod(s);
    pod.metadata.name = "clones-1".into();
    pod.metadata.uid = "clones-1".into();
    pod.metadata.owner_references = vec![owner].into();
    pod.metadata.labels.insert("app".into(), "clones".into());
    connect(s, &pod, "clones-1");
    s.objects.pods.push(pod);
}

/// The istiod of a pod's model serves a pod of this name too.
fn connect(s: &mut Snapshot, model: &Pod, name: &str) {
    let proxy = format!("{name}.{}", model.metadata.namespace);
    let answers = s.istiods.values_mut().find(|one| one.syncz.as_ref().is_some_and(|all| !all.is_empty()));
    if let Some(answers) = answers {
        let syncz = answers.syncz.get_or_insert_default();
        let mut status = syncz[0].clone();
        status.proxy.clone_from(&proxy);
        syncz.push(status);
        let connections = answers.connections.get_or_insert_default();
        let mut connection = connections[0].clone();
        connection.connection_id = format!("{proxy}-999");
        connections.push(connection);
    }
}

fn cron_job(s: &mut Snapshot, donor: &Snapshot, inject: Option<&str>) {
    let jobs = donor.objects.cron_jobs.iter().find(|job| job.metadata.name == "settle");
    let mut job: CronJob = jobs.cloned().unwrap_or_default();
    job.metadata.namespace = "catalog".into();
    if let Some(inject) = inject {
        let labels = &mut job.spec.job_template.spec.template.metadata.labels;
        labels.insert("sidecar.istio.io/inject".into(), inject.into());
    }
    s.objects.cron_jobs.push(job);
}

fn replicas(s: &mut Snapshot, path: &str, count: i32) {
    rolling(s, path, IntOrString::Int(0), 1);
    let deployment: &mut Deployment = object(s, path);
    deployment.spec.replicas = Some(count);
    let status = &mut deployment.status;
    for counted in [
        &mut status.replicas,
        &mut status.updated_replicas,
        &mut status.ready_replicas,
        &mut status.available_replicas,
    ] {
        *counted = count;
    }
    let extra: Vec<String> = (pods_of(s, path).into_iter().skip(usize::try_from(count).unwrap_or(0)))
        .map(|pod| pod.metadata.uid.clone())
        .collect();
    s.objects.pods.retain(|pod| !extra.contains(&pod.metadata.uid));
}

/// The proxy as an ordinary container; its template's annotation says something of that, or nothing.
pub(super) fn classic(s: &mut Snapshot, native: Option<&str>) {
    with_specs(s, "web/bff", |meta, spec| {
        if let Some(native) = native {
            meta.annotations.insert("sidecar.istio.io/nativeSidecar".into(), native.into());
        }
        let proxies = spec.init_containers.iter().filter(|one| one.name == "istio-proxy").cloned();
        let proxies: Vec<Container> = proxies
            .map(|proxy| Container { restart_policy: String::new(), lifecycle: None, ..proxy })
            .collect();
        spec.init_containers.retain(|one| one.name != "istio-proxy");
        spec.containers.extend(proxies);
    });
}

fn kubelet(s: &mut Snapshot, version: &str) {
    s.objects.nodes[0].status.node_info.kubelet_version = version.into();
}

/// An autoscaler that wants so many pods more than its least.
fn autoscaler(s: &mut Snapshot, above: i32) {
    let replicas = object::<Deployment>(s, "checkout/web").spec.replicas.unwrap_or(1);
    object::<HorizontalPodAutoscaler>(s, "checkout/web").spec.min_replicas = Some(replicas - above);
}
