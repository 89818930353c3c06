//! What labels of a namespace and a pod ask for, by Istio's convention: for names that nothing serves, for
//! selectors without a say, and for sentences. What a pod *gets* is decided by webhooks alone.

use meshlift_model::defaults::{INJECT_LABEL, INJECTION_LABEL, REV_LABEL};
use meshlift_model::k8s::StringMap;

use crate::facts::Follows;

/// Name that `istio-injection=enabled` stands for.
const DEFAULT: &str = "default";

/// The label that decides, where stock webhooks are in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Pod label `sidecar.istio.io/inject=false`.
    Refused,
    /// Namespace label `istio-injection`; `istio.io/rev` has no say beside it.
    NamespaceInjection(String),
    /// Namespace label `istio.io/rev`; the pod's has no say beside it.
    NamespaceRevision(String),
    /// Pod label `istio.io/rev`.
    PodRevision(String),
    /// Pod label `sidecar.istio.io/inject=true`.
    PodInject,
    /// No label.
    Nothing,
}

impl Asked {
    pub(crate) fn of(namespace: &StringMap, pod: &StringMap) -> Self {
        let inject = pod.get(INJECT_LABEL).map(String::as_str);
        if inject == Some("false") {
            Self::Refused
        } else if let Some(value) = namespace.get(INJECTION_LABEL) {
            Self::NamespaceInjection(value.clone())
        } else if let Some(value) = namespace.get(REV_LABEL) {
            Self::NamespaceRevision(value.clone())
        } else if let Some(value) = pod.get(REV_LABEL) {
            Self::PodRevision(value.clone())
        } else if inject == Some("true") {
            Self::PodInject
        } else {
            Self::Nothing
        }
    }

    /// Revision or tag that is asked for.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::NamespaceRevision(name) | Self::PodRevision(name) => Some(name),
            Self::NamespaceInjection(value) if value == "enabled" => Some(DEFAULT),
            Self::PodInject => Some(DEFAULT),
            Self::Refused | Self::NamespaceInjection(_) | Self::Nothing => None,
        }
    }

    /// True if the pod's own labels decide.
    pub(crate) fn is_by_pod(&self) -> bool {
        match self {
            Self::PodRevision(_) | Self::PodInject => true,
            Self::Refused | Self::NamespaceInjection(_) | Self::NamespaceRevision(_) | Self::Nothing => false,
        }
    }

    /// The label, in words.
    pub(crate) fn phrase(&self, namespace: &str) -> String {
        match self {
            Self::Refused => format!("the pod has {INJECT_LABEL}=false"),
            Self::NamespaceInjection(value) => format!("namespace {namespace} has {INJECTION_LABEL}={value}"),
            Self::NamespaceRevision(name) => format!("namespace {namespace} has {REV_LABEL}={name}"),
            Self::PodRevision(name) => format!("the pod has {REV_LABEL}={name}"),
            Self::PodInject => format!("the pod has {INJECT_LABEL}=true"),
            Self::Nothing => format!("neither namespace {namespace} nor the pod selects a revision"),
        }
    }

    /// Why a pod that no webhook matches gets nothing.
    pub(crate) fn without_webhook(&self, namespace: &str, follows: &Follows) -> String {
        let phrase = self.phrase(namespace);
        match (self, follows) {
            (_, Follows::Unserved { name }) => format!("{phrase}, and no webhook serves the name {name}"),
            (Self::Refused | Self::Nothing, _) => phrase,
            (
                Self::NamespaceInjection(_)
                | Self::NamespaceRevision(_)
                | Self::PodRevision(_)
                | Self::PodInject,
                _,
            ) => format!("{phrase}, and no webhook matches"),
        }
    }
}
