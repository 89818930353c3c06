//! What a snapshot lacks and controllers cannot do without, derived from its pods.
//!
//! A snapshot may hold pods and workloads but no ReplicaSets or ControllerRevisions (nobody was allowed to
//! list them). Controllers that found none would make new ones and replace every pod. So what pods point to
//! is put back as far as they tell. *Assumption:* pods of the revision that a workload names as its newest
//! were made of its present template.

use std::collections::BTreeMap;

use meshlift_model::k8s::{
    ControllerRevision, DaemonSet, Deployment, Object, ObjectMeta, Objects, Pod, PodTemplateSpec, ReplicaSet,
    ReplicaSetSpec, Resource, StatefulSet, StringMap,
};

use crate::controllers::history::{self, REVISION_HASH};
use crate::controllers::pods::controller_of;

/// Label that sets the pods of a Deployment's ReplicaSets apart.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The objects that are missing.
pub(crate) fn missing(objects: &Objects) -> Vec<Object> {
    let sets = missing_sets(objects).into_iter().map(Resource::into_object);
    let revisions = missing_revisions(objects).into_iter().map(Resource::into_object);
    sets.chain(revisions).collect()
}

/// ReplicaSets that pods name as their controller and that are not there.
fn missing_sets(objects: &Objects) -> Vec<ReplicaSet> {
    let known = |uid: &str| objects.replica_sets.iter().any(|set| set.metadata.uid == uid);
    let mut orphans: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in &objects.pods {
        let owner = pod.metadata.controller().filter(|owner| owner.kind == ReplicaSet::KIND);
        if let Some(owner) = owner.filter(|owner| !known(&owner.uid)) {
            orphans.entry(&owner.uid).or_default().push(pod);
        }
    }
    orphans.into_values().filter_map(|pods| set_of(&pods, objects)).collect()
}

/// The ReplicaSet of these pods, if their Deployment is there.
fn set_of(pods: &[&Pod], objects: &Objects) -> Option<ReplicaSet> {
    let pod = pods.first()?;
    let owner = pod.metadata.controller()?;
    let hash = pod.metadata.label(TEMPLATE_HASH)?;
    let name = owner.name.strip_suffix(hash)?.strip_suffix('-')?;
    let deployment = objects
        .deployments
        .iter()
        .find(|found| found.metadata.name == name && found.metadata.namespace == pod.metadata.namespace)?;
    let newest = is_newest(deployment, &owner.name);
    let mut template = if newest { deployment.spec.template.clone() } else { template_of(pod) };
    template.metadata.labels.insert(TEMPLATE_HASH.to_owned(), hash.to_owned());
    let mut selector = deployment.spec.selector.clone();
    selector.match_labels.insert(TEMPLATE_HASH.to_owned(), hash.to_owned());
    let live =
        pods.iter().filter(|pod| !pod.is_finished() && pod.metadata.deletion_timestamp.is_none()).count();
    let desired = deployment.spec.replicas.unwrap_or(1).to_string();
    let mut annotations =
        StringMap::from([("deployment.kubernetes.io/desired-replicas".to_owned(), desired)]);
    let revision = "deployment.kubernetes.io/revision";
    if let Some(number) = deployment.metadata.annotation(revision).filter(|_| newest) {
        annotations.insert(revision.to_owned(), number.to_owned());
    }
    Some(ReplicaSet {
        metadata: ObjectMeta {
            name: owner.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: owner.uid.clone(),
            generation: 1,
            creation_timestamp: pods.iter().filter_map(|pod| pod.metadata.creation_timestamp).min(),
            labels: template.metadata.labels.clone(),
            annotations: annotations.into(),
            owner_references: vec![controller_of(deployment)].into(),
            ..ObjectMeta::default()
        },
        spec: ReplicaSetSpec {
            replicas: i32::try_from(live).ok(),
            selector,
            template,
            min_ready_seconds: deployment.spec.min_ready_seconds,
        },
        ..ReplicaSet::default()
    })
}

/// True if the Deployment's own words name this ReplicaSet as its newest.
fn is_newest(deployment: &Deployment, set: &str) -> bool {
    let progressing = deployment.status.conditions.iter().find(|condition| condition.type_ == "Progressing");
    progressing.is_some_and(|condition| condition.message.contains(&format!("{set:?}")))
}

/// A template that would make this pod.
fn template_of(pod: &Pod) -> PodTemplateSpec {
    let mut template = PodTemplateSpec { spec: pod.spec.clone(), ..PodTemplateSpec::default() };
    template.spec.node_name.clear();
    template.metadata.labels.clone_from(&pod.metadata.labels);
    template
}

/// Revisions that StatefulSets and pods of DaemonSets name and that are not there.
fn missing_revisions(objects: &Objects) -> Vec<ControllerRevision> {
    let has_any = |uid: &str| {
        let owners =
            objects.controller_revisions.iter().flat_map(|revision| &revision.metadata.owner_references);
        owners.into_iter().any(|owner| owner.uid == uid)
    };
    let mut missing = Vec::new();
    for set in objects.stateful_sets.iter().filter(|set| !has_any(&set.metadata.uid)) {
        missing.extend(revisions_of_stateful_set(set, objects));
    }
    for set in objects.daemon_sets.iter().filter(|set| !has_any(&set.metadata.uid)) {
        missing.extend(revision_of_daemon_set(set, objects));
    }
    missing
}

fn revisions_of_stateful_set(set: &StatefulSet, objects: &Objects) -> Vec<ControllerRevision> {
    let (current, updated) = (&set.status.current_revision, &set.status.update_revision);
    let former = owned(objects, &set.metadata.uid)
        .find(|pod| pod.metadata.label(REVISION_HASH) == Some(current))
        .filter(|_| current != updated);
    let mut revisions = Vec::new();
    if let Some(pod) = former {
        revisions.push(named(set, current, &template_of(pod), 1));
    }
    if !updated.is_empty() {
        revisions.push(named(set, updated, &set.spec.template, 2));
    }
    revisions
}

/// The revision of the youngest pod.
fn revision_of_daemon_set(set: &DaemonSet, objects: &Objects) -> Option<ControllerRevision> {
    let youngest = owned(objects, &set.metadata.uid).max_by_key(|pod| pod.metadata.creation_timestamp)?;
    let hash = youngest.metadata.label(REVISION_HASH)?;
    let mut revision = named(set, &format!("{}-{hash}", set.metadata.name), &set.spec.template, 1);
    revision.metadata.labels.insert(REVISION_HASH.to_owned(), hash.to_owned());
    Some(revision)
}

fn owned<'a>(objects: &'a Objects, uid: &'a str) -> impl Iterator<Item = &'a Pod> {
    objects.pods.iter().filter(move |pod| pod.metadata.controller().is_some_and(|owner| owner.uid == uid))
}

fn named<R: Resource>(owner: &R, name: &str, template: &PodTemplateSpec, number: i64) -> ControllerRevision {
    let mut revision = history::new_revision(owner, template, None, number);
    revision.metadata.name = name.to_owned();
    // A uid of its own, so that nobody else is taken for it.
    revision.metadata.uid = format!("{}-{name}", owner.meta().uid);
    revision
}
