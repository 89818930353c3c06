//! Groups of objects: CRDs, the objects of a revision, the objects of a tag. All by server-side apply, tried as a dry
//! run first: what is refused is refused before anything of the group is written.

use std::collections::BTreeMap;

use meshlift_model::effect::Failure;
use meshlift_model::k8s::{
    CustomResourceDefinition, Deployment, HorizontalPodAutoscaler, MutatingWebhookConfiguration, Object,
    ObjectMeta, Resource, Service, ValidatingWebhookConfiguration,
};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::tag_objects::{DEFAULT_TAG, tag_objects};
use meshlift_views::{install, tags};
use serde_json::{Value, json};

use super::call::{Apply, Calls};
use super::conflict::Others;
use super::lists::Reading;
use super::queries::ISTIOD;
use super::{Hands, Installable, places, restore};

/// A kind at the API server: its plural, and whether its objects live in namespaces.
type Served = BTreeMap<(String, String), (String, bool)>;

impl Hands {
    fn installable(&self, digest: &str) -> Result<&Installable, Failure> {
        let unsupported = |message: String| Err(Failure::Unsupported { message });
        match &self.installable {
            Some(found) if found.manifest.digest == digest => Ok(found),
            Some(found) => unsupported(format!(
                "the manifest that was given has digest {}, the plan wants {digest}: give --manifest the file that \
                 the plan was made with",
                found.manifest.digest
            )),
            None => unsupported(
                "nothing can be installed without its whole manifest: give --manifest FILE".to_owned(),
            ),
        }
    }

    pub(super) async fn apply_crds(&self, digest: &str) -> Result<Vec<Value>, Failure> {
        let all = self.installable(digest)?.documents.iter();
        let crds = all.filter(|document| kind_of(document) == CustomResourceDefinition::KIND);
        self.apply(crds.cloned().collect(), Others::TakeFromInstallers).await
    }

    pub(super) async fn install_revision(&self, digest: &str, least: i32) -> Result<Vec<Value>, Failure> {
        let Installable { manifest, documents } = self.installable(digest)?;
        let own = documents.iter().filter(|document| {
            install::is_of_revision(kind_of(document), &meta_of(document), &manifest.revision)
        });
        let mut own: Vec<Value> = own.cloned().collect();
        own.sort_by_key(|document| install::comes_last(kind_of(document)));
        for document in &mut own {
            let mut meta = meta_of(document);
            install::label(&mut meta, manifest);
            document["metadata"]["labels"] = json!(meta.labels);
            self.hold_replicas(document, &meta, least).await?;
            leave_certificates(document);
        }
        self.apply(own, Others::Keep).await
    }

