//! Objects by namespace, so that no join over a snapshot is quadratic.

use std::borrow::Cow;
use std::collections::BTreeMap;

use meshlift_model::k8s::{
    Empty, EndpointSlice, HorizontalPodAutoscaler, PodDisruptionBudget, Resource, ResourceQuota, Service,
    StringMap, has_all,
};
use meshlift_model::snapshot::Snapshot;

use crate::by_label::Selectors;
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
    services: InOrder<&'a str, Selectors<'a, Service>>,
    budgets: InOrder<&'a str, Selectors<'a, PodDisruptionBudget>>,
    /// By namespace, kind and name of what they scale.
    autoscalers: InOrder<(&'a str, &'a str, &'a str), &'a HorizontalPodAutoscaler>,
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
            services: selectors(&objects.services, |service| &service.spec.selector),
            budgets: selectors(&objects.disruption_budgets, demanded),
            autoscalers: autoscalers(&objects.autoscalers),
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

    pub(crate) fn service(&self, namespace: &str, name: &str) -> Option<&'a Service> {
        let here = self.services.get(namespace)?.all();
        let place = here.binary_search_by(|one| one.metadata.name.as_str().cmp(name)).ok()?;
        here.get(place).copied()
    }

    /// Services of a namespace that may select pods with these labels, by name.
    pub(crate) fn services(&self, namespace: &str, labels: &StringMap) -> Cow<'_, [&'a Service]> {
        self.services.get(namespace).map_or(Cow::Borrowed(&[]), |here| here.near(labels))
    }

    /// Budgets of a namespace that may select pods with these labels, by name.
    pub(crate) fn budgets(&self, namespace: &str, labels: &StringMap) -> Cow<'_, [&'a PodDisruptionBudget]> {
        self.budgets.get(namespace).map_or(Cow::Borrowed(&[]), |here| here.near(labels))
    }

    /// What scales a workload; of several, the first by name.
    pub(crate) fn autoscaler(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
    ) -> Option<&'a HorizontalPodAutoscaler> {
        self.autoscalers.get(&(namespace, kind, name)).copied()
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

fn autoscalers(list: &[HorizontalPodAutoscaler]) -> InOrder<(&str, &str, &str), &HorizontalPodAutoscaler> {
    let mut all: Vec<&HorizontalPodAutoscaler> = list.iter().collect();
    // The first by name is to stay.
    all.sort_by(|one, other| other.metadata.name.cmp(&one.metadata.name));
    let of_target = all.into_iter().map(|one| {
        let target = &one.spec.scale_target_ref;
        ((one.metadata.namespace.as_str(), target.kind.as_str(), target.name.as_str()), one)
    });
    of_target.collect()
}

fn demanded(budget: &PodDisruptionBudget) -> &StringMap {
    budget.spec.selector.as_ref().map_or(StringMap::EMPTY, |selector| &selector.match_labels)
}

/// What selects by labels, by namespace, and the labels that each demands.
pub fn selectors<'a, R: Resource>(
    list: &'a [R],
    demanded: impl Fn(&'a R) -> &'a StringMap + Copy,
) -> InOrder<&'a str, Selectors<'a, R>> {
    let here = by_namespace(list).into_iter();
    here.map(|(namespace, all)| (namespace, Selectors::new(all, demanded))).collect()
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
