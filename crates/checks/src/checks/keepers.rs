//! Whom running pods keep away from where they are.

use meshlift_mesh::{InOrder, Selectors};
use meshlift_model::k8s::{Empty, Namespace, PodAffinityTerm, StringMap};
use meshlift_model::names::ObjectRef;

use crate::context::Context;
use crate::nodes::Keeper;

/// Keepers by those whom they keep away.
pub(super) struct Kept<'k, 'a> {
    /// By the namespace that is theirs and the only one that they mean.
    near: InOrder<&'a str, Selectors<'k, Keeper<'a>>>,
    /// Those that mean other namespaces too.
    far: Selectors<'k, Keeper<'a>>,
}

impl<'k, 'a> Kept<'k, 'a> {
    pub(super) fn new(keepers: &'k [Keeper<'a>]) -> Self {
        let is_far =
            |one: &&Keeper<'_>| !one.term.namespaces.is_empty() || one.term.namespace_selector.is_some();
        let (far, mut near): (Vec<_>, Vec<_>) = keepers.iter().partition(is_far);
        near.sort_by_key(|one| one.namespace);
        let here = near.chunk_by(|one, next| one.namespace == next.namespace);
        let near = here.map(|here| (here[0].namespace, Selectors::new(here.to_vec(), demanded)));
        Self { near: near.collect(), far: Selectors::new(far, demanded) }
    }

    /// Those that keep a pod with these labels away.
    pub(super) fn from(
        &self,
        context: &Context<'_>,
        namespace: &str,
        labels: &StringMap,
    ) -> Vec<&'k Keeper<'a>> {
        let selects = |one: &&Keeper<'_>| {
            one.term.label_selector.as_ref().is_some_and(|selector| selector.matches(labels))
        };
        let near = self.near.get(namespace).map(|here| here.near(labels));
        let near = near.iter().flat_map(|here| here.iter().copied()).filter(selects);
        let far = self.far.near(labels);
        let far = far.iter().copied().filter(selects).filter(|one| means(one.term, context, namespace));
        near.chain(far).collect()
    }
}

fn demanded<'k>(keeper: &'k Keeper<'_>) -> &'k StringMap {
    keeper.term.label_selector.as_ref().map_or(StringMap::EMPTY, |selector| &selector.match_labels)
}

fn means(term: &PodAffinityTerm, context: &Context<'_>, namespace: &str) -> bool {
    let by_label = term.namespace_selector.as_ref().is_some_and(|selector| {
        let found = context.object::<Namespace>(&ObjectRef::cluster("Namespace", namespace));
        found.is_some_and(|one| selector.matches(&one.metadata.labels))
    });
    by_label || term.namespaces.iter().any(|one| one == namespace)
}