    /// istiod has so many replicas at least; an autoscaler that runs already owns them.
    async fn hold_replicas(
        &self,
        document: &mut Value,
        meta: &ObjectMeta,
        least: i32,
    ) -> Result<(), Failure> {
        let number = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok())
        };
        let kind = kind_of(document).to_owned();
        if kind == HorizontalPodAutoscaler::KIND {
            let (min, max) = (number(document, "/spec/minReplicas"), number(document, "/spec/maxReplicas"));
            document["spec"]["minReplicas"] = json!(min.unwrap_or(1).max(least));
            document["spec"]["maxReplicas"] = json!(max.unwrap_or(1).max(least));
        } else if kind == Deployment::KIND {
            let target = ObjectRef::new(Deployment::KIND, &meta.namespace, &meta.name);
            let live: Option<Deployment> = self.calls.get(&places::object(&target)?).await?;
            let live = live.and_then(|live| live.spec.replicas);
            let rendered = number(document, "/spec/replicas");
            document["spec"]["replicas"] = json!(install::held_replicas(live, rendered, least));
        }
        Ok(())
    }

    /// Applies objects in their order: what is given is written, all else of them stays.
    async fn apply(&self, documents: Vec<Value>, others: Others) -> Result<Vec<Value>, Failure> {
        let mut served = Served::new();
        let (mut placed, mut objections) = (Vec::new(), Vec::new());
        for document in &documents {
            let path = self.place(document, &mut served).await?;
            if let Err(error) = self.calls.apply(&path, document, Apply::DryRun).await {
                let meta = meta_of(document);
                let reference = ObjectRef::new(kind_of(document), &meta.namespace, &meta.name);
                objections.extend(others.objections(&reference.to_string(), error)?);
            }
            placed.push((path, document));
        }
        if !objections.is_empty() {
            return Err(others.refusal(&objections));
        }
        let mode = match others {
            Others::Keep => Apply::Keep,
            Others::TakeFromInstallers => Apply::Force,
        };
        for (path, document) in placed {
            self.calls.apply(&path, document, mode).await?;
        }
        Ok(Vec::new())
    }

    /// Path of a document's object.
    async fn place(&self, document: &Value, served: &mut Served) -> Result<String, Failure> {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let (plural, namespaced) = self.served(api_version, kind, served).await?;
        let namespace = match text("/metadata/namespace") {
            "" if namespaced => "default",
            given if namespaced => given,
            _ => "",
        };
        Ok(format!("{}/{name}", places::collection_at(api_version, &plural, namespace)))
    }

    /// How the API server calls a kind.
    async fn served(
        &self,
        api_version: &str,
        kind: &str,
        served: &mut Served,
    ) -> Result<(String, bool), Failure> {
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(known) = served.get(&key) {
            return Ok(known.clone());
        }
        let root = if api_version.contains('/') { "/apis" } else { "/api" };
        let list: Option<Value> = self.calls.get(&format!("{root}/{api_version}")).await?;
        for one in list.iter().flat_map(|list| list["resources"].as_array().into_iter().flatten()) {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            // Subresources have a slash in their names.
            if !text("name").contains('/') {
                let facts = (text("name"), one["namespaced"].as_bool().unwrap_or(false));
                served.insert((api_version.to_owned(), text("kind")), facts);
            }
        }
        served.get(&key).cloned().ok_or_else(|| Failure::Refused {
            message: format!("the cluster serves no {kind} of {api_version}"),
        })
    }

    /// Writes a tag's objects: webhooks first, then its Service.
    pub(super) async fn set_tag(
        &self,
        tag: &TagName,
        revision: &RevisionName,
    ) -> Result<Vec<Value>, Failure> {
        let reading = of_tags(&self.calls).await?;
        self.apply(tag_documents(&reading, tag, revision)?, Others::TakeFromInstallers).await?;
        if tag.as_str() == DEFAULT_TAG
            && let Some(injector) = tags::unrevisioned_injector(&reading.objects)
        {
            self.deactivate(injector).await?;
        }
        Ok(Vec::new())
    }

    /// The injector of an unrevisioned install gives way; all but its selectors stays as it is.
    async fn deactivate(&self, injector: &MutatingWebhookConfiguration) -> Result<(), Failure> {
        let path = places::object(&injector.object_ref())?;
        let Some(live) = self.calls.get::<Value>(&path).await? else { return Ok(()) };
        let mut webhooks = live.get("webhooks").cloned().unwrap_or_default();
        let inactive = tags::deactivated(injector);
        for (webhook, off) in webhooks.as_array_mut().into_iter().flatten().zip(&inactive.webhooks) {
            webhook["namespaceSelector"] = json!(off.namespace_selector);
            webhook["objectSelector"] = json!(off.object_selector);
        }
        let version = live.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let patch = json!({"metadata": {"resourceVersion": version}, "webhooks": webhooks});
        self.calls.patch(&path, &patch).await?;
        Ok(())
    }

    /// Removes a tag's objects; gives them as they were.
    pub(super) async fn remove_tag(&self, tag: &TagName) -> Result<Vec<Value>, Failure> {
        let reading = self.tagged(tag).await?;
        let mut stored = Vec::new();
        for target in tags::refs(&reading.objects, tag) {
            let path = places::object(&target)?;
            let Some(found) = self.calls.get::<Value>(&path).await? else { continue };
            let uid = found.pointer("/metadata/uid").cloned().unwrap_or_default();
            match self.calls.delete(&path, &json!({"preconditions": {"uid": uid}})).await {
                Ok(_) => {}
                Err(error) if error.code() == Some(404) => {}
                Err(error) => return Err(error.into()),
            }
            stored.push(restore::kept(found));
        }
        Ok(stored)
    }
}

/// What tags are made of.
pub(super) async fn of_tags(calls: &Calls) -> Result<Reading<'_>, Failure> {
    let mut reading = Reading::new(calls);
    reading.need::<MutatingWebhookConfiguration>("", "").await?;
    reading.need::<Service>("", ISTIOD).await?;
    Ok(reading)
}

/// The objects of a tag that points at the revision.
pub(super) fn tag_documents(
    reading: &Reading<'_>,
    tag: &TagName,
    revision: &RevisionName,
) -> Result<Vec<Value>, Failure> {
    let source = tags::source_of(&reading.objects, revision).map_err(|missing| Failure::NotFound {
        message: format!("{missing} is not there: tag {tag} cannot point at {revision}"),
    })?;
    tag_objects(tag, &source).iter().map(written).collect()
}

fn kind_of(document: &Value) -> &str {
    document.get("kind").and_then(Value::as_str).unwrap_or_default()
}

fn meta_of(document: &Value) -> ObjectMeta {
    document.get("metadata").and_then(|meta| serde_json::from_value(meta.clone()).ok()).unwrap_or_default()
}

/// An object of a tag as it is sent: with the field that meshlift does not read and the API server demands.
fn written(object: &Object) -> Result<Value, Failure> {
    let mut value = object.to_value().map_err(|error| Failure::Unsupported { message: error.to_string() })?;
    for webhook in value.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
        webhook["admissionReviewVersions"] = json!(["v1"]);
    }
    Ok(value)
}

/// An istiod writes its certificate into its webhooks itself: an empty one in a rendered object would remove it.
fn leave_certificates(document: &mut Value) {
    let kinds = [MutatingWebhookConfiguration::KIND, ValidatingWebhookConfiguration::KIND];
    if !kinds.contains(&kind_of(document)) {
        return;
    }
    for webhook in document.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(config) = webhook.get_mut("clientConfig").and_then(Value::as_object_mut) {
            config.retain(|key, value| {
                key != "caBundle" || value.as_str().is_some_and(|text| !text.is_empty())
            });
        }
    }
}
