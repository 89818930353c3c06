//! Recorded objects by name: each kind's list is asked about one object after another.

use std::cell::Cell;
use std::marker::PhantomData;

use meshlift_mesh::beside;
use meshlift_model::k8s::{KINDS, Objects, Resource};
use meshlift_model::names::ObjectRef;

/// The lists of all kinds.
pub(crate) struct Lists<'a> {
    objects: &'a Objects,
    /// By place in [`KINDS`].
    states: Vec<State>,
}

/// What is known of a list.
#[derive(Default)]
struct State {
    /// Looked at when the first of its objects is asked for.
    is_sorted: Cell<Option<bool>>,
    /// Place of the object that was asked for last.
    last: Cell<usize>,
}

impl<'a> Lists<'a> {
    pub(crate) fn new(objects: &'a Objects) -> Self {
        Self { objects, states: KINDS.iter().map(|_| State::default()).collect() }
    }

    /// An object by reference; the kind comes from the type.
    pub(crate) fn get<R: Resource>(&self, reference: &ObjectRef) -> Option<&'a R> {
        self.named(&reference.namespace, &reference.name)
    }

    /// An object by its names.
    pub(crate) fn named<R: Resource>(&self, namespace: &str, name: &str) -> Option<&'a R> {
        let key = |object: &'a R| (object.meta().namespace.as_str(), object.meta().name.as_str());
        let wanted = (namespace, name);
        let list = R::list(self.objects);
        match self.states.get(Place::<R>::AMONG_KINDS) {
            Some(state) if self.is_sorted::<R>() => {
                beside(list, &state.last, |object| key(object).cmp(&wanted))
            }
            // Snapshots are sorted when they are read. Whatever changed one since may have left it otherwise.
            Some(_) | None => list.iter().find(|object| key(object) == wanted),
        }
    }

    /// True if a kind's list is in the order of its names.
    pub(crate) fn is_sorted<R: Resource>(&self) -> bool {
        let Some(state) = self.states.get(Place::<R>::AMONG_KINDS) else { return false };
        state.is_sorted.get().unwrap_or_else(|| {
            let names = R::list(self.objects).iter().map(R::meta).map(|meta| (&meta.namespace, &meta.name));
            let is_sorted = names.is_sorted();
            state.is_sorted.set(Some(is_sorted));
            is_sorted
        })
    }
}

struct Place<R>(PhantomData<R>);

impl<R: Resource> Place<R> {
    /// Found when this is compiled: checks ask for objects millions of times.
    const AMONG_KINDS: usize = {
        let mut place = 0;
        while place < KINDS.len() && !equal(KINDS[place].resource.as_bytes(), R::RESOURCE.as_bytes()) {
            place += 1;
        }
        place
    };
}

const fn equal(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{Namespace, Pod, WorkloadGroup};

    use super::*;

    #[test]
    fn each_kind_has_its_place() {
        let named = |place: usize| KINDS[place].kind;
        assert_eq!(named(Place::<Pod>::AMONG_KINDS), "Pod");
        assert_eq!(named(Place::<Namespace>::AMONG_KINDS), "Namespace");
        assert_eq!(named(Place::<WorkloadGroup>::AMONG_KINDS), "WorkloadGroup");
    }

    #[test]
    fn lists_in_order_and_others_are_searched() {
        let mut objects = Objects::default();
        for name in ["b", "a", "c"] {
            let mut pod = Pod::default();
            pod.metadata.name = name.to_owned();
            objects.pods.push(pod);
        }
        let found = |objects: &Objects| {
            let lists = Lists::new(objects);
            let has = |name: &str| lists.get::<Pod>(&ObjectRef::cluster(Pod::KIND, name)).is_some();
            (lists.is_sorted::<Pod>(), ["c", "a", "b", "d"].map(has))
        };
        assert_eq!(found(&objects), (false, [true, true, true, false]));
        objects.sort();
        assert_eq!(found(&objects), (true, [true, true, true, false]));
    }
}
