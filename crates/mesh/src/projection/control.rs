//! Revisions that are added, and Deployments that are scaled: pods and endpoints as their controllers
//! would leave them.

use std::collections::BTreeSet;

use meshlift_model::k8s::{
    Condition, Deployment, Endpoint, EndpointConditions, EndpointSlice, KindWork, Object, Objects,
    OwnerReference, Pod, ReplicaSet, Resource, TargetRef, with_kind,
};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use meshlift_model::snapshot::{IstiodAnswers, Snapshot, SourceStatus};
use meshlift_model::word::Word;

use super::remove::remove_where;
use crate::control::{image_version, is_istiod, revision_of};
use crate::index::selects;
use crate::owner::Owners;

/// Label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Pods that one edit makes at most: a projection shows what changes, not every one of a huge Deployment.
const PODS_MADE_MAX: usize = 1000;
/// Endpoints of an istiod that are asked.
const ENDPOINTS: [&str; 4] = ["version", "syncz", "connections", "metrics"];

/// Installs a revision beside the others.
pub(super) fn add_revision(
    snapshot: &mut Snapshot,
    objects: &[Object],
    revision: &RevisionName,
    version: &IstioVersion,
    replicas: i32,
) {
    for object in objects {
        add(&mut snapshot.objects, object.clone());
    }
    let bundle = snapshot
        .objects
        .mutating_webhooks
        .iter()
        .flat_map(|configuration| &configuration.webhooks)
        .map(|webhook| webhook.client_config.ca_bundle.clone())
        .find(|bundle| !bundle.is_empty());
    let label = meshlift_model::defaults::REV_LABEL;
    for configuration in &mut snapshot.objects.mutating_webhooks {
        if configuration.metadata.label(label) == Some(revision.as_str()) {
            for webhook in
                configuration.webhooks.iter_mut().filter(|one| one.client_config.ca_bundle.is_empty())
            {
                // istiod writes it when it starts.
                webhook.client_config.ca_bundle = bundle.clone().unwrap_or_else(|| "projected".to_owned());
            }
        }
    }
    let deployment = snapshot.objects.deployments.iter().find(|one| {
        let template = &one.spec.template;
        is_istiod(&template.metadata.labels)
            && revision_of(&template.metadata.labels, &template.spec) == *revision
    });
    if let Some(deployment) = deployment.map(Resource::object_ref) {
        scale(snapshot, &deployment, replicas);
        answer(snapshot, revision, version);
    }
}

/// Lets the revision's istiods that have not answered yet tell their version, and nobody connected.
fn answer(snapshot: &mut Snapshot, revision: &RevisionName, version: &IstioVersion) {
    // The root CA is the same for all revisions of one namespace: both read the same Secret.
    let metrics = snapshot.istiods.values().find_map(|answers| answers.metrics.clone()).unwrap_or_default();
    let names: Vec<String> = snapshot
        .objects
        .pods
        .iter()
        .filter(|pod| is_istiod(&pod.metadata.labels))
        .filter(|pod| revision_of(&pod.metadata.labels, &pod.spec) == *revision)
        .map(|pod| pod.metadata.name.clone())
        .collect();
    for name in names {
        for endpoint in ENDPOINTS {
            let source = format!("istiod/{name}/{endpoint}");
            snapshot.sources.entry(source).or_insert(SourceStatus::Read { count: 0 });
        }
        let answers = snapshot.istiods.entry(name).or_insert_with(|| IstiodAnswers {
            syncz: Some(Vec::new()),
            connections: Some(Vec::new()),
            metrics: Some(metrics.clone()),
            version: None,
            refusals: None,
        });
        answers.version = Some(version.to_string());
    }
}

/// Brings a Deployment to so many ready pods.
pub(super) fn scale(snapshot: &mut Snapshot, workload: &ObjectRef, replicas: i32) {
    let found = snapshot.objects.deployments.iter_mut().find(|one| one.object_ref() == *workload);
    let Some(deployment) = found else { return };
    let replicas = replicas.max(0);
    deployment.spec.replicas = Some(replicas);
    settle(deployment);
    let deployment = deployment.clone();
    let owners = Owners::new(snapshot);
    let mut pods: Vec<&Pod> = snapshot
        .objects
        .pods
        .iter()
        .filter(|pod| pod.metadata.namespace == workload.namespace && !pod.is_finished())
        .filter(|pod| owners.of_pod(pod).workload == *workload)
        .collect();
    // Those that a controller keeps come first: not on their way out, ready, newest.
    pods.sort_by_key(|pod| {
        let goes = pod.metadata.deletion_timestamp.is_some();
        (goes, !pod.is_ready(), std::cmp::Reverse(pod.metadata.creation_timestamp), pod.metadata.name.clone())
    });
    let names: Vec<String> = pods.iter().map(|pod| pod.metadata.name.clone()).collect();
    let wanted = usize::try_from(replicas).unwrap_or_default();
    let kept: BTreeSet<String> = names.iter().take(wanted).cloned().collect();
    let gone: BTreeSet<&str> = names.iter().skip(wanted).map(String::as_str).collect();
    hand_over(snapshot, &kept, &gone);
    remove_pods(snapshot, &workload.namespace, &gone);
    for number in (names.len()..wanted).take(PODS_MADE_MAX) {
        add_pod(snapshot, &deployment, number);
    }
}

