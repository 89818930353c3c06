//! Answers to questions: from objects, and from what the istiods know.

use std::collections::BTreeSet;

use meshlift_model::defaults::REV_LABEL;
use meshlift_model::digest::short_digest;
use meshlift_model::effect::{InjectionProof, Observation, Outcome, Query, RevisionView};
use meshlift_model::k8s::{Deployment, Gateway, MutatingWebhookConfiguration, Object, Pod, Resource};
use meshlift_model::names::{IstioVersion, ObjectRef, RevisionName};
use serde_json::Value;

use super::changes::unsupported;
use super::{TwinWorld, consumers, tags, workload};
use crate::admission::{self, injector};
use crate::error::ApiError;
use crate::faults::workload_of;
use crate::istiod;
use crate::store::Store;

/// Kind by which effects name the objects of a tag.
const TAG_GROUP: &str = "RevisionTag";

impl TwinWorld {
    /// Answers a question.
    pub(super) fn answer(&mut self, query: &Query) -> Outcome {
        let store = &self.twin.cluster.store;
        let observation = match query {
            Query::Object { object } => Observation::Object {
                object: store.object(object).map(|found| Box::new(Object::clone(found))),
            },
            Query::Stored { object } => Observation::Stored { objects: stored(store, object) },
            Query::Workload { workload } => {
                let view = self.istiods().and_then(|istiods| workload::view(workload, store, istiods));
                Observation::Workload { workload: view.map(Box::new) }
            }
            Query::Tag { tag } => {
                let (webhook, service) = tags::forms(store, tag);
                Observation::Tag { webhook, service }
            }
            Query::DryRun { namespace, workloads, count } => {
                Observation::DryRun { proofs: self.dry_run(namespace, workloads, *count) }
            }
            Query::Revision { revision } => Observation::Revision { revision: self.revision(revision) },
            Query::Consumers { revision } => {
                let mut found = consumers::api_consumers(store, revision);
                found.extend(consumers::connected(self.istiods(), revision));
                self.consumers(found)
            }
            Query::Followers { tag } => {
                let found = consumers::followers(store, tag);
                self.consumers(found)
            }
            Query::Census => census(store),
            Query::Findings => {
                return unsupported("checks are not run by this world; whoever runs them answers");
            }
        };
        Outcome::Observed { observation }
    }

    /// Sources that the recording could not read stay unread here.
    fn consumers(&self, mut consumers: Vec<String>) -> Observation {
        consumers.sort();
        consumers.dedup();
        let unread = |of: fn(&meshlift_model::snapshot::IstiodAnswers) -> bool| {
            !self.source.istiods.is_empty() && !self.source.istiods.values().any(of)
        };
        let unknown = unread(|told| told.connections.is_some() || told.syncz.is_some())
            .then(|| "connections of istiods were not recorded".to_owned());
        Observation::Consumers { consumers, unknown: unknown.into_iter().collect() }
    }

    fn dry_run(&mut self, namespace: &str, workloads: &[ObjectRef], count: usize) -> Vec<InjectionProof> {
        let known: Vec<&ObjectRef> =
            workloads.iter().filter(|workload| workload.namespace == namespace).collect();
        (0..count)
            .filter_map(|number| known.get(number % known.len().max(1)))
            .map(|workload| self.proof(workload))
            .collect()
    }

    fn proof(&mut self, workload: &ObjectRef) -> InjectionProof {
        let answer = |revision, refused| InjectionProof { workload: workload.clone(), revision, refused };
        let Some(mut pod) = workload::new_pod(workload, &self.twin.cluster.store) else {
            return answer(None, Some(format!("{workload} has no pod template")));
        };
        if pod.metadata.generate_name.is_empty() {
            pod.metadata.generate_name = format!("{}-", workload.name);
        }
        pod.metadata.name.clear();
        match self.twin.cluster.dry_run_pod(pod.clone()) {
            Ok(admitted) => answer(revision_of(&admitted), None),
            // A quota or policy proves nothing about injection: the injector is asked directly.
            Err(ApiError::Forbidden { message }) => {
                let asked = admission::review(&self.twin.cluster.store, pod).ok();
                answer(asked.and_then(|(pod, _)| revision_of(&pod)), Some(message))
            }
            Err(error) => answer(None, Some(error.to_string())),
        }
    }

