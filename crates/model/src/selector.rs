//! Kubernetes label selectors.
//!
//! Semantics of `metav1.LabelSelector`
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>): all
//! requirements must hold; an empty selector matches everything; `NotIn` matches where the key is absent.

use crate::k8s::{Shared, StringMap, has_all};

api! {
    /// `metav1.LabelSelector`.
    pub struct LabelSelector {
        /// Labels that must be equal.
        pub match_labels: Shared<StringMap>,
        /// Further requirements.
        pub match_expressions: Vec<Requirement>,
    }

    /// `metav1.LabelSelectorRequirement`.
    pub struct Requirement {
        /// Label key.
        pub key: String,
        /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
        pub operator: String,
        /// Values for `In` and `NotIn`.
        pub values: Vec<String>,
    }
}

impl LabelSelector {
    /// A selector for exactly these labels.
    #[must_use]
    pub fn of_labels(labels: &StringMap) -> Self {
        Self { match_labels: labels.clone().into(), match_expressions: Vec::new() }
    }

    /// True if all requirements hold for `labels`.
    ///
    /// A requirement with an operator that Kubernetes does not know matches nothing: the API server
    /// would have refused it, so an object that carries one is not what it seems.
    #[must_use]
    pub fn matches(&self, labels: &StringMap) -> bool {
        has_all(labels, &self.match_labels)
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    fn matches(&self, labels: &StringMap) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> StringMap {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn requirement(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_labels: Shared::default(),
            match_expressions: vec![Requirement {
                key: key.into(),
                operator: operator.into(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            }],
        }
    }

    #[test]
    fn operators_follow_kubernetes() {
        let pod = labels(&[("app", "api"), ("istio.io/rev", "prod")]);
        assert!(LabelSelector::default().matches(&pod));
        assert!(requirement("istio.io/rev", "In", &["prod", "x"]).matches(&pod));
        assert!(!requirement("istio.io/rev", "In", &["x"]).matches(&pod));
        assert!(requirement("missing", "NotIn", &["false"]).matches(&pod));
        assert!(!requirement("app", "NotIn", &["api"]).matches(&pod));
        assert!(requirement("app", "Exists", &[]).matches(&pod));
        assert!(requirement("missing", "DoesNotExist", &[]).matches(&pod));
        assert!(!requirement("app", "Near", &["api"]).matches(&pod));
    }
}
