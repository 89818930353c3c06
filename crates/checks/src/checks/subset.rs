//! What ML4002 and ML4003 have in common: subsets of DestinationRules.

use std::collections::BTreeMap;

use meshlift_mesh::other_clusters;
use meshlift_model::k8s::{DestinationRule, Resource, Service, StringMap, WorkloadEntry, has_all};
use meshlift_model::names::ObjectRef;

use crate::check::Hit;
use crate::context::Context;

/// Namespace and name of the Service that a host means for an object in `namespace`; `None` for hosts outside of the
/// cluster.
pub(super) fn meant<'h>(host: &'h str, namespace: &'h str) -> Option<(&'h str, &'h str)> {
    let parts: Vec<&str> = host.split('.').collect();
    match parts.as_slice() {
        [name] => Some((namespace, name)),
        [name, namespace] | [name, namespace, "svc", ..] => Some((namespace, name)),
        _ => None,
    }
}

/// The Service that a host means for an object in `namespace`, if it is there.
pub(super) fn service_of<'a>(context: &Context<'a>, host: &str, namespace: &str) -> Option<&'a Service> {
    let (namespace, name) = meant(host, namespace)?;
    context.object::<Service>(&ObjectRef::new("Service", namespace, name))
}

/// True if a pod that is not finished carries the Service's and the subset's labels.
pub(super) fn has_pods(context: &Context<'_>, service: &Service, subset: &StringMap) -> bool {
    let mut wanted = (*service.spec.selector).clone();
    wanted.extend(subset.iter().map(|(key, value)| (key.clone(), value.clone())));
    let pods = context.pods_with(&service.metadata.namespace, &wanted);
    // Both may name a label, and not mean the same.
    pods.iter().any(|pod| !pod.is_finished() && has_all(&pod.metadata.labels, &service.spec.selector))
}

/// What may serve a Service beside the pods that are known.
pub(super) struct Elsewhere<'a> {
    /// A WorkloadEntry of each namespace that has some.
    entries: BTreeMap<&'a str, &'a WorkloadEntry>,
    /// What tells of other clusters, in words.
    clusters: Option<String>,
}

impl<'a> Elsewhere<'a> {
    pub(super) fn new(context: &Context<'a>) -> Self {
        let objects = context.objects();
        let entries = objects.workload_entries.iter().rev();
        Self {
            entries: entries.map(|one| (one.metadata.namespace.as_str(), one)).collect(),
            clusters: other_clusters(objects).next(),
        }
    }

    /// A finding that a Service has no pods: where others may serve it, that is not known.
    pub(super) fn judged(&self, hit: Hit, service: &Service) -> Hit {
        let entry = self.entries.get(service.metadata.namespace.as_str());
        let entry = entry.map(|one| format!("{} may serve it: its labels are not read", one.object_ref()));
        match entry.or_else(|| self.clusters.clone()) {
            Some(why) => hit.because(why).unknown(),
            None => hit,
        }
    }
}

/// DestinationRules by the namespace and name of the Service that they are for.
pub(super) struct Rules<'a>(BTreeMap<(&'a str, &'a str), Vec<&'a DestinationRule>>);

impl<'a> Rules<'a> {
    pub(super) fn new(context: &Context<'a>) -> Self {
        let mut rules: BTreeMap<_, Vec<&DestinationRule>> = BTreeMap::new();
        for rule in &context.objects().destination_rules {
            if let Some(service) = meant(&rule.spec.host, &rule.metadata.namespace) {
                rules.entry(service).or_default().push(rule);
            }
        }
        Self(rules)
    }

    /// Labels of the subsets by that name of a Service.
    pub(super) fn subsets(&self, service: &Service, name: &str) -> Vec<&'a StringMap> {
        let own = (service.metadata.namespace.as_str(), service.metadata.name.as_str());
        let subsets = self.0.get(&own).into_iter().flatten().flat_map(|rule| &rule.spec.subsets);
        subsets.filter(|subset| subset.name == name).map(|subset| &subset.labels).collect()
    }
}
