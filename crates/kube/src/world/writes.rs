//! Changes of single objects.

use std::time::Duration;

use meshlift_model::effect::{Change, Failure, Write};
use meshlift_model::k8s::{ObjectMeta, Pod, Resource};
use meshlift_model::names::ObjectRef;
use meshlift_views::patch;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::failure::CallError;
use super::{Hands, places, restore};

/// Time beyond its grace period that a deleted pod is waited for, in seconds: the kubelet reports with a delay.
const GONE_SECONDS: i64 = 60;
/// Longest that a deleted pod is waited for, in seconds: below the engine's patience with an answer.
const GONE_SECONDS_MAX: i64 = 240;
/// Between two looks at a pod on its way out.
const LOOK: Duration = Duration::from_millis(500);
/// Attempts to create a pod whose predecessor is gone: nothing serves meanwhile.
const CREATE_ATTEMPTS_MAX: u32 = 5;
/// Between two such attempts.
const CREATE_PAUSE: Duration = Duration::from_secs(2);

impl Hands {
    /// Carries a write out; gives what was stored before it.
    pub(super) async fn write(&self, write: &Write) -> Result<Vec<Value>, Failure> {
        let target = &write.target;
        match patch::of(&target.kind, &write.change) {
            Ok(Some(patch)) => return self.patch(write, patch).await,
            Ok(None) => {}
            Err(reason) => return Err(Failure::Refused { message: format!("{target} {reason}") }),
        }
        match &write.change {
            Change::Evict => self.evict(write).await,
            Change::Delete => self.delete(write).await,
            Change::RecreatePod => self.recreate(write).await,
            Change::Restore { stored } => self.restore(target, stored).await,
            Change::ApplyCrds { manifest_digest } => self.apply_crds(manifest_digest).await,
            Change::InstallRevision { manifest_digest, replicas_min } => {
                self.install_revision(manifest_digest, *replicas_min).await
            }
            Change::SetTag { revision } => self.set_tag(&target.name.as_str().into(), revision).await,
            Change::RemoveTag => self.remove_tag(&target.name.as_str().into()).await,
            Change::Labels { .. }
            | Change::TemplateAnnotation { .. }
            | Change::Replicas { .. }
            | Change::AutoscalerMin { .. }
            | Change::Partition { .. }
            | Change::Strategy { .. }
            | Change::Quota { .. } => Ok(Vec::new()),
        }
    }

    /// One patch, refused by the API server where the object is not the one that it was made for.
    async fn patch(&self, write: &Write, patch: Value) -> Result<Vec<Value>, Failure> {
        let mut patch = patch;
        let bound = json!({"metadata": {"uid": write.uid, "resourceVersion": write.resource_version}});
        // Merged as a value and not as a patch: what is not given must not be null.
        for key in ["uid", "resourceVersion"] {
            if let Some(value) = bound.pointer(&format!("/metadata/{key}")).filter(|value| !value.is_null()) {
                patch::merge(&mut patch, &json!({"metadata": {key: value}}));
            }
        }
        self.signed(write, &mut patch);
        let path = places::object(&write.target)?;
        self.calls.patch(&path, &patch).await?;
        Ok(Vec::new())
    }

    async fn evict(&self, write: &Write) -> Result<Vec<Value>, Failure> {
        let target = &write.target;
        let eviction = json!({
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": target.name, "namespace": target.namespace},
            "deleteOptions": preconditions(write),
        });
        self.calls.post(&format!("{}/eviction", places::object(target)?), &eviction).await?;
        Ok(Vec::new())
    }

    /// Deletes an object with what hangs on it. Deleting twice is deleting once.
    async fn delete(&self, write: &Write) -> Result<Vec<Value>, Failure> {
        let path = places::object(&write.target)?;
        let Some(stored) = self.calls.get::<Value>(&path).await? else { return Ok(Vec::new()) };
        match self.calls.delete(&path, &preconditions(write)).await {
            Ok(_) => Ok(vec![restore::kept(stored)]),
            Err(error) if error.code() == Some(404) => Ok(vec![restore::kept(stored)]),
            Err(error) => Err(error.into()),
        }
    }

