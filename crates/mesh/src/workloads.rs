//! Workloads: what decides their injection, and everything around them that a restart meets.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Pod, Resource, Service, Shared, StringMap};
use meshlift_model::names::{ObjectRef, ObjectWords, RevisionName};
use meshlift_model::selector::LabelSelector;

use crate::bare::BarePod;
use crate::control::is_istiod;
use crate::drafts::{Draft, PodsByOwner, running};
use crate::facts::{Injection, PodFacts, Role, Workload};
use crate::index::{Index, selects};
use crate::injected::as_injected;
use crate::injector::Injectors;
use crate::proxy::{Managed, is_cni, is_gateway, is_ztunnel, managed};

/// Label that enrols pods and namespaces in ambient mode, or keeps pods out.
pub(crate) const DATAPLANE_MODE: &str = "istio.io/dataplane-mode";

/// Why no webhook has a say over gateways and waypoints that istiod makes.
pub(crate) const MADE_FOR_GATEWAY: &str =
    "istiod's Gateway controller makes it: who owns its Gateway decides";

/// What workloads are made from.
pub(crate) struct Workshop<'w, 'a> {
    pub(crate) index: &'w Index<'a>,
    pub(crate) injectors: &'w Injectors<'a>,
    pub(crate) pods: &'w PodsByOwner<'a>,
}

impl Workshop<'_, '_> {
    /// The whole workload.
    pub(crate) fn workload(&self, draft: Draft<'_>) -> Workload {
        let namespace = draft.workload.namespace.as_str();
        let bare = BarePod::of_template(namespace, &draft.template);
        let labels = &draft.template.metadata.labels;
        let role = role(&draft);
        let on_restart = match role {
            Role::ManagedGateway | Role::Waypoint => Injection::nothing(MADE_FOR_GATEWAY.to_owned()),
            Role::App | Role::InjectedGateway | Role::Istiod | Role::Ztunnel | Role::Cni => {
                self.injectors.inject(&bare)
            }
        };
        let (pods, facts) = running(self.pods, &draft.workload);
        let injected = as_injected(&draft, &on_restart, &pods, self);
        // Where its pods say so too, in one place: what is one and the same needs no comparison.
        let workload = self.pods.entry(&draft.workload).map_or(&draft.workload, |(owner, _)| *owner).clone();
        Workload {
            uid: draft.metadata.uid.clone(),
            role,
            replicas: draft.replicas,
            follows: on_restart.follows.clone(),
            pod_bound: self.injectors.is_by_pod(namespace, labels),
            ignored: self.injectors.ignored_of_pod(namespace, labels),
            pods: facts.iter().map(|facts| facts.pod.clone()).collect(),
            now: now(&facts),
            as_injected: injected,
            services: self.services(&draft, &pods),
            budgets: self.budgets(namespace, labels),
            autoscaler: self.autoscaler(&draft.workload),
            quotas: self.index.quotas(namespace).iter().map(|quota| quota.object_ref()).collect(),
            managed_by: draft.managed_by,
            ambient: is_enrolled(&self.index.labels_of(namespace).0, &bare),
            on_restart: on_restart.into(),
            workload,
            template: draft.template,
            rules: draft.rules,
            state: draft.state,
            min_ready_seconds: draft.min_ready_seconds,
        }
    }

    /// Services that select the pods. Labels that only single pods carry (a StatefulSet's pod name) count too.
    fn services(&self, draft: &Draft<'_>, pods: &[&Pod]) -> Vec<ObjectRef> {
        let template = &draft.template.metadata.labels;
        let by_pod = draft.workload.kind == "StatefulSet";
        let of_pods = pods.iter().filter(|_| by_pod).map(|pod| &*pod.metadata.labels);
        let mut found: Vec<&Service> = Vec::new();
        for labels in std::iter::once(&**template).chain(of_pods) {
            let near = self.index.services(&draft.workload.namespace, labels);
            let selecting = near.iter().filter(|service| selects(&service.spec.selector, labels));
            found.extend(selecting.filter(|service| service.spec.type_ != "ExternalName"));
        }
        if by_pod {
            found.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
            found.dedup_by(|one, other| one.metadata.name == other.metadata.name);
        }
        found.into_iter().map(Resource::object_ref).collect()
    }

    fn budgets(&self, namespace: &str, labels: &StringMap) -> Vec<ObjectRef> {
        let covers = |selector: &Option<LabelSelector>| {
            selector.as_ref().is_some_and(|selector| selector.matches(labels))
        };
        let near = self.index.budgets(namespace, labels);
        let covering = near.iter().filter(|budget| covers(&budget.spec.selector));
        covering.map(|budget| budget.object_ref()).collect()
    }

    fn autoscaler(&self, workload: &ObjectRef) -> Option<ObjectRef> {
        let ObjectWords { kind, namespace, name } = &**workload;
        self.index.autoscaler(namespace, kind, name).map(Resource::object_ref)
    }
}

/// Pods by the revision that they carry.
fn now(pods: &[&PodFacts]) -> Shared<BTreeMap<Option<RevisionName>, usize>> {
    let mut now: BTreeMap<_, usize> = BTreeMap::new();
    for pod in pods {
        *now.entry(pod.revision.clone()).or_default() += 1;
    }
    now.into()
}

/// What a workload is to the mesh, by the labels and containers of its pods.
fn role(draft: &Draft<'_>) -> Role {
    let labels = &draft.template.metadata.labels;
    if is_istiod(labels) {
        return Role::Istiod;
    }
    if is_ztunnel(labels) {
        return Role::Ztunnel;
    }
    if is_cni(labels) {
        return Role::Cni;
    }
    match managed(labels).or_else(|| managed(&draft.metadata.labels)) {
        Some(Managed::Gateway) => Role::ManagedGateway,
        Some(Managed::Waypoint) => Role::Waypoint,
        None if is_gateway(&draft.template.metadata.annotations, &draft.template.spec) => {
            Role::InjectedGateway
        }
        None => Role::App,
    }
}

/// True for pods that ambient should capture (istio: cni/README.md, "Selection API").
pub(crate) fn is_enrolled(namespace: &StringMap, pod: &BarePod<'_>) -> bool {
    let mode = pod.labels().get(DATAPLANE_MODE).map(String::as_str);
    let by_namespace = namespace.get(DATAPLANE_MODE).is_some_and(|mode| mode == "ambient");
    !pod.host_network() && (mode == Some("ambient") || (by_namespace && mode != Some("none")))
}
