//! The actor that plays faults, under each fault's own name.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::defaults::{INJECTION_LABEL, REV_LABEL};
use meshlift_model::k8s::{DaemonSet, Deployment, Namespace, Pod, PodTemplateSpec, Resource, StatefulSet};
use meshlift_model::names::ObjectRef;
use meshlift_views::source::workload_of;

use super::{Fault, FaultKind, Trigger};
use crate::actor::{Actor, Requeue, Wakes};
use crate::admission::injector::{PROXY, is_istiod, revision_of_istiod};
use crate::cluster::Cluster;
use crate::controllers::pods;
use crate::error::ApiError;
use crate::kubelet;
use crate::store::{Change, DeleteOptions, reference};
use crate::world::PORT;

/// Name of the actor.
pub(super) const NAME: &str = "fault";
/// Kind of its keys.
const KIND: &str = "Fault";
/// The kubelet waits so long before it starts a crashed container again, doubled each time
/// (`kubernetes/pkg/kubelet`, `MaxContainerBackOff` and its base), and then it starts.
const BACK_OFF_MILLIS: i64 = 10_000;
/// See [`BACK_OFF_MILLIS`].
const BACK_OFF_MILLIS_MAX: i64 = 300_000;
/// From a container's new start to Ready: assumption.
const START_MILLIS: i64 = 5_000;
/// An app that crashes again and again is Ready so long each time: assumption.
const READY_MILLIS: i64 = 8_000;

pub(super) fn key(index: usize) -> ObjectRef {
    ObjectRef::cluster(KIND, &index.to_string())
}

/// A pod that crashes.
#[derive(Clone, Debug)]
struct Crashing {
    pod: ObjectRef,
    uid: String,
    crashes: u32,
    is_down: bool,
}

/// The actor.
#[derive(Clone, Default)]
pub(super) struct Player {
    /// Faults whose event has come.
    struck: BTreeSet<usize>,
    /// New pods of a fault's victim that were Ready so far.
    ready: BTreeMap<usize, u32>,
    crashing: BTreeMap<usize, Crashing>,
}

impl Player {
    /// A new pod of the victim became Ready: counts it; true if it is the one.
    fn counts(&mut self, index: usize, number: u32, pod: &Pod) -> bool {
        let ready = self.ready.entry(index).or_default();
        *ready += 1;
        let is_it = *ready == number;
        if is_it {
            self.arm(index, pod);
        }
        is_it
    }

    fn arm(&mut self, index: usize, pod: &Pod) {
        let (pod, uid) = (pod.object_ref(), pod.metadata.uid.clone());
        self.crashing.insert(index, Crashing { pod, uid, crashes: 0, is_down: false });
    }

    /// Lets the pod's app crash, or brings it up again.
    fn crash(&mut self, index: usize, fault: &Fault, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        if !self.crashing.contains_key(&index) {
            let serves = |pod: &&Pod| pods::is_active(pod) && pod.is_ready();
            let pods = cluster.store.list::<Pod>(&fault.victim.namespace).filter(serves);
            let mut own = pods.filter(|pod| workload_of(pod, &cluster.store) == fault.victim);
            if let Some(pod) = own.next() {
                self.arm(index, pod);
            }
        }
        let Some(crashing) = self.crashing.get_mut(&index) else { return Ok(Requeue::Done) };
        let pod = cluster.store.get::<Pod>(&crashing.pod.namespace, &crashing.pod.name);
        let Some(mut pod) =
            pod.filter(|pod| pod.metadata.uid == crashing.uid && pods::is_active(pod)).cloned()
        else {
            return Ok(Requeue::Done);
        };
        let now = cluster.now();
        crashing.is_down = !crashing.is_down;
        kubelet::set_ready(&mut pod, !crashing.is_down, now.whole_second());
        let next = if crashing.is_down {
            crashing.crashes += 1;
            let app = pod.status.container_statuses.iter_mut().find(|state| state.name != PROXY);
            if let Some(app) = app {
                app.restart_count += 1;
            }
            let pause = BACK_OFF_MILLIS.saturating_mul(1 << (crashing.crashes - 1).min(30));
            Requeue::AfterMillis(pause.min(BACK_OFF_MILLIS_MAX) + START_MILLIS)
        } else if fault.kind == FaultKind::CrashLoop {
            Requeue::AfterMillis(READY_MILLIS)
        } else {
            Requeue::Done
        };
        let object = crashing.pod.clone();
        cluster.store.update_status(pod)?;
        cluster.faults.note(index, now, object);
        Ok(next)
    }
}

/// Deletes one of a revision's istiods that serve.
fn restart_istiod(index: usize, fault: &Fault, cluster: &mut Cluster) -> Result<(), ApiError> {
    let serves = |pod: &&Pod| is_istiod(pod) && pods::is_active(pod) && pod.is_ready();
    let of_victim =
        |pod: &&Pod| revision_of_istiod(pod).is_some_and(|revision| revision.as_str() == fault.victim.name);
    let istiods: Vec<ObjectRef> =
        cluster.store.list_all::<Pod>().filter(serves).filter(of_victim).map(Resource::object_ref).collect();
    let pick = cluster.seed(NAME).child(&index.to_string()).value() % istiods.len().max(1) as u64;
    let Some(istiod) = usize::try_from(pick).ok().and_then(|pick| istiods.get(pick)) else { return Ok(()) };
    cluster.delete(istiod, &DeleteOptions::default())?;
    let now = cluster.now();
    cluster.faults.note(index, now, istiod.clone());
    Ok(())
}

