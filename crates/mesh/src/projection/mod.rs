//! The mesh as a step will leave it: edits of a snapshot.
//!
//! The planner runs checks on the mesh after each step, before anything is done. An edit says what a step
//! changes; everything that follows from it (who gets injected by whom, who is connected to whom) is
//! derived anew from the edited snapshot, never assumed. Pure, and tolerant: an edit of what is not there
//! changes nothing.

mod control;
mod pods;
mod remove;
mod tags;

use meshlift_model::action::Selector;
use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL};
use meshlift_model::k8s::{Object, Resource, StringMap};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName, TagName};
use meshlift_model::snapshot::Snapshot;

use crate::facts::Mesh;

/// One change of a mesh.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A namespace gets exactly these injection labels.
    SelectNamespace {
        /// Namespace.
        namespace: String,
        /// Labels afterwards; absent ones are removed.
        selector: Selector,
    },
    /// A revision is installed beside the others: its objects are there, its istiods are ready, answer, and
    /// serve nobody yet. Objects that are there already stay as they are.
    AddRevision {
        /// Objects that the installation creates, as the manifest has them.
        objects: Vec<Object>,
        /// Revision.
        revision: RevisionName,
        /// Version that its istiods answer.
        version: IstioVersion,
        /// istiod pods.
        replicas: i32,
    },
    /// A tag points at a revision: webhook configuration and Service, for `default` the default validator
    /// too, and a former unrevisioned injector is deactivated. Made anew where it is not there.
    SetTag {
        /// Tag.
        tag: TagName,
        /// Revision.
        revision: RevisionName,
    },
    /// A tag's webhook configuration and Service are gone.
    RemoveTag {
        /// Tag.
        tag: TagName,
    },
    /// All pods of a workload are made anew: each carries what the mesh, as edited so far, injects into it,
    /// and is ready and connected. Pods of a StatefulSet below its partition stay; with OnDelete all are made
    /// anew (a person, or meshlift, deleted them). Pods that a Job or CronJob finished stay.
    Restart {
        /// Deployment, StatefulSet, DaemonSet, bare Pod …
        workload: ObjectRef,
    },
    /// A StatefulSet's partition.
    SetPartition {
        /// StatefulSet.
        workload: ObjectRef,
        /// Partition.
        partition: i32,
    },
    /// A Deployment has so many pods; those that are too many are gone, from its Services' endpoints too.
    Scale {
        /// Deployment.
        workload: ObjectRef,
        /// Pods.
        replicas: i32,
    },
    /// Objects are gone, and with them what they own: ReplicaSets, pods, endpoints, answers of istiods.
    Remove {
        /// Objects.
        objects: Vec<ObjectRef>,
    },
}

/// The snapshot after these edits, in order.
#[must_use]
pub fn project(snapshot: &Snapshot, edits: &[Edit]) -> Snapshot {
    let mut edited = snapshot.clone();
    let mut rest = edits;
    while let Some((edit, after)) = rest.split_first() {
        rest = after;
        match edit {
            Edit::SelectNamespace { namespace, selector } => select(&mut edited, namespace, selector),
            Edit::AddRevision { objects, revision, version, replicas } => {
                control::add_revision(&mut edited, objects, revision, version, *replicas);
            }
            Edit::SetTag { tag, revision } => tags::set(&mut edited, tag, revision),
            Edit::RemoveTag { tag } => tags::remove(&mut edited, tag),
            Edit::Restart { workload } => {
                // Restarts that follow each other see the same webhooks: one look at them serves all.
                let mut workloads = vec![workload];
                while let Some((Edit::Restart { workload }, after)) = rest.split_first() {
                    workloads.push(workload);
                    rest = after;
                }
                pods::restart(&mut edited, &workloads);
            }
            Edit::SetPartition { workload, partition } => set_partition(&mut edited, workload, *partition),
            Edit::Scale { workload, replicas } => control::scale(&mut edited, workload, *replicas),
            Edit::Remove { objects } => remove::remove(&mut edited, objects),
        }
    }
    edited
}

impl Mesh {
    /// The mesh after these edits, in order.
    #[must_use]
    pub fn project(&self, edits: &[Edit]) -> Self {
        Self::derive(std::sync::Arc::new(project(&self.snapshot, edits)))
    }
}

fn select(snapshot: &mut Snapshot, namespace: &str, selector: &Selector) {
    let found = snapshot.objects.namespaces.iter_mut().find(|one| one.metadata.name == namespace);
    let Some(found) = found else { return };
    let labels = &mut found.metadata.labels;
    for (key, value) in [(INJECTION_LABEL, &selector.injection), (REV_LABEL, &selector.rev)] {
        set_or_remove(labels, key, value.as_deref());
    }
}

fn set_or_remove(labels: &mut StringMap, key: &str, value: Option<&str>) {
    match value {
        Some(value) => labels.insert(key.to_owned(), value.to_owned()),
        None => labels.remove(key),
    };
}

fn set_partition(snapshot: &mut Snapshot, workload: &ObjectRef, partition: i32) {
    let sets = &mut snapshot.objects.stateful_sets;
    if let Some(set) = sets.iter_mut().find(|set| set.object_ref() == *workload) {
        let limits = set.spec.update_strategy.rolling_update.get_or_insert_default();
        limits.partition = Some(partition);
    }
}
