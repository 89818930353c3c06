//! Pods that keep others away from where they are: what the anti-affinity of running pods demands of new ones.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_mesh::{InOrder, Selectors};
use meshlift_model::k8s::{Affinity, Empty, Namespace, Node, Pod, PodAffinityTerm, Shared, StringMap};
use meshlift_model::names::ObjectRef;

use crate::context::Context;

/// A term of running pods of a namespace, and the places that they hold by it.
pub(super) struct Keeper<'a> {
    namespace: &'a str,
    /// One of those pods.
    pub(super) first: &'a Pod,
    pub(super) term: &'a PodAffinityTerm,
    pub(super) places: BTreeSet<&'a str>,
}

/// What all running pods demand.
pub(super) fn keepers<'a>(context: &Context<'a>, nodes: &BTreeMap<&'a str, &'a Node>) -> Vec<Keeper<'a>> {
    let mut all: Vec<Keeper<'a>> = Vec::new();
    // Pods of a workload come one after another, and demand alike.
    let mut last: Option<(&Pod, &Shared<Affinity>, usize)> = None;
    let runs = |pod: &&Pod| !pod.is_finished() && pod.metadata.deletion_timestamp.is_none();
    for pod in context.objects().pods.iter().filter(runs) {
        let Some(affinity) = &pod.spec.affinity else { continue };
        let alike = last.filter(|(last, said, _)| {
            affinity.is_one_with(said) && last.metadata.namespace == pod.metadata.namespace
        });
        let first = alike.map_or_else(
            || {
                let new = terms(affinity).map(|term| Keeper {
                    namespace: &pod.metadata.namespace,
                    first: pod,
                    term,
                    places: BTreeSet::new(),
                });
                let first = all.len();
                all.extend(new);
                first
            },
            |(_, _, first)| first,
        );
        last = Some((pod, affinity, first));
        let labels = nodes.get(pod.spec.node_name.as_str()).map(|node| &node.metadata.labels);
        for keeper in all.iter_mut().skip(first) {
            keeper
                .places
                .extend(labels.and_then(|all| all.get(&keeper.term.topology_key)).map(String::as_str));
        }
    }
    all
}

fn terms(affinity: &Affinity) -> impl Iterator<Item = &PodAffinityTerm> {
    let away = affinity.pod_anti_affinity.iter();
    let required = away.flat_map(|one| &one.required_during_scheduling_ignored_during_execution);
    required.filter(|term| term.label_selector.is_some())
}

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
