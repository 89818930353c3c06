//! What an installer would do with the objects of a revision.

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::k8s::{CustomResourceDefinition, ObjectMeta, Resource};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::RevisionName;

/// Label that says which part of Istio an object belongs to.
const COMPONENT: &str = "operator.istio.io/component";

/// True for what belongs to this revision alone: by label, or by a name that carries it. CRDs are applied by
/// themselves, and what several revisions share is left as it is.
#[must_use]
pub fn is_of_revision(kind: &str, meta: &ObjectMeta, revision: &RevisionName) -> bool {
    let named = meta.name.contains(revision.as_str());
    kind != CustomResourceDefinition::KIND && (meta.label(REV_LABEL) == Some(revision.as_str()) || named)
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
        ("operator.istio.io/managed", "Reconcile".to_owned()),
        ("operator.istio.io/version", manifest.version.to_string()),
        (REV_LABEL, manifest.revision.as_str().to_owned()),
    ];
    for (key, value) in labels {
        meta.labels.insert(key.to_owned(), value);
    }
    meta.labels.entry(COMPONENT.to_owned()).or_insert_with(|| "Pilot".to_owned());
}

/// Replicas of an istiod: an autoscaler that runs already owns them, and there are so many at least.
#[must_use]
pub fn held_replicas(live: Option<i32>, rendered: Option<i32>, least: i32) -> i32 {
    live.or(rendered).unwrap_or(1).max(least)
}
