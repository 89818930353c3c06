//! Where a pod may run: affinity and spread, as far as they can keep a pod from running at all.

use super::{Empty, StringMap};
use crate::selector::LabelSelector;

api! {
    /// `v1.Affinity`; what is only preferred is not read.
    pub struct Affinity {
        /// Nodes.
        pub node_affinity: Option<NodeAffinity>,
        /// Pods to be near to.
        pub pod_affinity: Option<PodAffinity>,
        /// Pods to stay away from.
        pub pod_anti_affinity: Option<PodAffinity>,
    }

    /// `v1.NodeAffinity`.
    pub struct NodeAffinity {
        /// Any of its terms must fit.
        pub required_during_scheduling_ignored_during_execution: Option<NodeSelector>,
    }

    /// `v1.NodeSelector`.
    pub struct NodeSelector {
        /// Terms, of which one must fit.
        pub node_selector_terms: Vec<NodeSelectorTerm>,
    }

    /// `v1.NodeSelectorTerm`; one without any requirement fits no node.
    pub struct NodeSelectorTerm {
        /// Labels.
        pub match_expressions: Vec<NodeSelectorRequirement>,
        /// Fields: `metadata.name`.
        pub match_fields: Vec<NodeSelectorRequirement>,
    }

    /// `v1.NodeSelectorRequirement`.
    pub struct NodeSelectorRequirement {
        /// Label or field.
        pub key: String,
        /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`.
        pub operator: String,
        /// Values.
        pub values: Vec<String>,
    }

    /// `v1.PodAffinity` and `v1.PodAntiAffinity`.
    pub struct PodAffinity {
        /// All must fit.
        pub required_during_scheduling_ignored_during_execution: Vec<PodAffinityTerm>,
    }

    /// `v1.PodAffinityTerm`.
    pub struct PodAffinityTerm {
        /// Which pods.
        pub label_selector: Option<LabelSelector>,
        /// Label of the node whose value is a place: `kubernetes.io/hostname`, a zone.
        pub topology_key: String,
        /// Namespaces of the pods; the pod's own without any.
        pub namespaces: Vec<String>,
        /// More namespaces, by label.
        pub namespace_selector: Option<LabelSelector>,
        /// Labels by which pods of one rollout are told from those of another.
        pub match_label_keys: Vec<String>,
        /// Labels by which pods of others are told from its own.
        pub mismatch_label_keys: Vec<String>,
    }

    /// `v1.TopologySpreadConstraint`.
    pub struct TopologySpreadConstraint {
        /// How many pods more than the emptiest place one may have.
        pub max_skew: i32,
        /// Label of the node whose value is a place.
        pub topology_key: String,
        /// `DoNotSchedule` or `ScheduleAnyway`.
        pub when_unsatisfiable: String,
        /// Which pods count.
        pub label_selector: Option<LabelSelector>,
        /// Labels by which pods of one rollout are told from those of another.
        pub match_label_keys: Vec<String>,
    }
}

impl Empty for Affinity {
    const EMPTY: &'static Self = &Self { node_affinity: None, pod_affinity: None, pod_anti_affinity: None };
}

impl NodeSelector {
    /// True if one of its terms fits a node
    /// (k8s.io/component-helpers: `scheduling/corev1/nodeaffinity`).
    #[must_use]
    pub fn fits(&self, name: &str, labels: &StringMap) -> bool {
        self.node_selector_terms.iter().any(|term| term.fits(name, labels))
    }
}

impl NodeSelectorTerm {
    fn fits(&self, name: &str, labels: &StringMap) -> bool {
        let is_empty = self.match_expressions.is_empty() && self.match_fields.is_empty();
        let by_label = |one: &NodeSelectorRequirement| one.fits(labels.get(&one.key).map(String::as_str));
        let by_field = |one: &NodeSelectorRequirement| one.key == "metadata.name" && one.fits(Some(name));
        !is_empty && self.match_expressions.iter().all(by_label) && self.match_fields.iter().all(by_field)
    }
}

impl NodeSelectorRequirement {
    fn fits(&self, value: Option<&str>) -> bool {
        let listed = value.is_some_and(|value| self.values.iter().any(|one| one == value));
        let number = |text: &str| text.parse::<i64>().ok();
        let limit = self.values.first().and_then(|text| number(text));
        let compared = value.and_then(number).zip(limit);
        match self.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => compared.is_some_and(|(has, limit)| has > limit),
            "Lt" => compared.is_some_and(|(has, limit)| has < limit),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_selectors_fit_as_the_scheduler_reads_them() {
        let labels: StringMap = [("zone".to_owned(), "z1".to_owned()), ("cpus".into(), "8".into())].into();
        let term = |key: &str, operator: &str, values: &[&str]| NodeSelectorTerm {
            match_expressions: vec![NodeSelectorRequirement {
                key: key.into(),
                operator: operator.into(),
                values: values.iter().map(|one| (*one).to_owned()).collect(),
            }],
            match_fields: vec![],
        };
        let fits =
            |term: NodeSelectorTerm| NodeSelector { node_selector_terms: vec![term] }.fits("n1", &labels);
        for (key, operator, values) in [
            ("zone", "In", &["z1", "z2"][..]),
            ("zone", "NotIn", &["z2"]),
            ("gpu", "NotIn", &["yes"]),
            ("zone", "Exists", &[]),
            ("gpu", "DoesNotExist", &[]),
            ("cpus", "Gt", &["7"]),
            ("cpus", "Lt", &["9"]),
        ] {
            assert!(fits(term(key, operator, values)), "{key} {operator} {values:?}");
        }
        for (key, operator, values) in [
            ("zone", "In", &["z2"][..]),
            ("gpu", "Exists", &[]),
            ("cpus", "Gt", &["8"]),
            ("zone", "Near", &["z1"]),
        ] {
            assert!(!fits(term(key, operator, values)), "{key} {operator} {values:?}");
        }
        assert!(!fits(NodeSelectorTerm::default()) && !NodeSelector::default().fits("n1", &labels));
    }
}