    async fn recreate(&self, write: &Write) -> Result<Vec<Value>, Failure> {
        let target = &write.target;
        let path = places::object(target)?;
        let missing = || Failure::NotFound { message: format!("{target} is not there") };
        let old: Value = self.calls.get(&path).await?.ok_or_else(missing)?;
        let pod: Pod = read(&old)?;
        if let Some(owner) = pod.metadata.controller() {
            let message = format!("{target} belongs to {} {}: that makes its pods", owner.kind, owner.name);
            return Err(Failure::Refused { message });
        }
        self.calls.delete(&path, &preconditions(write)).await?;
        self.until_gone(&path, &pod).await?;
        self.create_pod(target, &pod.metadata, &restore::without_injection(&old, &pod)).await?;
        Ok(vec![restore::kept(old)])
    }

    /// Waits until the pod is gone, or another one has its name.
    async fn until_gone(&self, path: &str, pod: &Pod) -> Result<(), Failure> {
        let seconds = (pod.spec.grace_seconds() + GONE_SECONDS).min(GONE_SECONDS_MAX);
        let deadline = Instant::now() + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        loop {
            match self.calls.get::<Pod>(path).await? {
                Some(found) if found.metadata.uid == pod.metadata.uid => {}
                Some(_) | None => return Ok(()),
            }
            if Instant::now() >= deadline {
                let message = format!("{} was deleted and is not gone after {seconds} s", pod.object_ref());
                return Err(Failure::Unavailable { message });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Creates a pod in the place of one that is gone. It is there already if an earlier attempt arrived after all.
    async fn create_pod(&self, target: &ObjectRef, old: &ObjectMeta, pod: &Value) -> Result<(), Failure> {
        let path = places::collection_of::<Pod>(&old.namespace);
        let mut attempt = 1;
        loop {
            let error = match self.calls.create(&path, pod).await {
                Ok(_) => return Ok(()),
                Err(error) if error.reason() == "AlreadyExists" => return Ok(()),
                Err(error) => error,
            };
            if attempt == CREATE_ATTEMPTS_MAX || !error.may_pass() {
                let failure = Failure::from(error);
                return Err(Failure::Unavailable {
                    message: format!("{target} was deleted and could not be created anew: {failure}"),
                });
            }
            attempt += 1;
            tokio::time::sleep(CREATE_PAUSE).await;
        }
    }

    async fn restore(&self, target: &ObjectRef, stored: &Value) -> Result<Vec<Value>, Failure> {
        let reference = restore::reference(stored).ok_or_else(|| Failure::Refused {
            message: format!("what was stored for {target} has no kind or name"),
        })?;
        let path = places::object(&reference)?;
        if let Some(found) = self.calls.get::<Value>(&path).await? {
            let leaving = found.pointer("/metadata/deletionTimestamp").is_some();
            let message = format!("{reference} is still on its way out");
            return if leaving { Err(Failure::Conflict { message }) } else { Ok(Vec::new()) };
        }
        let info = places::info(&reference.kind)?;
        let collection = places::collection(info, &reference.namespace);
        match self.calls.create(&collection, &restore::fresh(stored)).await {
            Ok(_) => Ok(Vec::new()),
            Err(error) if error.reason() == "AlreadyExists" => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Options of a deletion: what must still be so, and dependents that go too, as with kubectl.
fn preconditions(write: &Write) -> Value {
    let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
    let mut preconditions = json!({});
    if let Some(uid) = &write.uid {
        preconditions["uid"] = json!(uid);
    }
    if let Some(version) = &write.resource_version {
        preconditions["resourceVersion"] = json!(version);
    }
    if preconditions.as_object().is_some_and(|given| !given.is_empty()) {
        options["preconditions"] = preconditions;
    }
    options
}

/// A typed object of what the API server gave.
pub(super) fn read<R: Resource + serde::de::DeserializeOwned>(value: &Value) -> Result<R, Failure> {
    serde_json::from_value(value.clone())
        .map_err(|error| CallError::Shape { request: R::RESOURCE.to_owned(), why: error.to_string() }.into())
}
