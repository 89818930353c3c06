//! Where affinity and spread let a new pod go, as far as they demand it: what is only preferred is not read.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{
    Node, NodeSelector, Pod, PodAffinity, PodAffinityTerm, PodTemplateSpec, Resource,
    TopologySpreadConstraint,
};
use meshlift_model::selector::LabelSelector;

use crate::context::Context;
use crate::nodes::{Keeper, required};

use super::keepers::Kept;

/// Places: values of a label of nodes.
type Places<'a> = BTreeSet<&'a str>;

/// What a new pod demands of a node.
#[derive(Default)]
pub(super) struct Placement<'m, 'a> {
    nodes: Option<&'a NodeSelector>,
    /// Pods that keep it away from where they are.
    kept: Vec<&'m Keeper<'a>>,
    /// Places where it must not be, by label.
    closed: Vec<(&'a str, Places<'a>)>,
    /// Places where it must be, by label.
    needed: Vec<(&'a str, Places<'a>)>,
}

impl<'m, 'a> Placement<'m, 'a> {
    /// For one more pod of a template. Terms that tell pods of one rollout from another (matchLabelKeys) are no hurdle
    /// for the first pod of a new one; those that tell others' from its own (mismatchLabelKeys) are passed over.
    pub(super) fn of(map: &Map<'m, 'a>, namespace: &'a str, template: &'a PodTemplateSpec) -> Self {
        let spec = &template.spec;
        let spread =
            spec.topology_spread_constraints.iter().filter(|one| one.when_unsatisfiable != "ScheduleAnyway");
        let spread: Vec<_> = spread.filter(|one| one.match_label_keys.is_empty()).collect();
        let affinity = spec.affinity.as_deref();
        let nodes = affinity
            .and_then(|one| one.node_affinity.as_ref())
            .and_then(|one| one.required_during_scheduling_ignored_during_execution.as_ref());
        let terms = |one: Option<&'a PodAffinity>| -> Vec<&'a PodAffinityTerm> {
            // The API server makes requirements of such keys when it sees the pod.
            let is_whole = |term: &&PodAffinityTerm| {
                term.match_label_keys.is_empty() && term.mismatch_label_keys.is_empty()
            };
            required(one).iter().filter(is_whole).collect()
        };
        let near = terms(affinity.and_then(|one| one.pod_affinity.as_ref()));
        let away = terms(affinity.and_then(|one| one.pod_anti_affinity.as_ref()));
        let kept = map.kept.from(map.context, namespace, &template.metadata.labels);
        if spread.is_empty() && near.is_empty() && away.is_empty() {
            return Self { nodes, kept, ..Self::default() };
        }
        let closed = away.into_iter().map(|term| (term.topology_key.as_str(), map.places(namespace, term)));
        let full = spread.into_iter().map(|one| (one.topology_key.as_str(), map.full(namespace, nodes, one)));
        let closed = closed.chain(full).collect();
        let needed = near.into_iter().filter_map(|term| {
            let places = map.places(namespace, term);
            let is_first = places.is_empty() && matches(term.label_selector.as_ref(), template);
            (!is_first).then_some((term.topology_key.as_str(), places))
        });
        Self { nodes, kept, closed, needed: needed.collect() }
    }

    /// A running pod that keeps the new one away from a node, in words.
    pub(super) fn keeper(&self, node: &Node) -> Option<String> {
        let keeper = self.kept.iter().find(|keeper| keeper.is_at(node))?;
        Some(format!("{} keeps it away, by {}", keeper.first.object_ref(), keeper.term.topology_key))
    }

    /// True if a new pod may go to the node.
    pub(super) fn allows(&self, node: &Node) -> bool {
        let labels = &node.metadata.labels;
        let is_in = |(key, places): &(&str, Places<'_>)| {
            node.metadata.label(key).is_some_and(|place| places.contains(place))
        };
        self.nodes.is_none_or(|nodes| nodes.fits(&node.metadata.name, labels))
            && !self.kept.iter().any(|keeper| keeper.is_at(node))
            && !self.closed.iter().any(is_in)
            && self.needed.iter().all(is_in)
    }
}

fn matches(selector: Option<&LabelSelector>, template: &PodTemplateSpec) -> bool {
    selector.is_some_and(|selector| selector.matches(&template.metadata.labels))
}

/// Pods and where they are.
pub(super) struct Map<'m, 'a> {
    context: &'m Context<'a>,
    kept: Kept<'m, 'a>,
}

impl<'m, 'a> Map<'m, 'a> {
    pub(super) fn new(context: &'m Context<'a>) -> Self {
        Self { context, kept: Kept::new(&context.nodes.keepers) }
    }

    /// Running pods of a namespace that a selector selects, by place.
    fn pods(&self, namespace: &str, selector: Option<&LabelSelector>, key: &str) -> Vec<&'a str> {
        let Some(selector) = selector else { return Vec::new() };
        let runs = |pod: &&'a Pod| !pod.is_finished() && pod.metadata.deletion_timestamp.is_none();
        let selected = self.context.pods_matching(namespace, selector).into_iter().filter(runs);
        selected.filter_map(|pod| self.place(pod.spec.node_name.as_str(), key)).collect()
    }

    fn place(&self, node: &str, key: &str) -> Option<&'a str> {
        self.context.nodes.by_name.get(node).and_then(|node| node.metadata.label(key))
    }

    /// Places that hold a pod which a term names.
    fn places(&self, namespace: &str, term: &PodAffinityTerm) -> Places<'a> {
        let named = term.namespaces.iter().map(String::as_str);
        let mut namespaces: BTreeSet<&str> = named.collect();
        if let Some(selector) = &term.namespace_selector {
            let all = self.context.objects().namespaces.iter();
            let selected = all.filter(|one| selector.matches(&one.metadata.labels));
            namespaces.extend(selected.map(|one| one.metadata.name.as_str()));
        } else if namespaces.is_empty() {
            namespaces.insert(namespace);
        }
        let all = namespaces.into_iter();
        all.flat_map(|one| self.pods(one, term.label_selector.as_ref(), &term.topology_key)).collect()
    }

    /// Places that have as many pods more than the emptiest one as they may.
    fn full(
        &self,
        namespace: &str,
        nodes: Option<&NodeSelector>,
        one: &TopologySpreadConstraint,
    ) -> Places<'a> {
        let fits =
            |node: &&&Node| nodes.is_none_or(|nodes| nodes.fits(&node.metadata.name, &node.metadata.labels));
        let eligible = self.context.nodes.by_name.values().filter(fits);
        let places = eligible.filter_map(|node| node.metadata.labels.get(&one.topology_key));
        let mut counts: BTreeMap<&'a str, i32> = places.map(|place| (place.as_str(), 0)).collect();
        for place in self.pods(namespace, one.label_selector.as_ref(), &one.topology_key) {
            counts.entry(place).and_modify(|count| *count += 1);
        }
        let least = counts.values().min().copied().unwrap_or(0);
        counts
            .into_iter()
            .filter(|(_, count)| count + 1 - least > one.max_skew.max(1))
            .map(|(place, _)| place)
            .collect()
    }
}
