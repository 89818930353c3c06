//! The mesh as it is now, as a snapshot: checks and planner run on it as on a recording.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_model::k8s::{KINDS, KindWork, Object, Objects, Resource, with_kind};
use meshlift_model::names::ObjectRef;
use meshlift_model::snapshot::{IstiodAnswers, Snapshot, SourceStatus};

use super::TwinWorld;
use crate::istiod;
use crate::store::{Store, reference};

/// Entries that an endpoint answered; absent where it was not read.
type Entries = fn(&IstiodAnswers) -> Option<usize>;

/// Endpoints of an istiod that a snapshot keeps, and how many entries were read of each.
const ENDPOINTS: [(&str, Entries); 4] = [
    ("version", |told| told.version.as_ref().map(|_| 1)),
    ("syncz", |told| told.syncz.as_ref().map(Vec::len)),
    ("connections", |told| told.connections.as_ref().map(Vec::len)),
    ("metrics", |told| told.metrics.as_ref().map(BTreeMap::len)),
];
/// Start of the names of istiods' sources.
const ISTIOD: &str = "istiod/";

impl TwinWorld {
    /// A snapshot of the present.
    #[must_use]
    pub fn export(&self) -> Snapshot {
        self.with_objects(self.twin.cluster.store.to_objects())
    }

    /// The same, kept from one call to the next: only what changed since then is copied, if nobody holds the
    /// former one any more.
    pub(super) fn export_shared(&mut self) -> Arc<Snapshot> {
        let former = self.mirror.take().map(|(position, snapshot)| (position, Arc::try_unwrap(snapshot)));
        let store = &self.twin.cluster.store;
        let objects = match former {
            Some((position, Ok(snapshot))) => caught_up(snapshot.objects, store, position),
            Some((_, Err(_))) | None => store.to_objects(),
        };
        let position = store.position();
        let snapshot = Arc::new(self.with_objects(objects));
        self.mirror = Some((position, Arc::clone(&snapshot)));
        snapshot
    }

    fn with_objects(&self, objects: Objects) -> Snapshot {
        let istiods = self
            .istiods()
            .map(|istiods| istiod::answers(istiods, &self.twin.cluster.store, &self.source))
            .unwrap_or_default();
        let sources = self.sources(&objects, &istiods);
        Snapshot {
            kubernetes_version: self.source.kubernetes_version.clone(),
            sources,
            objects,
            istiods,
            outlines: self.source.outlines.clone(),
            problems: self.source.problems.clone(),
        }
    }

    /// Sources are as they were, with today's counts; what could not be read then cannot be read now.
    fn sources(
        &self,
        objects: &Objects,
        istiods: &BTreeMap<String, IstiodAnswers>,
    ) -> BTreeMap<String, SourceStatus> {
        let recorded = &self.source.sources;
        let is_there = |name: &str| {
            let pod = name.strip_prefix(ISTIOD).and_then(|rest| rest.split('/').next());
            pod.is_none_or(|pod| istiods.contains_key(pod))
        };
        let mut sources: BTreeMap<String, SourceStatus> = recorded
            .iter()
            .filter(|(name, _)| is_there(name))
            .map(|(name, status)| (name.clone(), status.clone()))
            .collect();
        for kind in KINDS {
            let count = with_kind(kind.resource, Count(objects)).unwrap_or(0);
            let status = sources.get_mut(kind.resource);
            match status {
                Some(SourceStatus::Read { count: read }) => *read = count,
                // A CRD that came with the new version brings its kind with it.
                Some(status @ SourceStatus::Absent) if count > 0 => *status = SourceStatus::Read { count },
                Some(SourceStatus::Absent | SourceStatus::Refused { .. } | SourceStatus::Broken { .. })
                | None => {}
            }
        }
        for (pod, told) in istiods {
            for (endpoint, entries) in ENDPOINTS {
                let name = format!("{ISTIOD}{pod}/{endpoint}");
                let status = match (entries(told), recorded.get(&name)) {
                    (Some(count), _) => SourceStatus::Read { count },
                    (None, Some(status)) => status.clone(),
                    (None, None) => {
                        SourceStatus::Broken { reason: "was not recorded of any istiod".to_owned() }
                    }
                };
                sources.insert(name, status);
            }
        }
        sources
    }
}

/// The objects with all changes since that position of the log.
fn caught_up(mut objects: Objects, store: &Store, position: usize) -> Objects {
    let changed: BTreeMap<ObjectRef, &'static str> = store
        .changes_from(position)
        .iter()
        .map(|change| (reference(&change.new), change.new.info().resource))
        .collect();
    for (target, resource) in &changed {
        let now = store.object(target).map(AsRef::as_ref);
        with_kind(resource, Put { objects: &mut objects, target, now });
    }
    objects
}

/// One object put where it belongs in the list of its kind, or taken out.
struct Put<'a> {
    objects: &'a mut Objects,
    target: &'a ObjectRef,
    now: Option<&'a Object>,
}

impl KindWork for Put<'_> {
    type Output = ();

    fn run<R: Resource + Clone>(self) {
        let list = R::list_mut(self.objects);
        let key = (&self.target.namespace, self.target.name.as_str());
        let place = list.binary_search_by(|one| (&one.meta().namespace, one.meta().name.as_str()).cmp(&key));
        match (place, self.now.and_then(R::from_object)) {
            (Ok(place), Some(now)) => list[place].clone_from(now),
            (Ok(place), None) => drop(list.remove(place)),
            (Err(place), Some(now)) => list.insert(place, now.clone()),
            (Err(_), None) => {}
        }
    }
}

/// Objects of a kind, counted.
struct Count<'a>(&'a Objects);

impl KindWork for Count<'_> {
    type Output = usize;

    fn run<R: Resource>(self) -> usize {
        R::list(self.0).len()
    }
}
