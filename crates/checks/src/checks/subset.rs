//! What ML4002 and ML4003 have in common: subsets of DestinationRules.

use meshlift_model::k8s::{DestinationRule, Service, StringMap};

use crate::context::Context;

/// The namespace and name of the Service that a host means for an object in `namespace`; `None` for hosts
/// outside of the cluster.
pub(super) fn service_of<'a>(context: &Context<'a>, host: &str, namespace: &str) -> Option<&'a Service> {
    let parts: Vec<&str> = host.split('.').collect();
    let (name, namespace) = match parts.as_slice() {
        [name] => (*name, namespace),
        [name, namespace] | [name, namespace, "svc", ..] => (*name, *namespace),
        _ => return None,
    };
    let services = &context.objects().services;
    services.iter().find(|service| service.metadata.name == name && service.metadata.namespace == namespace)
}

/// True if a pod that runs, or a workload that makes pods, carries the Service's and the subset's labels.
pub(super) fn has_pods(context: &Context<'_>, service: &Service, subset: &StringMap) -> bool {
    let selects = |namespace: &str, labels: &StringMap| {
        namespace == service.metadata.namespace
            && service.spec.selector.iter().chain(subset).all(|(key, value)| labels.get(key) == Some(value))
    };
    let objects = context.objects();
    let mut pods = objects.pods.iter().filter(|pod| !pod.is_finished());
    pods.any(|pod| selects(&pod.metadata.namespace, &pod.metadata.labels))
}

/// Subsets by that name of the rules for a Service.
pub(super) fn subsets<'a>(
    context: &Context<'a>,
    service: &Service,
    name: &str,
) -> Vec<(&'a DestinationRule, &'a StringMap)> {
    let same = |rule: &&DestinationRule| {
        service_of(context, &rule.spec.host, &rule.metadata.namespace)
            .is_some_and(|found| found.metadata.path() == service.metadata.path())
    };
    let rules = context.objects().destination_rules.iter().filter(same);
    rules
        .flat_map(|rule| rule.spec.subsets.iter().map(move |subset| (rule, subset)))
        .filter(|(_, subset)| subset.name == name)
        .map(|(rule, subset)| (rule, &subset.labels))
        .collect()
}
