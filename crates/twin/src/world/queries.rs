//! Answers to questions: from objects, and from what the istiods know.

use meshlift_model::effect::{InjectionProof, Observation, Outcome, Query, RevisionView};
use meshlift_model::k8s::{Object, Pod, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::time::Time;
use meshlift_views::{Link, ObjectSource, Proxies, census, consumers, revision, tags, workload};
use serde_json::Value;

use super::changes::unsupported;
use super::{TwinWorld, new_pod};
use crate::admission::{self, injector};
use crate::error::ApiError;
use crate::istiod::{self, Istiods};
use crate::store::Store;

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
                let view = workload::view(workload, store, &self.linked());
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
                found.extend(consumers::connected(&self.linked(), revision));
                self.consumers(found)
            }
            Query::Followers { tag } => {
                let found = consumers::followers(store, tag);
                self.consumers(found)
            }
            Query::Census => census::census(store),
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
        let Some(mut pod) = new_pod::new_pod(workload, &self.twin.cluster.store) else {
            return answer(None, Some(format!("{workload} has no pod template")));
        };
        if pod.metadata.generate_name.is_empty() {
            pod.metadata.generate_name = format!("{}-", workload.name).into();
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
        let answers =
            self.istiods().map(|istiods| istiod::answers(istiods, store, &self.source)).unwrap_or_default();
        revision::view(revision, store, &answers)
    }

    fn linked(&self) -> Linked<'_> {
        Linked { istiods: self.istiods(), now: self.twin.now() }
    }
}

/// The connections of all proxies, now.
struct Linked<'a> {
    istiods: Option<&'a Istiods>,
    now: Time,
}

impl Proxies for Linked<'_> {
    fn link(&self, pod: &Pod) -> Option<Link> {
        let link = self.istiods?.link(&pod.object_ref())?;
        let own = (link.pod_uid == pod.metadata.uid).then_some(link)?;
        let nack = own.nack().map(str::to_owned);
        Some(Link { revision: own.revision.clone(), synced: own.is_synced(self.now), nack })
    }

    fn connected_to(&self, revision: &RevisionName) -> Vec<ObjectRef> {
        let links = self.istiods.into_iter().flat_map(|istiods| istiods.links());
        links.filter(|(_, link)| link.revision == *revision).map(|(pod, _)| pod.clone()).collect()
    }
}

impl ObjectSource for Store {
    fn get<R: Resource + 'static>(&self, namespace: &str, name: &str) -> Option<&R> {
        Self::get(self, namespace, name)
    }

    fn list_all<R: Resource + 'static>(&self) -> impl Iterator<Item = &R> {
        Self::list_all(self)
    }

    fn owned_by<R: Resource + 'static>(&self, uid: &str) -> impl Iterator<Item = &R> {
        Self::owned_by(self, uid)
    }
}

fn revision_of(pod: &Pod) -> Option<RevisionName> {
    injector::status_of(pod).map(|status| RevisionName::new(status.revision))
}

fn stored(store: &Store, object: &ObjectRef) -> Vec<Value> {
    let refs = if object.kind == tags::TAG_GROUP {
        tags::refs(store, &object.name.as_str().into())
    } else {
        vec![object.clone()]
    };
    refs.iter().filter_map(|reference| store.object(reference)?.to_value().ok()).collect()
}
