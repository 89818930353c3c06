//! Objects by namespace, so that no join over a snapshot is quadratic.

use std::borrow::Cow;
use std::collections::BTreeMap;

use meshlift_model::k8s::{
    EndpointSlice, HorizontalPodAutoscaler, PodDisruptionBudget, Resource, ResourceQuota, Service, StringMap,
    has_all,
};
use meshlift_model::snapshot::Snapshot;

use crate::in_order::InOrder;

/// Label that kube-apiserver gives every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A snapshot with its objects by namespace.
pub(crate) struct Index<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Labels of each recorded namespace, as selectors see them.
    namespace_labels: InOrder<&'a str, StringMap>,
    services: InOrder<&'a str, Vec<&'a Service>>,
    budgets: InOrder<&'a str, Vec<&'a PodDisruptionBudget>>,
    autoscalers: InOrder<&'a str, Vec<&'a HorizontalPodAutoscaler>>,
    quotas: InOrder<&'a str, Vec<&'a ResourceQuota>>,
    slices: InOrder<&'a str, BTreeMap<&'a str, Vec<&'a EndpointSlice>>>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let objects = &snapshot.objects;
        let mut slices: BTreeMap<&str, BTreeMap<&str, Vec<&EndpointSlice>>> = BTreeMap::new();
        for slice in &objects.endpoint_slices {
            let service = slice.metadata.label(SERVICE_NAME).unwrap_or_default();
            let here = slices.entry(&slice.metadata.namespace).or_default();
            here.entry(service).or_default().push(slice);
        }
        let labels = objects.namespaces.iter().map(|namespace| {
            (
                namespace.metadata.name.as_str(),
                with_name(&namespace.metadata.name, &namespace.metadata.labels),
            )
        });
        Self {
            snapshot,
            namespace_labels: labels.collect(),
            services: by_namespace(&objects.services),
            budgets: by_namespace(&objects.disruption_budgets),
            autoscalers: by_namespace(&objects.autoscalers),
            quotas: by_namespace(&objects.resource_quotas),
            slices: slices.into_iter().collect(),
        }
    }

    /// Labels of a namespace as selectors see them, and whether the namespace was recorded.
    pub(crate) fn labels_of(&self, namespace: &str) -> (Cow<'_, StringMap>, bool) {
        match self.namespace_labels.get(namespace) {
            Some(labels) => (Cow::Borrowed(labels), true),
            None => (Cow::Owned(with_name(namespace, &StringMap::new())), false),
        }
    }

    /// All recorded namespaces and their labels, as selectors see them.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = (&'a str, &StringMap)> {
        self.namespace_labels.iter().map(|(name, labels)| (*name, labels))
    }

    pub(crate) fn services(&self, namespace: &str) -> &[&'a Service] {
        slice_of(&self.services, namespace)
    }

    pub(crate) fn budgets(&self, namespace: &str) -> &[&'a PodDisruptionBudget] {
        slice_of(&self.budgets, namespace)
    }

    pub(crate) fn autoscalers(&self, namespace: &str) -> &[&'a HorizontalPodAutoscaler] {
        slice_of(&self.autoscalers, namespace)
    }

    pub(crate) fn quotas(&self, namespace: &str) -> &[&'a ResourceQuota] {
        slice_of(&self.quotas, namespace)
    }

    /// EndpointSlices of a Service.
    pub(crate) fn slices(&self, namespace: &str, service: &str) -> &[&'a EndpointSlice] {
        let found = self.slices.get(namespace).and_then(|services| services.get(service));
        found.map_or(&[], Vec::as_slice)
    }

    /// Why a kind cannot be judged, in words; `None` where it was read, or is known to be absent.
    pub(crate) fn doubt<R: Resource>(&self) -> Option<String> {
        doubt(self.snapshot, R::RESOURCE)
    }
}

/// Why a source cannot be judged, in words.
pub(crate) fn doubt(snapshot: &Snapshot, source: &str) -> Option<String> {
    use meshlift_model::snapshot::SourceStatus as S;
    match snapshot.source(source) {
        S::Read { .. } | S::Absent => None,
        S::Refused { reason } => Some(format!("{source} was refused: {reason}")),
        S::Broken { reason } => Some(format!("{source} could not be read: {reason}")),
    }
}

/// Objects of a list by namespace, in the order of their names.
#[must_use]
pub fn by_namespace<R: Resource>(list: &[R]) -> InOrder<&str, Vec<&R>> {
    let mut map: BTreeMap<&str, Vec<&R>> = BTreeMap::new();
    // Most lists come in the order of their namespaces.
    for here in list.chunk_by(|one, next| one.meta().namespace == next.meta().namespace) {
        map.entry(&here[0].meta().namespace).or_default().extend(here);
    }
    map.values_mut().for_each(|objects| objects.sort_by(|a, b| a.meta().name.cmp(&b.meta().name)));
    map.into_iter().collect()
}

/// True if labels have all that a plain selector (of a Service, an Istio Gateway) asks for. An empty one
/// selects nothing.
pub(crate) fn selects(selector: &StringMap, labels: &StringMap) -> bool {
    !selector.is_empty() && has_all(labels, selector)
}

/// The first by namespace and name that satisfies a condition, whatever the order of the list.
pub(crate) fn first<R: Resource>(list: &[R], keep: impl Fn(&R) -> bool) -> Option<&R> {
    let key = |object: &&R| (object.meta().namespace.clone(), object.meta().name.clone());
    list.iter().filter(|object| keep(object)).min_by_key(key)
}

fn with_name(name: &str, labels: &StringMap) -> StringMap {
    let mut labels = labels.clone();
    labels.entry(NAMESPACE_NAME.to_owned()).or_insert_with(|| name.to_owned());
    labels
}

fn slice_of<'m, T>(map: &'m InOrder<&str, Vec<T>>, namespace: &str) -> &'m [T] {
    map.get(namespace).map_or(&[], Vec::as_slice)
}
