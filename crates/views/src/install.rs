//! What an installer would do with the objects of a revision.

use meshlift_model::defaults::{COMPONENT_LABEL, ISTIOCTL_LABEL, REV_LABEL};
use meshlift_model::k8s::{CustomResourceDefinition, ObjectMeta, Resource};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::RevisionName;

/// The component that each revision has of its own.
const PILOT: &str = "Pilot";

/// True for what belongs to this revision alone: by a name that carries it, or by its label among istiod's objects.
/// The label alone says little: istio-cni, ztunnel and gateways carry it too, and there is one of each for all
/// revisions. CRDs are applied by themselves, and what several revisions share is left as it is.
#[must_use]
pub fn is_of_revision(kind: &str, meta: &ObjectMeta, revision: &RevisionName) -> bool {
    let component = meta.label(COMPONENT_LABEL);
    let named = meta.name.contains(revision.as_str());
    let labelled = meta.label(REV_LABEL) == Some(revision.as_str()) && component == Some(PILOT);
    kind != CustomResourceDefinition::KIND && component.is_none_or(|own| own == PILOT) && (named || labelled)
}

/// Webhooks last: whoever calls them finds an istiod that is at least on its way.
#[must_use]
pub fn comes_last(kind: &str) -> bool {
    kind.ends_with("WebhookConfiguration")
}

/// Adds the labels that `istioctl install` puts on every object (istio `operator/pkg/install/install.go`).
pub fn label(meta: &mut ObjectMeta, manifest: &Manifest) {
    let namespace = manifest
        .objects
        .deployments
        .first()
        .map_or("istio-system", |deployment| deployment.metadata.namespace.as_str());
    let labels = [
        ("install.operator.istio.io/owning-resource-namespace", namespace.to_owned()),
        (ISTIOCTL_LABEL.0, ISTIOCTL_LABEL.1.to_owned()),
        ("operator.istio.io/version", manifest.version.to_string()),
        (REV_LABEL, manifest.revision.as_str().to_owned()),
    ];
    for (key, value) in labels {
        meta.labels.insert(key.to_owned(), value);
    }
    meta.labels.entry(COMPONENT_LABEL.to_owned()).or_insert_with(|| PILOT.to_owned());
}

/// Replicas of an istiod: an autoscaler that runs already owns them, and there are so many at least.
#[must_use]
pub fn held_replicas(live: Option<i32>, rendered: Option<i32>, least: i32) -> i32 {
    live.or(rendered).unwrap_or(1).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects as `istioctl manifest generate` labels them, with the ambient profile of 1.30.3.
    fn is_own(kind: &str, name: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let meta = ObjectMeta { name: name.to_owned(), labels, ..ObjectMeta::default() };
        is_of_revision(kind, &meta, &"1-30-3".into())
    }

    #[test]
    fn node_agents_and_gateways_that_all_revisions_share_are_never_installed_with_one() {
        let rev = (REV_LABEL, "1-30-3");
        assert!(!is_own("DaemonSet", "istio-cni-node", &[rev, (COMPONENT_LABEL, "Cni")]));
        assert!(!is_own("ClusterRole", "istio-cni-repair-role", &[rev, (COMPONENT_LABEL, "Cni")]));
        assert!(!is_own("DaemonSet", "ztunnel", &[rev]));
        assert!(!is_own("Deployment", "istio-ingressgateway", &[rev, (COMPONENT_LABEL, "IngressGateways")]));
        assert!(!is_own("ServiceAccount", "istio-reader-service-account", &[]));
        assert!(!is_own("CustomResourceDefinition", "x-1-30-3", &[rev]));
        assert!(is_own("Deployment", "istiod-1-30-3", &[rev, (COMPONENT_LABEL, "Pilot")]));
        assert!(is_own("ValidatingWebhookConfiguration", "istio-validator-1-30-3-istio-system", &[rev]));
        assert!(is_own("ClusterRole", "istiod-clusterrole-1-30-3-istio-system", &[]));
        assert!(is_own("Deployment", "istiod", &[rev, (COMPONENT_LABEL, "Pilot")]));
    }
}