    fn revision(&self, revision: &RevisionName) -> Option<RevisionView> {
        let store = &self.twin.cluster.store;
        let is_own = |label: Option<&str>| label == Some(revision.as_str());
        let deployment = store
            .list_all::<Deployment>()
            .find(|one| one.metadata.label("app") == Some("istiod") && is_own(one.metadata.label(REV_LABEL)));
        let roots = root_cas(store);
        if deployment.is_none() && !roots.iter().any(|(of, _)| of == revision) {
            return None;
        }
        let answers =
            self.istiods().map(|istiods| istiod::answers(istiods, store, &self.source)).unwrap_or_default();
        let istiods: Vec<&Pod> = store
            .list_all::<Pod>()
            .filter(|pod| injector::revision_of_istiod(pod).as_ref() == Some(revision) && !pod.is_finished())
            .collect();
        let ready =
            istiods.iter().filter(|pod| pod.is_ready() && pod.metadata.deletion_timestamp.is_none()).count();
        let mut versions: Vec<IstioVersion> = istiods
            .iter()
            .filter_map(|pod| IstioVersion::from_loose(answers.get(&pod.metadata.name)?.version.as_deref()?))
            .collect();
        versions.dedup();
        let of = |own: bool| {
            let mut roots: Vec<String> = roots
                .iter()
                .filter(|(of, _)| (of == revision) == own)
                .map(|(_, root)| root.clone())
                .collect();
            roots.sort();
            roots.dedup();
            roots
        };
        Some(RevisionView {
            revision: revision.clone(),
            version: if versions.len() == 1 { versions.pop() } else { None },
            ready: i32::try_from(ready).unwrap_or(i32::MAX),
            replicas: deployment.and_then(|one| one.spec.replicas).unwrap_or(0),
            root_ca: of(true).into_iter().next(),
            other_root_cas: of(false),
        })
    }
}

fn revision_of(pod: &Pod) -> Option<RevisionName> {
    injector::status_of(pod).map(|status| RevisionName::new(status.revision))
}

/// Root CAs by revision, as each revision's istiods wrote them into their webhooks.
fn root_cas(store: &Store) -> Vec<(RevisionName, String)> {
    let webhooks = store.list_all::<MutatingWebhookConfiguration>().filter_map(|one| {
        let bundle = &one.webhooks.first()?.client_config.ca_bundle;
        let root = (!bundle.is_empty()).then(|| short_digest(bundle.as_bytes()))?;
        Some((RevisionName::new(one.metadata.label(REV_LABEL)?), root))
    });
    webhooks.collect()
}

fn stored(store: &Store, object: &ObjectRef) -> Vec<Value> {
    let refs = if object.kind == TAG_GROUP {
        tags::refs(store, &object.name.as_str().into())
    } else {
        vec![object.clone()]
    };
    refs.iter().filter_map(|reference| store.object(reference)?.to_value().ok()).collect()
}

/// Every workload with the revisions that its pods are on, and every Gateway. Pods come and go by themselves on
/// the same revision (an autoscaler, an eviction): that moves nothing. istiod's own pods and those of Jobs do not
/// count.
fn census(store: &Store) -> Observation {
    let counts = |pod: &&Pod| {
        let by_job = pod.metadata.controller().is_some_and(|owner| owner.kind == "Job");
        !pod.is_finished() && !by_job && !injector::is_istiod(pod)
    };
    let pods: Vec<&Pod> = store.list_all::<Pod>().filter(counts).collect();
    let revision = |pod: &Pod| pod.metadata.annotation(REV_LABEL).unwrap_or("-").to_owned();
    let lines: BTreeSet<String> =
        pods.iter().map(|pod| format!("{} {}\n", workload_of(pod, store), revision(pod))).collect();
    let mut text: String = lines.into_iter().collect();
    for gateway in store.list_all::<Gateway>() {
        text.push_str(&format!("{} {}\n", gateway.object_ref(), gateway.metadata.generation));
    }
    Observation::Census { pods: pods.len(), digest: short_digest(text.as_bytes()) }
}
