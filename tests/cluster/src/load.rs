//! A recorded mesh, loaded into a cluster: what persons and tools wrote. Controllers make the rest.

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use meshlift_model::k8s::{HorizontalPodAutoscaler, KINDS, KindInfo, Object, Pod, Resource};
use meshlift_model::snapshot::Snapshot;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::error::ClusterError;

/// Kinds that controllers, kubelets and this harness make, and kinds of which only metadata is recorded.
const NOT_LOADED: [&str; 10] = [
    "nodes",
    "replicasets.apps",
    "controllerrevisions.apps",
    "endpointslices.discovery.k8s.io",
    "secrets",
    CRDS,
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
];
/// Definitions of kinds: created with open schemas, for all that meshlift knows.
const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";
/// Kinds that must be there before others, first of all.
const FIRST: [&str; 2] = ["namespaces", "serviceaccounts"];
/// Kinds that would hold back what comes after them, last of all.
const LAST: [&str; 3] = [
    "resourcequotas",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
];
/// Metadata that the API server writes.
const WRITTEN_BY_THE_API_SERVER: [&str; 6] =
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "ownerReferences"];
/// Where pods, templates and templates of Jobs have their volumes.
const VOLUMES: [&str; 3] =
    ["/spec/volumes", "/spec/template/spec/volumes", "/spec/jobTemplate/spec/template/spec/volumes"];

impl Cluster {
    /// Creates every object of the recording that a person or a tool wrote, without what the given kinds
    /// (such as `resourcequotas`) hold. CRDs of all kinds that meshlift knows are created with open schemas.
    ///
    /// # Errors
    /// Where the API server refuses an object: the error names it.
    pub async fn load(&self, recording: &Snapshot, without: &[&str]) -> Result<usize, ClusterError> {
        self.load_where(recording, |object| !without.contains(&object.info().resource)).await
    }

    /// As [`Cluster::load`], those objects alone that are wanted. What is there already stays as it is.
    ///
    /// # Errors
    /// As [`Cluster::load`].
    pub async fn load_where(
        &self,
        recording: &Snapshot,
        wanted: impl Fn(&Object) -> bool,
    ) -> Result<usize, ClusterError> {
        self.create_kinds().await?;
        let mut objects: Vec<Object> = recording.objects.to_vec();
        objects.retain(|object| is_written(object) && wanted(object));
        objects.sort_by_key(|object| order(object.info().resource));
        let mut created = 0;
        for object in &objects {
            self.create(&object.info(), value_of(object)?).await?;
            created += 1;
        }
        Ok(created)
    }

    /// Kinds that Kubernetes does not serve by itself.
    async fn create_kinds(&self) -> Result<(), ClusterError> {
        let Some(crd) = KINDS.iter().find(|kind| kind.resource == CRDS) else { return Ok(()) };
        for kind in KINDS.iter().filter(|kind| !kind.built_in) {
            self.create(crd, definition(kind)).await?;
        }
        Ok(())
    }

    /// Creates an object; one that is there already stays as it is.
    async fn create(&self, kind: &KindInfo, value: Value) -> Result<(), ClusterError> {
        let (group, version) = kind.api_version.split_once('/').unwrap_or(("", kind.api_version));
        let plural = kind.resource.split('.').next().unwrap_or(kind.resource);
        let gvk = GroupVersionKind::gvk(group, version, kind.wire_kind());
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        let at =
            |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (namespace, name) = (at("/metadata/namespace"), at("/metadata/name"));
        let api: Api<DynamicObject> = if kind.namespaced {
            Api::namespaced_with(self.client(), &namespace, &resource)
        } else {
            Api::all_with(self.client(), &resource)
        };
        let what = format!("creating {} {namespace}/{name}", kind.resource);
        let object: DynamicObject = serde_json::from_value(value).map_err(|error| ClusterError::Api {
            what: what.clone(),
            source: Box::new(kube::Error::SerdeError(error)),
        })?;
        match api.create(&PostParams::default(), &object).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(source) => Err(ClusterError::Api { what, source: Box::new(source) }),
        }
    }
}

fn order(resource: &str) -> (usize, &str) {
    let first = FIRST.iter().position(|kind| *kind == resource);
    let last = LAST.iter().position(|kind| *kind == resource).map(|place| FIRST.len() + 1 + place);
    (first.or(last).unwrap_or(FIRST.len()), resource)
}

/// True for what a person or a tool wrote: nothing owns it.
fn is_written(object: &Object) -> bool {
    let owned = object.meta().owner_references.iter().any(|owner| owner.controller);
    let finished = Pod::from_object(object)
        .is_some_and(|pod| !matches!(pod.status.phase.as_str(), "Running" | "Pending"));
    !owned && !finished && !NOT_LOADED.contains(&object.info().resource)
}

fn value_of(object: &Object) -> Result<Value, ClusterError> {
    let what = format!("{} {}", object.info().resource, object.meta().name);
    let mut value = object
        .to_value()
        .map_err(|error| ClusterError::Api { what, source: Box::new(kube::Error::SerdeError(error)) })?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !WRITTEN_BY_THE_API_SERVER.contains(&key.as_str()));
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("nodeName");
        if object.info().resource == HorizontalPodAutoscaler::RESOURCE {
            // Metrics need goals, which are not recorded: the API server has one of its own.
            spec.remove("metrics");
        }
        let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
        spec.retain(|key, _| headless || !matches!(key.as_str(), "clusterIP" | "clusterIPs"));
        // Ports of nodes are the API server's choice: two recordings of one Service would claim the same.
        for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                port.remove("nodePort");
            }
        }
    }
    for webhook in value.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
        complete(webhook);
    }
    for volumes in VOLUMES {
        for volume in value.pointer_mut(volumes).and_then(Value::as_array_mut).into_iter().flatten() {
            complete_volume(volume);
        }
    }
    Ok(value)
}

/// Fields that every webhook must have and that are not recorded; the certificate of whoever was recorded helps
/// nobody here.
fn complete(webhook: &mut Value) {
    let Some(fields) = webhook.as_object_mut() else { return };
    fields.entry("admissionReviewVersions").or_insert_with(|| json!(["v1"]));
    fields.entry("sideEffects").or_insert_with(|| json!("None"));
    if let Some(client) = fields.get_mut("clientConfig").and_then(Value::as_object_mut) {
        client.remove("caBundle");
    }
}

/// A projected token must say its path, which is not recorded.
fn complete_volume(volume: &mut Value) {
    let sources = volume.pointer_mut("/projected/sources").and_then(Value::as_array_mut);
    for token in sources.into_iter().flatten().filter_map(|source| source.get_mut("serviceAccountToken")) {
        token["path"] = json!("token");
    }
}

/// A definition of the kind that accepts whatever was recorded.
fn definition(kind: &KindInfo) -> Value {
    let (group, version) = kind.api_version.split_once('/').unwrap_or(("", kind.api_version));
    let plural = kind.resource.split('.').next().unwrap_or(kind.resource);
    json!({
        "metadata": {
            "name": kind.resource,
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "names": {"kind": kind.wire_kind(), "plural": plural, "singular": kind.wire_kind().to_lowercase()},
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}
