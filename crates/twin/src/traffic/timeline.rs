//! What the log of changes tells of pods, Services and desired replicas, in order of time.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::{
    DaemonSet, Deployment, EndpointSlice, IntOrString, Pod, ReplicaSet, Resource, Service, StatefulSet,
    VirtualService,
};
use meshlift_model::names::ObjectRef;
use meshlift_model::time::Time;

use super::corner::Corner;
use super::life::{Birth, Death, birth, death};
use super::timings::known_millis;
use crate::admission::injector::is_istiod;
use crate::store::{Change, ChangeKind};

/// Label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Endpoints that a Service lists, by uid of their pod (else by address).
pub(super) type Listed = BTreeSet<String>;

/// A pod over time.
#[derive(Clone, Debug)]
pub(super) struct PodLife {
    /// Its last form.
    pub(super) pod: Pod,
    /// Whose pod it is: the Deployment behind a ReplicaSet, or the pod itself.
    pub(super) workload: ObjectRef,
    /// When its containers ran and what followed; absent for pods that ran at the beginning.
    pub(super) birth: Option<(Time, Birth)>,
    /// When its deletion was asked for and what followed.
    pub(super) death: Option<(Time, Death)>,
    /// When it was gone.
    pub(super) gone: Option<Time>,
}

/// A Service over time.
#[derive(Clone, Debug)]
pub(super) struct ServiceLife {
    pub(super) service: Service,
    /// Its list from each time on.
    pub(super) lists: Vec<(Time, Listed)>,
    pub(super) gone: Option<Time>,
}

/// Everything that traffic depends on.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) pods: BTreeMap<String, PodLife>,
    pub(super) services: BTreeMap<ObjectRef, ServiceLife>,
    /// Times at which any list changed, in order.
    pub(super) list_changes: Vec<Time>,
    /// Ready pods of each workload that are not on their way out, from each time on.
    pub(super) ready: BTreeMap<ObjectRef, Vec<(Time, i32)>>,
    /// Desired pods, as they are at the end.
    pub(super) replicas: BTreeMap<ObjectRef, i32>,
    /// What explains a gap of a workload, in words.
    pub(super) manners: BTreeMap<ObjectRef, &'static str>,
    /// Pods that exist and are not finished, from each time on.
    pub(super) pod_count: Vec<(Time, i64)>,
    pub(super) routes: Vec<VirtualService>,
    slices: BTreeMap<ObjectRef, BTreeMap<String, Listed>>,
    /// Owner of each ReplicaSet.
    owners: BTreeMap<ObjectRef, ObjectRef>,
    serving: BTreeMap<ObjectRef, BTreeSet<String>>,
    living: BTreeSet<String>,
}

impl Timeline {
    /// Reads the log of a twin that was loaded at `began`.
    pub(super) fn read(changes: &[Change], began: Time, corner: Corner) -> Self {
        let mut timeline = Self::default();
        for change in changes {
            if let Some(set) = change.of::<ReplicaSet>() {
                timeline.owner(set);
            }
        }
        for change in changes {
            timeline.take(change, began, corner);
        }
        timeline
    }

    fn take(&mut self, change: &Change, began: Time, corner: Corner) {
        if let Some(pod) = change.of::<Pod>() {
            self.pod(change, pod, began, corner);
        } else if let Some(slice) = change.of::<EndpointSlice>() {
            self.slice(change, slice);
        } else if let Some(service) = change.of::<Service>() {
            self.service(change, service);
        } else if let Some(one) = change.of::<Deployment>() {
            self.replicas.insert(one.object_ref(), one.spec.replicas.unwrap_or(1));
            self.manners.insert(one.object_ref(), manner(one));
        } else if let Some(one) = change.of::<StatefulSet>() {
            self.replicas.insert(one.object_ref(), one.spec.replicas.unwrap_or(1));
            self.manners.insert(one.object_ref(), "a StatefulSet never surges");
        } else if let Some(one) = change.of::<DaemonSet>() {
            self.manners.insert(one.object_ref(), "a DaemonSet replaces in place");
            self.replicas.insert(one.object_ref(), one.status.desired_number_scheduled);
        } else if let Some(route) = change.of::<VirtualService>().filter(|_| change.kind == ChangeKind::Added)
        {
            self.routes.push(route.clone());
        }
    }

    fn owner(&mut self, set: &ReplicaSet) {
        if let Some(owner) = set.metadata.controller() {
            let owner = ObjectRef::new(&owner.kind, &set.metadata.namespace, &owner.name);
            self.owners.insert(set.object_ref(), owner);
        }
    }

    fn workload_of(&self, pod: &Pod) -> ObjectRef {
        let Some(owner) = pod.metadata.controller() else { return pod.object_ref() };
        let owner = ObjectRef::new(&owner.kind, &pod.metadata.namespace, &owner.name);
        self.owners.get(&owner).cloned().unwrap_or(owner)
    }