fn scale_up(index: usize, fault: &Fault, extra: i32, cluster: &mut Cluster) -> Result<(), ApiError> {
    let (namespace, name) = (&fault.victim.namespace, &fault.victim.name);
    let store = &cluster.store;
    let replicas = match fault.victim.kind.as_str() {
        Deployment::KIND => store.get::<Deployment>(namespace, name).and_then(|one| one.spec.replicas),
        StatefulSet::KIND => store.get::<StatefulSet>(namespace, name).and_then(|one| one.spec.replicas),
        _ => None,
    };
    let Some(replicas) = replicas.filter(|replicas| *replicas > 0) else { return Ok(()) };
    cluster.scale(&fault.victim, replicas + extra)?;
    let now = cluster.now();
    cluster.faults.note(index, now, fault.victim.clone());
    Ok(())
}

fn relabel(index: usize, fault: &Fault, to: &str, cluster: &mut Cluster) -> Result<(), ApiError> {
    let before = cluster.store.require::<Namespace>("", &fault.victim.name)?;
    if before.metadata.label(REV_LABEL) == Some(to) {
        return Ok(());
    }
    cluster.store.patch::<Namespace>("", &fault.victim.name, |namespace| {
        namespace.metadata.labels.remove(INJECTION_LABEL);
        namespace.metadata.labels.insert(REV_LABEL.to_owned(), to.to_owned());
    })?;
    let now = cluster.now();
    cluster.faults.note(index, now, fault.victim.clone());
    Ok(())
}

fn deploy(index: usize, fault: &Fault, cluster: &mut Cluster) -> Result<(), ApiError> {
    let (namespace, name) = (&fault.victim.namespace, &fault.victim.name);
    let store = &mut cluster.store;
    match fault.victim.kind.as_str() {
        Deployment::KIND => {
            store.patch::<Deployment>(namespace, name, |one| next_image(&mut one.spec.template)).map(drop)?;
        }
        StatefulSet::KIND => {
            store
                .patch::<StatefulSet>(namespace, name, |one| next_image(&mut one.spec.template))
                .map(drop)?;
        }
        DaemonSet::KIND => {
            store.patch::<DaemonSet>(namespace, name, |one| next_image(&mut one.spec.template)).map(drop)?;
        }
        _ => return Ok(()),
    }
    let now = cluster.now();
    cluster.faults.note(index, now, fault.victim.clone());
    Ok(())
}

fn next_image(template: &mut PodTemplateSpec) {
    if let Some(app) = template.spec.containers.first_mut() {
        app.image.push_str("-next");
    }
}

impl Actor for Player {
    fn name(&self) -> &'static str {
        NAME
    }

    fn watch(&mut self, change: &Change, cluster: &Cluster, wakes: &mut Wakes) {
        let became_ready = |pod: &&Pod| {
            pod.is_ready()
                && !change.is_deletion()
                && change.before::<Pod>().is_some_and(|old| !old.is_ready())
        };
        let ready = change.of::<Pod>().filter(became_ready);
        let written = (change.by == PORT).then(|| reference(&change.new));
        for (index, fault) in cluster.faults.faults().iter().enumerate() {
            let crashes = matches!(fault.kind, FaultKind::PodCrash | FaultKind::CrashLoop);
            match (&fault.trigger, ready) {
                (Trigger::Written { object, millis }, _) if written.as_ref() == Some(object) => {
                    if self.struck.insert(index) {
                        wakes.after_millis(key(index), *millis);
                    }
                }
                (Trigger::NewPod { number, millis }, Some(pod)) if crashes => {
                    let is_new = cluster.faults.is_new(pod, &fault.victim, &cluster.store);
                    if is_new && !self.crashing.contains_key(&index) && self.counts(index, *number, pod) {
                        wakes.after_millis(key(index), *millis);
                    }
                }
                (Trigger::Written { .. } | Trigger::NewPod { .. } | Trigger::Line(_) | Trigger::At(_), _) => {
                }
            }
        }
    }

    fn sync(&mut self, key: &ObjectRef, cluster: &mut Cluster) -> Result<Requeue, ApiError> {
        let index: usize = key.name.parse().unwrap_or(usize::MAX);
        let Some(fault) = cluster.faults.faults().get(index).cloned() else { return Ok(Requeue::Done) };
        cluster.store.set_author(fault.kind.author());
        match &fault.kind {
            FaultKind::PodCrash | FaultKind::CrashLoop => return self.crash(index, &fault, cluster),
            FaultKind::IstiodRestart => restart_istiod(index, &fault, cluster)?,
            FaultKind::ScaleUp { extra } => scale_up(index, &fault, *extra, cluster)?,
            FaultKind::Relabel { to } => relabel(index, &fault, to, cluster)?,
            FaultKind::ForeignDeploy => deploy(index, &fault, cluster)?,
            // The kubelets and whoever keeps the journal play these.
            FaultKind::SlowPod { .. } | FaultKind::NeverReadyPod | FaultKind::OwnCrash { .. } => {}
        }
        Ok(Requeue::Done)
    }
}
