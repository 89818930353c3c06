//! The one form that every snapshot has, however it was read: redacted, sorted, without doubles; equal parts are kept once.

use meshlift_model::k8s::{KINDS, KindWork, Known, Objects, Resource, Sharing, with_kind};
use meshlift_model::snapshot::{ReadProblem, Snapshot};

use crate::redact::redact;

/// Start of the place of a problem that cost one object of a list.
pub(crate) const ITEM_PLACE: &str = "items[";

/// Brings a snapshot into its normal form. Doing it twice changes nothing.
pub(crate) fn normalise(snapshot: &mut Snapshot) {
    redact(&mut snapshot.objects);
    Sharing::default().share(&mut snapshot.objects);
    tidy(snapshot);
}

/// The rest of it, for a snapshot that is redacted and shares what it can.
pub(crate) fn tidy(snapshot: &mut Snapshot) {
    snapshot.objects.sort();
    for kind in KINDS {
        let doubles = with_kind(kind.resource, DropDoubles(&mut snapshot.objects)).unwrap_or_default();
        snapshot.problems.extend(doubles);
    }
    let mut types = Known::default();
    for answers in snapshot.istiods.values_mut() {
        if let Some(syncz) = &mut answers.syncz {
            syncz.iter_mut().for_each(|status| types.join(&mut status.types));
            syncz.sort_by(|a, b| a.proxy.cmp(&b.proxy));
        }
        if let Some(connections) = &mut answers.connections {
            connections.sort_by(|a, b| a.connection_id.cmp(&b.connection_id));
        }
    }
    let mut outlines = Known::default();
    snapshot.outlines.values_mut().for_each(|outline| outlines.join(outline));
    snapshot.objects.shrink_to_fit();
    let key =
        |problem: &ReadProblem| (problem.source.clone(), problem.place.clone(), problem.problem.clone());
    snapshot.problems.sort_by_key(key);
    snapshot.problems.dedup();
}

struct DropDoubles<'a>(&'a mut Objects);

impl KindWork for DropDoubles<'_> {
    type Output = Vec<ReadProblem>;

    fn run<R: Resource>(self) -> Self::Output {
        let mut problems = Vec::new();
        R::list_mut(self.0).dedup_by(|later, earlier| {
            let same = later.meta().name == earlier.meta().name
                && later.meta().namespace == earlier.meta().namespace;
            if same {
                problems.push(ReadProblem {
                    source: R::RESOURCE.to_owned(),
                    place: format!("{ITEM_PLACE}] {}", later.meta().path()),
                    problem: "is in the list more than once; the first one is kept".to_owned(),
                });
            }
            same
        });
        problems
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn pods_of_a_workload_hold_one_list_of_containers() {
        let pods = crate::demo().unwrap().objects.pods;
        let lists: BTreeSet<_> = pods.iter().map(|pod| std::ptr::from_ref(&*pod.spec.containers)).collect();
        let different: BTreeSet<_> = pods.iter().map(|pod| format!("{:?}", pod.spec.containers)).collect();
        assert_eq!(lists.len(), different.len());
        assert!(lists.len() < pods.len());
    }
}
