//! A rendered control plane held against the cluster: new, equal, or shared and changed.

use meshlift_mesh::Mesh;
use meshlift_model::k8s::{Object, Resource};
use meshlift_model::manifest::Manifest;
use meshlift_model::names::ObjectRef;
use serde_json::Value;

use crate::situation::Situation;
use crate::survey::names;

/// Labels and annotations that installers write about themselves: no difference of substance.
const INSTALLER: [&str; 6] = [
    "operator.istio.io/",
    "install.operator.istio.io/",
    "app.kubernetes.io/",
    "helm.sh/",
    "meta.helm.sh/",
    "release",
];

/// Objects that the manifest would create, without CRDs, in its order.
pub(crate) fn created(mesh: &Mesh, manifest: &Manifest) -> Vec<ObjectRef> {
    let rendered = rendered(manifest);
    rendered.filter(|object| live(mesh, object).is_none()).map(|object| reference(&object)).collect()
}

/// Why the manifest must not be applied as it is.
pub(crate) fn blocks(situation: &Situation<'_>, manifest: &Manifest) -> Vec<String> {
    let mut reasons = Vec::new();
    let shared: Vec<String> =
        rendered(manifest).filter(always_shared).map(|one| reference(&one).to_string()).collect();
    if !shared.is_empty() {
        reasons.push(format!(
            "its render holds what a mesh has once, not once per revision: {}; render it without them",
            names(&shared)
        ));
    }
    let changed: Vec<String> = rendered(manifest)
        .filter(|object| !always_shared(object))
        .filter_map(|object| Some((live(situation.mesh, &object)?, object)))
        .filter(|(live, object)| !equal(object, live))
        .map(|(_, object)| reference(&object).to_string())
        .collect();
    if !changed.is_empty() {
        reasons.push(format!("its render would change what is there already: {}", names(&changed)));
    }
    let settings = super::settings::differences(situation, manifest);
    if !settings.is_empty() {
        reasons.push(format!(
            "its render has other settings than the old revision: {}; render it with the old ones",
            names(&settings)
        ));
    }
    reasons
}

fn rendered(manifest: &Manifest) -> impl Iterator<Item = Object> {
    manifest
        .objects
        .to_vec()
        .into_iter()
        .filter(|object| !matches!(object, Object::CustomResourceDefinition(_)))
}

fn reference(object: &Object) -> ObjectRef {
    let meta = object.meta();
    ObjectRef::new(object.info().kind, &meta.namespace, &meta.name)
}

/// Gateways, node agents, the default tag and the default validator: one per mesh or cluster.
fn always_shared(object: &Object) -> bool {
    match object {
        Object::Deployment(one) => one.metadata.labels.get("app").is_none_or(|app| app != "istiod"),
        Object::DaemonSet(_) => true,
        Object::MutatingWebhookConfiguration(one) => {
            one.metadata.labels.contains_key(meshlift_model::defaults::TAG_LABEL)
        }
        Object::ValidatingWebhookConfiguration(one) => one.metadata.name == "istiod-default-validator",
        _ => false,
    }
}

fn live(mesh: &Mesh, object: &Object) -> Option<Object> {
    struct Find<'m>(&'m Mesh, &'m Object);
    impl meshlift_model::k8s::KindWork for Find<'_> {
        type Output = Option<Object>;
        fn run<R>(self) -> Option<Object>
        where
            R: Resource + serde::Serialize + serde::de::DeserializeOwned + Clone + PartialEq,
        {
            let wanted = self.1.meta();
            let all = R::list(&self.0.snapshot.objects).iter();
            let mut same = all.filter(|one| {
                one.meta().name == wanted.name && (!R::NAMESPACED || one.meta().namespace == wanted.namespace)
            });
            same.next().cloned().map(Resource::into_object)
        }
    }
    meshlift_model::k8s::with_kind(object.info().resource, Find(mesh, object)).flatten()
}

/// True if every rendered field equals the live one; what the API server, an installer or an autoscaler adds or
/// owns is aside.
fn equal(rendered: &Object, live: &Object) -> bool {
    let (Ok(rendered), Ok(live)) = (rendered.to_value(), live.to_value()) else { return false };
    within(&rendered, &live, "")
}

fn within(rendered: &Value, live: &Value, path: &str) -> bool {
    match (rendered, live) {
        (Value::Object(rendered), Value::Object(live)) => rendered.iter().all(|(key, value)| {
            let path = format!("{path}.{key}");
            owned_elsewhere(key, &path) || live.get(key).is_some_and(|live| within(value, live, &path))
        }),
        (Value::Array(rendered), Value::Array(live)) => {
            rendered.len() == live.len()
                && rendered.iter().zip(live).all(|(rendered, live)| within(rendered, live, path))
        }
        (rendered, live) => rendered == live,
    }
}

fn owned_elsewhere(key: &str, path: &str) -> bool {
    let installer = INSTALLER.iter().any(|prefix| key.starts_with(prefix));
    let described = path.starts_with(".metadata.labels.") || path.starts_with(".metadata.annotations.");
    (installer && described)
        || matches!(key, "caBundle" | "clusterIP" | "status" | "kind" | "apiVersion")
        || matches!(path, ".spec.replicas" | ".metadata.namespace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_adds_is_no_change_and_a_changed_field_is() {
        let rendered =
            serde_json::json!({"metadata": {"labels": {"a": "b", "helm.sh/chart": "x"}}, "spec": {"x": [1]}});
        let live =
            serde_json::json!({"metadata": {"uid": "u", "labels": {"a": "b"}}, "spec": {"x": [1], "y": 2}});
        assert!(within(&rendered, &live, ""));
        let changed = serde_json::json!({"metadata": {"labels": {"a": "b"}}, "spec": {"x": [2]}});
        assert!(!within(&rendered, &changed, ""));
    }
}
