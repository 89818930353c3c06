//! A recorded mesh with few of its workloads: small enough to try something at every moment of a run.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{Namespace, Object, ObjectMeta, Objects, Pod, Shared, StringMap};
use meshlift_model::names::ObjectRef;
use meshlift_model::selector::LabelSelector;
use meshlift_model::snapshot::Snapshot;

/// Kinds that make pods, pods among them.
const WORKLOADS: [&str; 7] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"];
/// Routing between workloads; it would name some that are not there any more.
const ROUTING: [&str; 3] = ["VirtualService", "DestinationRule", "ServiceEntry"];
/// Label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The snapshot with these workloads and what belongs to them alone: their namespaces, Services, budgets and
/// autoscalers. Namespaces of `system` stay whole.
#[must_use]
pub fn only(snapshot: &Snapshot, keep: &BTreeSet<ObjectRef>, system: &[&str]) -> Snapshot {
    let all = snapshot.objects.to_vec();
    let cut = Cut::new(&all, keep, system);
    let mut objects = Objects::default();
    all.iter().filter(|object| cut.stays(object)).cloned().for_each(|object| objects.push(object));
    objects.sort();
    let mut few = Snapshot { objects, ..snapshot.clone() };
    disconnect(&mut few, snapshot);
    few
}

/// Pods that are gone are not connected any more.
fn disconnect(few: &mut Snapshot, all: &Snapshot) {
    let proxies = |objects: &Objects| -> BTreeSet<String> {
        let pods = objects.pods.iter().map(|pod| &pod.metadata);
        pods.map(|pod| format!("{}.{}", pod.name, pod.namespace)).collect()
    };
    let (left, were) = (proxies(&few.objects), proxies(&all.objects));
    let is_gone = |proxy: &str| were.contains(proxy) && !left.contains(proxy);
    for answers in few.istiods.values_mut() {
        answers.syncz.iter_mut().for_each(|all| all.retain(|one| !is_gone(&one.proxy)));
        answers.connections.iter_mut().for_each(|all| all.retain(|one| !is_gone(one.proxy())));
    }
}

struct Cut<'a> {
    keep: &'a BTreeSet<ObjectRef>,
    system: &'a [&'a str],
    makers: BTreeMap<ObjectRef, ObjectRef>,
    namespaces: BTreeSet<&'a str>,
    /// Labels of the pods that stay, by namespace.
    pods: BTreeMap<String, Vec<Shared<StringMap>>>,
}

impl<'a> Cut<'a> {
    fn new(all: &[Object], keep: &'a BTreeSet<ObjectRef>, system: &'a [&'a str]) -> Self {
        let maker = |object: &Object| {
            let me = reference(object);
            let owner = object.meta().controller()?;
            let owner = ObjectRef::new(&owner.kind, &me.namespace, &owner.name);
            Some((me, owner))
        };
        let namespaces = keep.iter().map(|one| one.namespace.as_str()).chain(system.iter().copied());
        let mut cut = Self {
            keep,
            system,
            makers: all.iter().filter_map(maker).collect(),
            namespaces: namespaces.collect(),
            pods: BTreeMap::new(),
        };
        for object in all {
            if let Object::Pod(Pod { metadata, .. }) = object
                && cut.is_kept(object)
            {
                let ObjectMeta { namespace, labels, .. } = metadata.clone();
                cut.pods.entry(namespace.to_string()).or_default().push(labels);
            }
        }
        cut
    }

    /// True for a workload to keep, and what it made.
    fn is_kept(&self, object: &Object) -> bool {
        let mut top = reference(object);
        while let Some(maker) = self.makers.get(&top) {
            top = maker.clone();
        }
        self.keep.contains(&top) || self.is_system(&top.namespace)
    }

    fn is_system(&self, namespace: &str) -> bool {
        self.system.contains(&namespace)
    }

    fn selects(&self, namespace: &str, selector: &LabelSelector) -> bool {
        self.pods.get(namespace).is_some_and(|pods| pods.iter().any(|labels| selector.matches(labels)))
    }

    fn stays(&self, object: &Object) -> bool {
        let (kind, meta) = (object.info().kind, object.meta());
        let namespace = meta.namespace.as_str();
        match object {
            Object::Namespace(Namespace { metadata, .. }) => self.namespaces.contains(metadata.name.as_str()),
            _ if namespace.is_empty() || self.is_system(namespace) => true,
            _ if !self.namespaces.contains(namespace) || ROUTING.contains(&kind) => false,
            _ if WORKLOADS.contains(&kind) => self.is_kept(object),
            Object::PodDisruptionBudget(budget) => {
                budget.spec.selector.as_ref().is_some_and(|selector| self.selects(namespace, selector))
            }
            Object::HorizontalPodAutoscaler(autoscaler) => {
                let target = &autoscaler.spec.scale_target_ref;
                self.keep.contains(&ObjectRef::new(&target.kind, namespace, &target.name))
            }
            Object::Service(service) => {
                self.selects(namespace, &LabelSelector::of_labels(&service.spec.selector))
            }
            Object::EndpointSlice(slice) => {
                slice.metadata.label(SERVICE_NAME).is_none_or(|_| self.serves(slice))
            }
            _ => true,
        }
    }

    /// True if a pod that stays is behind the slice.
    fn serves(&self, slice: &meshlift_model::k8s::EndpointSlice) -> bool {
        let kept = |name: &str| {
            let mut top = ObjectRef::new("Pod", &slice.metadata.namespace, name);
            while let Some(maker) = self.makers.get(&top) {
                top = maker.clone();
            }
            self.keep.contains(&top)
        };
        let targets = slice.endpoints.iter().filter_map(|endpoint| endpoint.target_ref.as_ref());
        targets.into_iter().any(|target| kept(&target.name))
    }
}

fn reference(object: &Object) -> ObjectRef {
    let meta = object.meta();
    ObjectRef::new(object.info().kind, &meta.namespace, &meta.name)
}