/// The status of a Deployment whose rollout is through.
pub(super) fn settle(deployment: &mut Deployment) {
    let replicas = deployment.spec.replicas.unwrap_or(1);
    let status = &mut deployment.status;
    status.observed_generation = deployment.metadata.generation;
    status.replicas = replicas;
    status.updated_replicas = replicas;
    status.ready_replicas = replicas;
    status.available_replicas = replicas;
    status.unavailable_replicas = 0;
    status.terminating_replicas = None;
    status.conditions.retain(|condition| condition.type_ != "ReplicaFailure");
    for condition in status.conditions.iter_mut().filter(|condition| condition.type_ == "Progressing") {
        condition.status = "True".into();
        condition.reason = "NewReplicaSetAvailable".into();
        condition.message = Word::default();
    }
}

/// Proxies of an istiod that goes connect to one of the same Deployment that stays.
fn hand_over(snapshot: &mut Snapshot, kept: &BTreeSet<String>, gone: &BTreeSet<&str>) {
    let Some(heir) = kept.iter().find(|pod| snapshot.istiods.contains_key(*pod)).cloned() else { return };
    for pod in gone {
        let Some(answers) = snapshot.istiods.remove(*pod) else { continue };
        let Some(heir) = snapshot.istiods.get_mut(&heir) else { continue };
        if let (Some(to), Some(from)) = (&mut heir.syncz, answers.syncz) {
            to.extend(from);
        }
        if let (Some(to), Some(from)) = (&mut heir.connections, answers.connections) {
            to.extend(from);
        }
    }
}

fn remove_pods(snapshot: &mut Snapshot, namespace: &str, gone: &BTreeSet<&str>) {
    if gone.is_empty() {
        return;
    }
    remove_where(snapshot, &|reference, _| {
        reference.kind == Pod::KIND
            && reference.namespace == namespace
            && gone.contains(reference.name.as_str())
    });
    for slice in snapshot.objects.endpoint_slices.iter_mut().filter(|one| one.metadata.namespace == namespace)
    {
        slice.endpoints.retain(|endpoint| {
            endpoint
                .target_ref
                .as_ref()
                .is_none_or(|target| target.kind != Pod::KIND || !gone.contains(target.name.as_str()))
        });
    }
}

fn add_pod(snapshot: &mut Snapshot, deployment: &Deployment, number: usize) {
    let set = replica_set(snapshot, deployment);
    let mut pod = Pod { spec: deployment.spec.template.spec.clone(), ..Pod::default() };
    pod.metadata.name = format!("{}-projected-{number}", deployment.metadata.name);
    pod.metadata.namespace = deployment.metadata.namespace.clone();
    pod.metadata.uid = format!("projected-{}-{}", pod.metadata.namespace, pod.metadata.name);
    pod.metadata.labels = deployment.spec.template.metadata.labels.clone();
    pod.metadata.annotations = deployment.spec.template.metadata.annotations.clone();
    pod.metadata.owner_references = vec![set].into();
    make_ready(&mut pod);
    let here = |namespace: &str| namespace == pod.metadata.namespace;
    let services: Vec<_> = snapshot
        .objects
        .services
        .iter()
        .filter(|one| here(&one.metadata.namespace) && selects(&one.spec.selector, &pod.metadata.labels))
        .map(|one| (one.metadata.name.clone(), one.metadata.uid.clone()))
        .collect();
    for (service, uid) in services {
        add_endpoint(&mut snapshot.objects, &pod, &service, &uid);
    }
    if is_istiod(&pod.metadata.labels) {
        let version = pod.spec.containers.iter().find_map(|container| image_version(&container.image));
        let answers = IstiodAnswers {
            version: version.map(|version| version.to_string()),
            syncz: Some(Vec::new()),
            connections: Some(Vec::new()),
            metrics: snapshot.istiods.values().find_map(|answers| answers.metrics.clone()),
            refusals: None,
        };
        snapshot.istiods.insert(pod.metadata.name.clone(), answers);
    }
    snapshot.objects.pods.push(pod);
}

