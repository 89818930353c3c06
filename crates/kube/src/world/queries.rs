//! Questions: what each needs is read now, and answered in the words that the twin uses too.

use std::collections::BTreeMap;

use meshlift_model::defaults::{REV_LABEL, TAG_LABEL};
use meshlift_model::effect::{Failure, Observation, Query, WorkloadView};
use meshlift_model::injection::is_istiod;
use meshlift_model::k8s::{
    ControllerRevision, CronJob, DaemonSet, Deployment, Gateway, MutatingWebhookConfiguration, Namespace,
    Object, Pod, ReplicaSet, Resource, Service, StatefulSet, ValidatingWebhookConfiguration,
};
use meshlift_model::names::{ObjectRef, RevisionName, TagName};
use meshlift_model::selector::LabelSelector;
use meshlift_model::snapshot::IstiodAnswers;
use meshlift_views::{ToldProxies, census, consumers, revision, tags, workload};
use serde_json::Value;

use super::istiods::Ask;
use super::lists::Reading;
use super::{Hands, places, restore};

/// Label of istiod's objects.
pub(super) const ISTIOD: &str = "app=istiod";

impl Hands {
    /// Answers a question.
    pub(super) async fn answer(&self, query: &Query) -> Result<Observation, Failure> {
        Ok(match query {
            Query::Object { object } => {
                Observation::Object { object: self.object(object).await?.map(Box::new) }
            }
            Query::Stored { object } => Observation::Stored { objects: self.stored(object).await? },
            Query::Workload { workload } => {
                Observation::Workload { workload: self.workload(workload).await?.map(Box::new) }
            }
            Query::Tag { tag } => {
                let reading = self.tagged(tag).await?;
                let (webhook, service) = tags::forms(&reading.objects, tag);
                Observation::Tag { webhook, service }
            }
            Query::DryRun { namespace, workloads, count } => {
                Observation::DryRun { proofs: self.dry_run(namespace, workloads, *count).await? }
            }
            Query::Revision { revision } => self.revision(revision).await?,
            Query::Consumers { revision } => self.consumers(revision).await,
            Query::Followers { tag } => {
                let reading = self.selecting().await;
                told(consumers::followers(&reading.objects, tag), reading.unknown)
            }
            Query::Census => {
                let mut reading = Reading::new(&self.calls);
                reading.need::<Pod>("", "").await?;
                reading.need::<ReplicaSet>("", "").await?;
                reading.need::<Gateway>("", "").await?;
                census::census(&reading.objects)
            }
            Query::Findings => {
                let message = "checks are not run by this world; whoever runs them answers".to_owned();
                return Err(Failure::Unsupported { message });
            }
        })
    }

    async fn object(&self, reference: &ObjectRef) -> Result<Option<Object>, Failure> {
        let info = places::info(&reference.kind)?;
        let Some(value) = self.calls.get::<Value>(&places::object(reference)?).await? else {
            return Ok(None);
        };
        match Object::from_value(info.kind, value).transpose() {
            Ok(object) => Ok(object),
            Err(error) => {
                Err(Failure::Unsupported { message: format!("{reference} is not understood: {error}") })
            }
        }
    }

    /// The objects that a reference stands for, whole.
    pub(super) async fn stored(&self, reference: &ObjectRef) -> Result<Vec<Value>, Failure> {
        let references = if reference.kind == tags::TAG_GROUP {
            let tag = reference.name.as_str().into();
            tags::refs(&self.tagged(&tag).await?.objects, &tag)
        } else {
            vec![reference.clone()]
        };
        let mut objects = Vec::new();
        for reference in references {
            objects.extend(self.calls.get::<Value>(&places::object(&reference)?).await?.map(restore::kept));
        }
        Ok(objects)
    }

