//! From a pod to what restarts it.

use meshlift_model::k8s::{Job, ObjectMeta, OwnerReference, Pod, ReplicaSet, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::Snapshot;

use crate::facts::PodFacts;
use crate::in_order::InOrder;

/// Label that a Deployment's pods carry: the hash at the end of their ReplicaSet's name.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// What restarts a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) workload: ObjectRef,
    /// In words, where meshlift does not know the controller.
    pub(crate) foreign: Option<String>,
}

/// A pod, and what is known of it.
pub type KnownPod<'a> = (&'a Pod, &'a PodFacts);

/// Pods by what restarts them, in the order in which they come.
#[must_use]
pub fn by_owner<'a>(pods: &[KnownPod<'a>]) -> InOrder<&'a ObjectRef, Vec<KnownPod<'a>>> {
    // Pods of a workload mostly come one after another.
    let same = |(_, one): &KnownPod<'a>, (_, next): &KnownPod<'a>| one.workload == next.workload;
    let mut chunks: Vec<&[KnownPod<'a>]> = pods.chunk_by(same).collect();
    chunks.sort_by_key(|of_one| &of_one[0].1.workload);
    let whole = chunks.chunk_by(|one, next| same(&one[0], &next[0]));
    whole.map(|of_one| (&of_one[0][0].1.workload, of_one.concat())).collect()
}

/// Owners of pods that come one after another: most are owned as the one before them, and say so in one place.
pub(crate) struct InTurn<'a> {
    owners: &'a Owners<'a>,
    last: Option<(&'a Pod, Owner)>,
}

impl<'a> InTurn<'a> {
    pub(crate) fn new(owners: &'a Owners<'a>) -> Self {
        Self { owners, last: None }
    }

    /// What restarts the next pod.
    pub(crate) fn of_pod(&mut self, pod: &'a Pod) -> Owner {
        if let Some((_, owner)) = self.last.as_ref().filter(|(last, _)| is_owned_alike(last, pod)) {
            return owner.clone();
        }
        let owner = self.owners.of_pod(pod);
        let owner = self.last.take().map(|(_, last)| last).filter(|last| *last == owner).unwrap_or(owner);
        self.last = Some((pod, owner.clone()));
        owner
    }
}

/// True if all that tells the owner is one and the same in both.
fn is_owned_alike(one: &Pod, other: &Pod) -> bool {
    let (one, other) = (&one.metadata, &other.metadata);
    !one.owner_references.is_empty()
        && one.owner_references.is_one_with(&other.owner_references)
        && one.labels.is_one_with(&other.labels)
        && one.namespace == other.namespace
}

/// Owners by name, as far as the chain has more than one link.
pub(crate) struct Owners<'a> {
    replica_sets: InOrder<(&'a str, &'a str), &'a ReplicaSet>,
    jobs: InOrder<(&'a str, &'a str), &'a Job>,
    /// Kind, namespace and name of recorded controllers.
    recorded: InOrder<(&'static str, &'a str, &'a str), ()>,
}

impl<'a> Owners<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let objects = &snapshot.objects;
        let recorded = names(&objects.cron_jobs)
            .chain(names(&objects.daemon_sets))
            .chain(names(&objects.deployments))
            .chain(names(&objects.stateful_sets));
        Self {
            replica_sets: by_name(&objects.replica_sets),
            jobs: by_name(&objects.jobs),
            recorded: recorded.map(|name| (name, ())).collect(),
        }
    }

    /// What restarts a pod; itself for a bare pod.
    pub(crate) fn of_pod(&self, pod: &Pod) -> Owner {
        let namespace = pod.metadata.namespace.as_str();
        let Some(owner) = pod.metadata.controller() else {
            return known(pod.object_ref());
        };
        match owner.kind.as_str() {
            "ReplicaSet" => match self.replica_sets.get(&(namespace, owner.name.as_str())) {
                Some(set) => self.of_replica_set(set),
                None => self.of_missing_replica_set(pod, owner),
            },
            "Job" => match self.jobs.get(&(namespace, owner.name.as_str())) {
                Some(job) => self.of_job(job),
                None => self.of_missing_job(namespace, owner),
            },
            "StatefulSet" | "DaemonSet" => self.direct(namespace, owner),
            _ => Owner { workload: pod.object_ref(), foreign: Some(words(owner)) },
        }
    }

    /// What restarts the pods of a ReplicaSet.
    pub(crate) fn of_replica_set(&self, set: &ReplicaSet) -> Owner {
        let namespace = set.metadata.namespace.as_str();
        match set.metadata.controller() {
            None => Owner { workload: set.object_ref(), foreign: Some("a ReplicaSet of its own".to_owned()) },
            Some(owner) if owner.kind == "Deployment" => self.direct(namespace, owner),
            Some(owner) => Owner { workload: set.object_ref(), foreign: Some(words(owner)) },
        }
    }

    /// What makes a Job's pods.
    pub(crate) fn of_job(&self, job: &Job) -> Owner {
        match job.metadata.controller() {
            None => known(job.object_ref()),
            Some(owner) if owner.kind == "CronJob" => self.direct(&job.metadata.namespace, owner),
            Some(owner) => Owner { workload: job.object_ref(), foreign: Some(words(owner)) },
        }
    }

    fn direct(&self, namespace: &str, owner: &OwnerReference) -> Owner {
        let workload = ObjectRef::new(&owner.kind, namespace, &owner.name);
        if self.is_recorded(&owner.kind, namespace, &owner.name) {
            known(workload)
        } else {
            Owner { workload, foreign: Some(format!("{}, which was not recorded", words(owner))) }
        }
    }

    /// A list of ReplicaSets can be a moment older than its pods: the hash label tells the Deployment.
    fn of_missing_replica_set(&self, pod: &Pod, owner: &OwnerReference) -> Owner {
        let namespace = pod.metadata.namespace.as_str();
        let deployment = pod
            .metadata
            .label(TEMPLATE_HASH)
            .and_then(|hash| owner.name.strip_suffix(hash))
            .and_then(|name| name.strip_suffix('-'))
            .filter(|name| self.is_recorded("Deployment", namespace, name));
        match deployment {
            Some(name) => known(ObjectRef::new("Deployment", namespace, name)),
            None => self.direct(namespace, owner),
        }
    }

    /// A CronJob names its Jobs after itself and the minute that they were due.
    fn of_missing_job(&self, namespace: &str, owner: &OwnerReference) -> Owner {
        let cron_job = owner
            .name
            .rsplit_once('-')
            .filter(|(_, minute)| minute.chars().all(|digit| digit.is_ascii_digit()))
            .map(|(name, _)| name)
            .filter(|name| self.is_recorded("CronJob", namespace, name));
        match cron_job {
            Some(name) => known(ObjectRef::new("CronJob", namespace, name)),
            None => self.direct(namespace, owner),
        }
    }

    fn is_recorded(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let kinds = ["Deployment", "StatefulSet", "DaemonSet", "CronJob"];
        kinds.iter().any(|known| *known == kind && self.recorded.contains_key(&(*known, namespace, name)))
    }
}

fn known(workload: ObjectRef) -> Owner {
    Owner { workload, foreign: None }
}

fn words(owner: &OwnerReference) -> String {
    format!("{} {} ({})", owner.kind, owner.name, owner.api_version)
}

fn names<R: Resource>(list: &[R]) -> impl Iterator<Item = (&'static str, &str, &str)> {
    list.iter().map(|object| (R::KIND, object.meta().namespace.as_str(), object.meta().name.as_str()))
}

fn by_name<R: Resource>(list: &[R]) -> InOrder<(&str, &str), &R> {
    list.iter()
        .map(|object| ((object.meta().namespace.as_str(), object.meta().name.as_str()), object))
        .collect()
}

/// GitOps or another controller that owns an object's spec, in words. Helm is neither: it acts when a
/// person calls it.
pub(crate) fn managed_by(metadata: &ObjectMeta) -> Option<String> {
    metadata.gitops().or_else(|| metadata.controller().map(words))
}