    fn pod(&mut self, change: &Change, pod: &Pod, began: Time, corner: Corner) {
        let (uid, at) = (pod.metadata.uid.clone(), change.at);
        let is_running = |pod: &Pod| pod.status.phase == "Running";
        let loaded = change.kind == ChangeKind::Added && at == began && change.by.is_empty();
        let workload = self.workload_of(pod);
        let life = self.pods.entry(uid.clone()).or_insert_with(|| PodLife {
            pod: pod.clone(),
            workload: workload.clone(),
            birth: None,
            death: None,
            gone: None,
        });
        life.pod = pod.clone();
        if is_running(pod) && !change.before::<Pod>().is_some_and(is_running) && !(loaded && pod.is_ready()) {
            life.birth = Some((at, birth(pod, corner)));
        }
        if let (Some(deadline), None) = (pod.metadata.deletion_timestamp, &life.death) {
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
            let since = if loaded { deadline.plus_seconds(-grace) } else { at };
            life.death = Some((since, death(pod, corner, known_millis(pod, corner))));
        }
        if change.is_deletion() {
            life.gone = Some(at);
            // Deleted without grace: whatever it served ends here.
            if life.death.is_none() && is_running(pod) {
                let mut pod = pod.clone();
                pod.metadata.deletion_grace_period_seconds = Some(0);
                life.death = Some((at, death(&pod, corner, known_millis(&pod, corner))));
            }
        }
        let alive = !change.is_deletion() && !pod.is_finished();
        self.count(&uid, alive, at);
        let serves = alive && pod.is_ready() && pod.metadata.deletion_timestamp.is_none();
        self.count_ready(workload, uid, serves, at);
    }

    fn count(&mut self, uid: &str, alive: bool, at: Time) {
        let changed = if alive { self.living.insert(uid.to_owned()) } else { self.living.remove(uid) };
        if changed {
            step(&mut self.pod_count, at, i64::try_from(self.living.len()).unwrap_or(i64::MAX));
        }
    }

    fn count_ready(&mut self, workload: ObjectRef, uid: String, serves: bool, at: Time) {
        let serving = self.serving.entry(workload.clone()).or_default();
        let changed = if serves { serving.insert(uid) } else { serving.remove(&uid) };
        if changed {
            let count = i32::try_from(serving.len()).unwrap_or(i32::MAX);
            step(self.ready.entry(workload).or_default(), at, count);
        }
    }

    fn slice(&mut self, change: &Change, slice: &EndpointSlice) {
        let Some(name) = slice.metadata.label(SERVICE_NAME) else { return };
        let service = ObjectRef::new(Service::KIND, &slice.metadata.namespace, name);
        let slices = self.slices.entry(service.clone()).or_default();
        if change.is_deletion() {
            slices.remove(&slice.metadata.name);
        } else {
            let ready = slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false));
            let known = |endpoint: &meshlift_model::k8s::Endpoint| {
                let uid = endpoint.target_ref.as_ref().map(|target| target.uid.clone());
                uid.filter(|uid| !uid.is_empty())
                    .or_else(|| endpoint.addresses.first().map(ToString::to_string))
            };
            slices.insert(slice.metadata.name.clone(), ready.filter_map(known).collect());
        }
        let listed: Listed = slices.values().flatten().cloned().collect();
        let Some(life) = self.services.get_mut(&service) else { return };
        if life.lists.last().is_none_or(|(_, last)| *last != listed) {
            step(&mut life.lists, change.at, listed);
            // What a list is at the beginning everybody knows.
            if life.lists.len() > 1 {
                self.list_changes.push(change.at);
            }
        }
    }

    fn service(&mut self, change: &Change, service: &Service) {
        let key = service.object_ref();
        let listed: Listed =
            self.slices.get(&key).into_iter().flat_map(BTreeMap::values).flatten().cloned().collect();
        let life = self.services.entry(key).or_insert_with(|| ServiceLife {
            service: service.clone(),
            lists: vec![(change.at, listed)],
            gone: None,
        });
        life.service = service.clone();
        life.gone = change.is_deletion().then_some(change.at);
    }

    /// True for Services of control planes: no traffic of the mesh goes through them.
    pub(super) fn is_control_plane(&self, life: &ServiceLife) -> bool {
        let listed = life.lists.iter().flat_map(|(_, listed)| listed);
        let mut pods = listed.filter_map(|uid| self.pods.get(uid));
        life.service.metadata.label("app") == Some("istiod") || pods.any(|life| is_istiod(&life.pod))
    }
}

/// What of a Deployment's strategy explains a gap.
fn manner(deployment: &Deployment) -> &'static str {
    let strategy = &deployment.spec.strategy;
    let surge = strategy.rolling_update.as_ref().and_then(|rolling| rolling.max_surge.as_ref());
    match (strategy.type_.as_str(), surge) {
        ("Recreate", _) => "strategy Recreate",
        (_, Some(IntOrString::Int(0))) => "no surge",
        (_, _) => "",
    }
}

/// Appends a value that holds from a time on; of several at one time the last counts.
fn step<T>(steps: &mut Vec<(Time, T)>, at: Time, value: T) {
    if steps.last().is_some_and(|(last, _)| *last == at) {
        steps.pop();
    }
    steps.push((at, value));
}
