//! Proof of injection: pods that the API server would create, and does not.

use meshlift_model::effect::{Failure, InjectionProof};
use meshlift_model::injection::status_of;
use meshlift_model::k8s::{CronJob, Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use serde_json::{Value, json};

use super::failure::CallError;
use super::{Hands, places, restore, writes};

impl Hands {
    pub(super) async fn dry_run(
        &self,
        namespace: &str,
        workloads: &[ObjectRef],
        count: usize,
    ) -> Result<Vec<InjectionProof>, Failure> {
        let known: Vec<&ObjectRef> =
            workloads.iter().filter(|workload| workload.namespace == namespace).collect();
        let mut proofs = Vec::new();
        for number in 0..count {
            if let Some(workload) = known.get(number % known.len().max(1)) {
                proofs.push(self.proof(workload).await?);
            }
        }
        Ok(proofs)
    }

    async fn proof(&self, workload: &ObjectRef) -> Result<InjectionProof, Failure> {
        let answer = |revision, refused| InjectionProof { workload: workload.clone(), revision, refused };
        let found = self.calls.get::<Value>(&places::object(workload)?).await?;
        let pod = match found {
            Some(found) => new_pod(workload, &found)?,
            None => None,
        };
        let Some(pod) = pod else { return Ok(answer(None, Some(format!("{workload} has no pod template")))) };
        let path = places::collection_of::<Pod>(&workload.namespace);
        match self.calls.try_create(&path, &pod).await {
            Ok(admitted) => Ok(answer(revision_of(&writes::read(&admitted)?), None)),
            Err(error) if error.is_of_webhook() => Ok(answer(None, Some(error.message().to_owned()))),
            // A quota or policy proves nothing about injection: the injector is asked directly.
            Err(error) => {
                let words = refusal(error)?;
                Ok(answer(self.ask_injector(&pod).await?, Some(words)))
            }
        }
    }
}

/// Words of a refusal that proves nothing (quota, policy); anything else is a failure of the question.
fn refusal(error: CallError) -> Result<String, Failure> {
    let words = error.message().to_owned();
    match Failure::from(error) {
        Failure::Refused { .. } => Ok(words),
        other => Err(other),
    }
}

fn revision_of(pod: &Pod) -> Option<RevisionName> {
    status_of(pod).map(|status| RevisionName::new(status.revision))
}

/// A pod that the workload's template would make now, whole; absent where it has none.
fn new_pod(workload: &ObjectRef, found: &Value) -> Result<Option<Value>, Failure> {
    if workload.kind == Pod::KIND {
        let mut pod = restore::without_injection(found, &writes::read(found)?);
        if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("name");
            metadata.insert("generateName".to_owned(), json!(format!("{}-", workload.name)));
        }
        return Ok(Some(pod));
    }
    let place =
        if workload.kind == CronJob::KIND { "/spec/jobTemplate/spec/template" } else { "/spec/template" };
    let Some(template) = found.pointer(place) else { return Ok(None) };
    let of = |key: &str| template.pointer(&format!("/metadata/{key}")).cloned().unwrap_or_default();
    Ok(Some(json!({
        "apiVersion": Pod::API_VERSION,
        "kind": Pod::KIND,
        "metadata": {
            "generateName": format!("{}-", workload.name),
            "namespace": workload.namespace,
            "labels": of("labels"),
            "annotations": of("annotations"),
        },
        "spec": template.get("spec").cloned().unwrap_or_default(),
    })))
}
