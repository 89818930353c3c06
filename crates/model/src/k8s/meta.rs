//! Metadata that every object carries, and the small value types used everywhere.

use ecow::EcoString;
use serde::{Deserialize, Serialize};

use super::{FieldManagers, Shared, StringMap, TemplateMeta};
use crate::defaults::PODS_MAX;
use crate::time::Time;
use crate::word::Word;

api! {
    /// `metav1.ObjectMeta`.
    pub struct ObjectMeta {
        /// Name, unique within kind and namespace.
        pub name: String,
        /// Namespace; empty for cluster-scoped objects.
        pub namespace: EcoString,
        /// Prefix from which the API server makes a name.
        pub generate_name: EcoString,
        /// Identity over time: a re-created object has another uid.
        pub uid: String,
        /// Opaque version of this object; changes with each write.
        pub resource_version: EcoString,
        /// Counts changes of the desired state.
        pub generation: i64,
        /// When the object was created.
        pub creation_timestamp: Option<Time>,
        /// When deletion was asked for.
        pub deletion_timestamp: Option<Time>,
        /// Grace of that deletion, in seconds.
        pub deletion_grace_period_seconds: Option<i64>,
        /// Labels: what selectors see.
        pub labels: Shared<StringMap>,
        /// Annotations.
        pub annotations: Shared<StringMap>,
        /// Owners, for garbage collection and for "who made this".
        pub owner_references: Shared<Vec<OwnerReference>>,
        /// Finalizers that hold a deletion back.
        pub finalizers: Shared<Vec<String>>,
        /// Who wrote fields that several are known to write. `kubectl get` leaves it out; so do lists that are protobuf.
        pub managed_fields: FieldManagers,
    }

    /// `metav1.OwnerReference`.
    pub struct OwnerReference {
        /// API version of the owner.
        pub api_version: Word,
        /// Kind of the owner.
        pub kind: Word,
        /// Name of the owner, in the same namespace.
        pub name: String,
        /// uid of the owner.
        pub uid: String,
        /// True for the managing controller.
        pub controller: bool,
        /// True if the owner's foreground deletion waits for this object.
        pub block_owner_deletion: bool,
    }

    /// `metav1.Condition` and its older relatives.
    pub struct Condition {
        /// Condition type, such as `Ready` or `Progressing`.
        #[serde(rename = "type")]
        pub type_: Word,
        /// `True`, `False` or `Unknown`.
        pub status: Word,
        /// One-word reason.
        pub reason: Word,
        /// Sentence for people.
        pub message: Word,
        /// When `status` last changed, whole seconds.
        pub last_transition_time: Option<Time>,
        /// When the condition was last written (Deployment conditions).
        pub last_update_time: Option<Time>,
    }
}

/// Labels and annotations of GitOps controllers on what they apply.
const GITOPS: [(&str, &str); 5] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"),
    ("helm.toolkit.fluxcd.io/name", "Flux HelmRelease"),
    ("fleet.cattle.io/bundle-id", "Fleet bundle"),
];

impl ObjectMeta {
    /// The owner that manages this object, if any.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }

    /// The GitOps controller that applies this object, in words, by the marks that it leaves on it.
    #[must_use]
    pub fn gitops(&self) -> Option<String> {
        GITOPS.iter().find_map(|(key, owner)| {
            let value = self.label(key).or_else(|| self.annotation(key))?;
            Some(format!("{owner} {value}"))
        })
    }

    /// `NAMESPACE/NAME`, or `NAME` for cluster-scoped objects.
    #[must_use]
    pub fn path(&self) -> String {
        if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

/// What objects and templates say by their marks.
macro_rules! marked {
    ($($name:ident),*) => { $(
        impl $name {
            /// Value of a label.
            #[must_use]
            pub fn label(&self, key: &str) -> Option<&str> {
                self.labels.get(key).map(String::as_str)
            }

            /// Value of an annotation.
            #[must_use]
            pub fn annotation(&self, key: &str) -> Option<&str> {
                self.annotations.get(key).map(String::as_str)
            }
        }
    )* };
}

marked!(ObjectMeta, TemplateMeta);

/// `intstr.IntOrString`: a count, or a percentage such as `"25%"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A count (or a port number).
    Int(i32),
    /// A percentage (or a port name).
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl IntOrString {
    /// The count that this value means for `total`; percentages round up or down.
    ///
    /// `None` for a string that is no percentage of any use; no more than [`PODS_MAX`]. Same rule as
    /// `intstr.GetScaledValueFromIntOrPercent` of k8s.io/apimachinery.
    #[must_use]
    pub fn scaled(&self, total: i32, round_up: bool) -> Option<i32> {
        match self {
            Self::Int(count) => Some((*count).clamp(-PODS_MAX, PODS_MAX)),
            Self::String(text) => {
                let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
                let product = percent.checked_mul(total.into())?;
                let rest = if round_up { 99 } else { 0 };
                let scaled = product.checked_add(rest)?.div_euclid(100);
                i32::try_from(scaled).ok().map(|scaled| scaled.clamp(-PODS_MAX, PODS_MAX))
            }
        }
    }
}

impl std::fmt::Display for IntOrString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(count) => write!(f, "{count}"),
            Self::String(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_kubernetes_rounds_them() {
        let quarter = IntOrString::String("25%".into());
        assert_eq!(quarter.scaled(1, true), Some(1));
        assert_eq!(quarter.scaled(1, false), Some(0));
        assert_eq!(quarter.scaled(3, true), Some(1));
        assert_eq!(IntOrString::String("http".into()).scaled(3, true), None);
    }

    #[test]
    fn null_fields_read_as_absent() {
        let meta: ObjectMeta =
            serde_json::from_str(r#"{"name":"a","labels":null,"creationTimestamp":null}"#).unwrap();
        assert_eq!(meta.name, "a");
        assert!(meta.labels.is_empty());
    }
}
