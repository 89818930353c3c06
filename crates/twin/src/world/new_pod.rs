//! The pod that a workload would make now.

use meshlift_model::k8s::{CronJob, DaemonSet, Deployment, Job, ObjectMeta, Pod, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;

use crate::admission::injector;
use crate::controllers::pods;
use crate::store::Store;

/// A pod that the workload's template would make now; absent where it has none.
pub(super) fn new_pod(workload: &ObjectRef, store: &Store) -> Option<Pod> {
    let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
    match workload.kind.as_str() {
        Deployment::KIND => {
            store.get::<Deployment>(namespace, name).map(|one| pods::from_template(&one.spec.template, one))
        }
        StatefulSet::KIND => {
            store.get::<StatefulSet>(namespace, name).map(|one| pods::from_template(&one.spec.template, one))
        }
        DaemonSet::KIND => {
            store.get::<DaemonSet>(namespace, name).map(|one| pods::from_template(&one.spec.template, one))
        }
        Job::KIND => {
            store.get::<Job>(namespace, name).map(|one| pods::from_template(&one.spec.template, one))
        }
        CronJob::KIND => store
            .get::<CronJob>(namespace, name)
            .map(|one| pods::from_template(&one.spec.job_template.spec.template, one)),
        Pod::KIND => store.get::<Pod>(namespace, name).map(|pod| {
            let stripped = injector::strip(pod);
            let metadata = ObjectMeta {
                namespace: namespace.into(),
                labels: stripped.metadata.labels,
                annotations: stripped.metadata.annotations,
                ..ObjectMeta::default()
            };
            let mut spec = stripped.spec;
            spec.node_name.clear();
            Pod { metadata, spec, ..Pod::default() }
        }),
        _ => None,
    }
}
