//! Revisions: their istiods, what they consist of, and what they lack.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::EcoString;
use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::k8s::{Deployment, ObjectMeta, Resource, Service};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::Snapshot;

use crate::belongings::{Naming, missing, objects};
use crate::control::{ControlPlane, is_istiod};
use crate::facts::Revision;
use crate::index::{Index, first};
use crate::injector::{Injectors, is_istio};
use crate::root_ca;

/// Metric of istiod: seconds since the epoch at which its root certificate ends.
/// Namespace of Istio where nothing recorded tells another.
const SYSTEM_NAMESPACE: &str = "istio-system";

/// Revisions by name, without what pods and tags add later.
pub(crate) fn revisions(
    index: &Index<'_>,
    control: &ControlPlane<'_>,
    injectors: &Injectors<'_>,
) -> BTreeMap<RevisionName, Revision> {
    names(index, control)
        .into_iter()
        .map(|name| (name.clone(), revision(name, index, control, injectors)))
        .collect()
}

/// Every name that an istiod, an injector or an istiod Service stands for; a tag's target alone is none.
fn names(index: &Index<'_>, control: &ControlPlane<'_>) -> BTreeSet<RevisionName> {
    let objects = &index.snapshot.objects;
    let label = |metadata: &meshlift_model::k8s::ObjectMeta| {
        let tagged = metadata.labels.contains_key(TAG_LABEL);
        metadata.label(REV_LABEL).filter(|name| !tagged && !name.is_empty()).map(RevisionName::new)
    };
    let injectors = objects.mutating_webhooks.iter().filter(|one| is_istio(one));
    let services = objects.services.iter().filter(|service| is_istiod(&service.metadata.labels));
    let deployed = control.deployments.iter().map(|(name, _)| name.clone());
    let running = control.pods.iter().map(|(name, _)| name.clone());
    deployed
        .chain(running)
        .chain(injectors.filter_map(|one| label(&one.metadata)))
        .chain(services.filter_map(|service| label(&service.metadata)))
        .collect()
}

fn revision(
    name: RevisionName,
    index: &Index<'_>,
    control: &ControlPlane<'_>,
    injectors: &Injectors<'_>,
) -> Revision {
    let all = &index.snapshot.objects;
    let deployment = control.deployments.iter().find(|(revision, _)| *revision == name).map(|(_, one)| *one);
    let own = |metadata: &meshlift_model::k8s::ObjectMeta| {
        metadata.label(REV_LABEL) == Some(name.as_str()) && !metadata.labels.contains_key(TAG_LABEL)
    };
    let injector = first(&all.mutating_webhooks, |one| is_istio(one) && own(&one.metadata));
    let service = canonical_service(index.snapshot, &name);
    let pods: Vec<_> = control.pods_of(&name).collect();
    let called =
        injector.and_then(|one| one.webhooks.iter().find_map(|hook| hook.client_config.service.as_ref()));
    let namespace = deployment
        .map(|one| one.metadata.namespace.as_str())
        .or_else(|| pods.first().map(|pod| pod.metadata.namespace.as_str()))
        .or_else(|| service.map(|one| one.metadata.namespace.as_str()))
        .or_else(|| called.map(|service| service.namespace.as_str()))
        .unwrap_or(SYSTEM_NAMESPACE);
    let running = |pod: &&&meshlift_model::k8s::Pod| pod.metadata.deletion_timestamp.is_none();
    let naming = Naming { revision: &name, namespace };
    let mut istiods: Vec<String> = pods.iter().map(|pod| pod.metadata.name.clone()).collect();
    istiods.sort();
    Revision {
        version: control.version(index, &name),
        deployment: deployment.map(Resource::object_ref),
        replicas: deployment.map_or(0, |one| one.spec.replicas.unwrap_or(1)),
        ready: count(pods.iter().filter(running).filter(|pod| pod.is_ready()).count()),
        autoscaler: deployment.and_then(|one| autoscaler(one, index)),
        injector: injector.map(|one| one.metadata.name.clone()),
        service: service.map(Service::object_ref),
        tags: Vec::new(),
        pods: 0,
        connected: None,
        root_ca_until: root_ca::until(index, &istiods, namespace),
        values: injectors.settings(&name).and_then(|settings| settings.merged.clone()),
        objects: objects(&naming, all),
        missing: missing(&naming, deployment, injector, service, index),
        istiods,
        namespace: namespace.to_owned(),
        name,
    }
}

/// The Service of a revision's istiods: labelled as istiod's and for the revision, and no tag's.
pub(crate) fn canonical_service<'s>(snapshot: &'s Snapshot, revision: &RevisionName) -> Option<&'s Service> {
    first(&snapshot.objects.services, |service| {
        let metadata = &service.metadata;
        is_istiod(&metadata.labels)
            && metadata.label(REV_LABEL) == Some(revision.as_str())
            && !metadata.labels.contains_key(TAG_LABEL)
    })
}

fn autoscaler(deployment: &Deployment, index: &Index<'_>) -> Option<(i32, i32)> {
    let ObjectMeta { namespace, name, .. } = &deployment.metadata;
    let one = index.autoscaler(namespace, Deployment::KIND, name)?;
    Some((one.spec.min_replicas.unwrap_or(1), one.spec.max_replicas))
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Namespaces that hold an istiod, most istiods first.
pub(crate) fn system_namespaces(control: &ControlPlane<'_>) -> Vec<EcoString> {
    let mut istiods: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, deployment) in &control.deployments {
        istiods.entry(&deployment.metadata.namespace).or_default();
    }
    for (_, pod) in &control.pods {
        *istiods.entry(&pod.metadata.namespace).or_default() += 1;
    }
    let mut order: Vec<(&str, usize)> = istiods.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    order.into_iter().map(|(namespace, _)| namespace.into()).collect()
}

/// Refers to the objects of a list that satisfy a condition.
pub(crate) fn refs<R: Resource>(list: &[R], keep: impl Fn(&R) -> bool) -> Vec<ObjectRef> {
    list.iter().filter(|object| keep(object)).map(Resource::object_ref).collect()
}