/// Running and ready.
pub(super) fn make_ready(pod: &mut Pod) {
    pod.metadata.deletion_timestamp = None;
    pod.status.phase = "Running".into();
    match pod.status.conditions.iter_mut().find(|condition| condition.type_ == "Ready") {
        Some(condition) => condition.status = "True".into(),
        None => pod.status.conditions.push(Condition {
            type_: "Ready".into(),
            status: "True".into(),
            ..Condition::default()
        }),
    }
}

/// A ReplicaSet of the Deployment that new pods can belong to.
fn replica_set(snapshot: &mut Snapshot, deployment: &Deployment) -> OwnerReference {
    let owned = snapshot.objects.replica_sets.iter().find(|set| {
        set.metadata.namespace == deployment.metadata.namespace
            && set
                .metadata
                .controller()
                .is_some_and(|owner| owner.kind == Deployment::KIND && owner.name == deployment.metadata.name)
    });
    let (name, uid) = match owned {
        Some(set) => (set.metadata.name.clone(), set.metadata.uid.clone()),
        None => {
            let mut set = ReplicaSet::default();
            set.metadata.name = format!("{}-projected", deployment.metadata.name);
            set.metadata.namespace = deployment.metadata.namespace.clone();
            set.metadata.uid = format!("projected-{}", set.metadata.name);
            set.metadata.owner_references =
                vec![owner(Deployment::KIND, &deployment.metadata.name, &deployment.metadata.uid)].into();
            set.spec.replicas = deployment.spec.replicas;
            set.spec.template = deployment.spec.template.clone();
            let key = (set.metadata.name.clone(), set.metadata.uid.clone());
            snapshot.objects.replica_sets.push(set);
            key
        }
    };
    owner(ReplicaSet::KIND, &name, &uid)
}

fn owner(kind: &str, name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: Deployment::API_VERSION.into(),
        kind: kind.into(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        controller: true,
        block_owner_deletion: true,
    }
}

fn add_endpoint(objects: &mut Objects, pod: &Pod, service: &str, uid: &str) {
    let namespace = &pod.metadata.namespace;
    let of_service = |slice: &&mut EndpointSlice| {
        slice.metadata.namespace == *namespace && slice.metadata.label(SERVICE_NAME) == Some(service)
    };
    let endpoint = Endpoint {
        addresses: vec![pod.metadata.name.clone().into()],
        conditions: EndpointConditions { ready: Some(true), serving: Some(true), terminating: Some(false) },
        target_ref: Some(TargetRef {
            kind: Pod::KIND.into(),
            name: pod.metadata.name.clone(),
            namespace: namespace.clone(),
            uid: pod.metadata.uid.clone(),
        }),
    };
    match objects.endpoint_slices.iter_mut().find(of_service) {
        Some(slice) => slice.endpoints.push(endpoint),
        None => {
            let mut slice = EndpointSlice { endpoints: vec![endpoint], ..EndpointSlice::default() };
            slice.address_type = "IPv4".into();
            slice.metadata.name = format!("{service}-projected");
            slice.metadata.namespace = namespace.clone();
            slice.metadata.uid = format!("projected-{}", slice.metadata.name);
            slice.metadata.labels.insert(SERVICE_NAME.to_owned(), service.to_owned());
            let made = owner("Service", service, uid);
            slice.metadata.owner_references =
                vec![OwnerReference { api_version: "v1".into(), ..made }].into();
            objects.endpoint_slices.push(slice);
        }
    }
}

/// Adds an object that is not there yet.
fn add(objects: &mut Objects, mut object: Object) {
    let metadata = object.meta_mut();
    if metadata.uid.is_empty() {
        metadata.uid = format!("projected-{}-{}", metadata.namespace, metadata.name);
    }
    let resource = object.info().resource;
    let known = with_kind(
        resource,
        IsThere { objects, namespace: &object.meta().namespace, name: &object.meta().name },
    );
    if known == Some(false) {
        objects.push(object);
    }
}

struct IsThere<'o> {
    objects: &'o Objects,
    namespace: &'o str,
    name: &'o str,
}

impl KindWork for IsThere<'_> {
    type Output = bool;

    fn run<R: Resource>(self) -> bool {
        R::list(self.objects)
            .iter()
            .any(|one| one.meta().namespace == self.namespace && one.meta().name == self.name)
    }
}