    /// All objects that carry a tag.
    pub(super) async fn tagged(&self, tag: &TagName) -> Result<Reading<'_>, Failure> {
        let selector = format!("{TAG_LABEL}={tag}");
        let mut reading = Reading::new(&self.calls);
        reading.need::<MutatingWebhookConfiguration>("", &selector).await?;
        reading.need::<ValidatingWebhookConfiguration>("", &selector).await?;
        reading.need::<Service>("", &selector).await?;
        Ok(reading)
    }

    async fn workload(&self, workload: &ObjectRef) -> Result<Option<WorkloadView>, Failure> {
        let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
        let mut reading = Reading::new(&self.calls);
        match workload.kind.as_str() {
            Deployment::KIND => {
                reading.one::<Deployment>(namespace, name).await?;
                let own = selector_of(reading.objects.deployments.first().map(|one| &one.spec.selector));
                reading.need::<ReplicaSet>(namespace, &own).await?;
                reading.need::<Pod>(namespace, &own).await?;
            }
            StatefulSet::KIND => {
                reading.one::<StatefulSet>(namespace, name).await?;
                let own = selector_of(reading.objects.stateful_sets.first().map(|one| &one.spec.selector));
                reading.need::<Pod>(namespace, &own).await?;
            }
            DaemonSet::KIND => {
                reading.one::<DaemonSet>(namespace, name).await?;
                let own = selector_of(reading.objects.daemon_sets.first().map(|one| &one.spec.selector));
                reading.need::<ControllerRevision>(namespace, &own).await?;
                reading.need::<Pod>(namespace, &own).await?;
            }
            Pod::KIND => reading.one::<Pod>(namespace, name).await?,
            _ => return Ok(None),
        }
        // Digests of templates are those of snapshots, which keep no secrets.
        meshlift_snapshot::redact(&mut reading.objects);
        let injected = reading.objects.pods.iter().any(|pod| pod.metadata.annotation(REV_LABEL).is_some());
        let answers = if injected {
            self.answers(&mut reading, Ask::Proxies { namespace }).await?
        } else {
            BTreeMap::new()
        };
        let proxies = ToldProxies::new(&reading.objects, &answers);
        Ok(workload::view(workload, &reading.objects, &proxies))
    }

    /// What the istiods answer, by pod name; the istiods join the objects that were read.
    async fn answers(
        &self,
        reading: &mut Reading<'_>,
        ask: Ask<'_>,
    ) -> Result<BTreeMap<String, IstiodAnswers>, Failure> {
        let mut found = Reading::new(&self.calls);
        found.need::<Pod>("", ISTIOD).await?;
        let istiods: Vec<Pod> = found.objects.pods.into_iter().filter(is_istiod).collect();
        let (answers, unknown) = self.istiods.answers(&istiods, ask).await;
        reading.unknown.extend(unknown);
        let known: Vec<&str> = reading.objects.pods.iter().map(|pod| pod.metadata.uid.as_str()).collect();
        let new: Vec<Pod> =
            istiods.iter().filter(|pod| !known.contains(&pod.metadata.uid.as_str())).cloned().collect();
        reading.objects.pods.extend(new);
        Ok(answers)
    }

    async fn revision(&self, revision: &RevisionName) -> Result<Observation, Failure> {
        let mut reading = Reading::new(&self.calls);
        reading.need::<Deployment>("", ISTIOD).await?;
        reading.need::<MutatingWebhookConfiguration>("", REV_LABEL).await?;
        let answers = self.answers(&mut reading, Ask::Version).await?;
        Ok(Observation::Revision { revision: revision::view(revision, &reading.objects, &answers) })
    }

    /// What selects revisions: all pods and templates, namespaces, Gateways, webhooks, Services of tags.
    async fn selecting(&self) -> Reading<'_> {
        let mut reading = Reading::new(&self.calls);
        reading.want::<Pod>("").await;
        reading.want::<Namespace>("").await;
        reading.want::<Gateway>("").await;
        reading.want::<MutatingWebhookConfiguration>("").await;
        reading.want::<Service>(TAG_LABEL).await;
        reading.want::<Deployment>("").await;
        reading.want::<StatefulSet>("").await;
        reading.want::<DaemonSet>("").await;
        reading.want::<CronJob>("").await;
        reading
    }

    async fn consumers(&self, revision: &RevisionName) -> Observation {
        let mut reading = self.selecting().await;
        let mut found = consumers::api_consumers(&reading.objects, revision);
        match self.answers(&mut reading, Ask::Proxies { namespace: "" }).await {
            Ok(answers) => {
                let proxies = ToldProxies::new(&reading.objects, &answers);
                found.extend(consumers::connected(&proxies, revision));
            }
            Err(failure) => reading.unknown.push(format!("istiods: {failure}")),
        }
        told(found, reading.unknown)
    }
}

fn told(mut consumers: Vec<String>, unknown: Vec<String>) -> Observation {
    consumers.sort();
    consumers.dedup();
    Observation::Consumers { consumers, unknown }
}

/// The selector of a workload's pods; of one that is not there, whatever: there is nothing to see.
fn selector_of(selector: Option<&LabelSelector>) -> String {
    selector.map(places::selector).unwrap_or_else(|| "meshlift.dev/none".to_owned())
}
