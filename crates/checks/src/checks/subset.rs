//! What ML4002 and ML4003 have in common: subsets of DestinationRules.

use std::collections::BTreeMap;

use meshlift_model::k8s::{DestinationRule, Service, StringMap, has_all};
use meshlift_model::names::ObjectRef;

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
    let mut pods = context.pods_in(&service.metadata.namespace).iter();
    pods.any(|pod| {
        let has = |wanted: &StringMap| has_all(&pod.metadata.labels, wanted);
        !pod.is_finished() && has(&service.spec.selector) && has(subset)
    })
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
