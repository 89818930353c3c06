//! A little world in memory, behind the port: namespaces, tags, revisions, workloads, and faults by script.

use std::collections::BTreeMap;

use meshlift_model::effect::*;
use meshlift_model::journal::{Command, Input, InputEvent};
use meshlift_model::k8s::{Namespace, Object, Resource};
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use meshlift_ports::{PortError, WorldPort};

use crate::workload::{TARGET, Workload};

/// What happens to a write instead of what should.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It does not happen, for this reason.
    Refuse(Failure),
    /// It happens, and the answer is lost.
    LoseAnswer,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) objects: BTreeMap<ObjectRef, Object>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) workloads: BTreeMap<ObjectRef, Workload>,
    pub(crate) findings: Vec<FindingView>,
    /// A finding that appears with this write.
    pub(crate) finding_after: Option<(usize, FindingView)>,
    /// Pods of this workload reject their configuration from then on, if they are new.
    pub(crate) nack_at: Option<(Time, ObjectRef)>,
    pub(crate) refuse_creations: bool,
    /// No injector answers: nothing is created, and nothing is said of a revision.
    pub(crate) injectors_are_gone: bool,
    pub(crate) unknown_sources: Vec<String>,
    /// Somebody applies this object again as it was, every second.
    pub(crate) applied_again: Option<ObjectRef>,
    /// Faults by number of the write, from 0.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// Commands by number of the write after which they come.
    pub(crate) commands: BTreeMap<usize, Command>,
    /// How long a command takes to come.
    pub(crate) command_millis: i64,
    pub(crate) writes: Vec<Write>,
    queue: BTreeMap<(Time, u64), InputEvent>,
    order: u64,
    next_version: u64,
}

impl World {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            now,
            objects: BTreeMap::new(),
            tags: BTreeMap::new(),
            workloads: BTreeMap::new(),
            findings: Vec::new(),
            finding_after: None,
            nack_at: None,
            refuse_creations: false,
            injectors_are_gone: false,
            unknown_sources: Vec::new(),
            applied_again: None,
            faults: BTreeMap::new(),
            commands: BTreeMap::new(),
            command_millis: 50,
            writes: Vec::new(),
            queue: BTreeMap::new(),
            order: 0,
            next_version: 10,
        }
    }

    /// Another process connects: answers to the former one are lost.
    pub(crate) fn reconnect(&mut self) {
        self.queue.clear();
    }

    pub(crate) fn workload(&mut self, me: &str) -> &mut Workload {
        self.workloads.get_mut(&me.parse().unwrap()).unwrap()
    }

    /// What the namespace's pods get.
    pub(crate) fn injects(&self, namespace: &str) -> Option<String> {
        let meta = self.objects.get(&ObjectRef::cluster("Namespace", namespace))?.meta();
        let name = match meta.label("istio-injection") {
            Some("enabled") => "default",
            _ => meta.label("istio.io/rev")?,
        };
        Some(self.tags.get(name).cloned().unwrap_or_else(|| name.to_owned()))
    }

    /// What people care about: selectors, tags, restarts, revisions of living pods.
    pub(crate) fn summary(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.tags.iter().map(|(tag, to)| format!("tag {tag} {to}")).collect();
        for (name, object) in &self.objects {
            lines.push(format!("{name} {:?}", object.meta().labels));
        }
        for (name, one) in &self.workloads {
            let mut pods: Vec<_> = one.living().map(|pod| pod.revision.clone().unwrap_or_default()).collect();
            pods.sort();
            lines.push(format!("{name} x{} {pods:?}", one.replicas));
        }
        lines
    }

    fn advance(&mut self, to: Time) {
        while self.now.seconds() < to.seconds() {
            self.now = self.now.whole_second().plus_seconds(1);
            self.apply_again();
            let names: Vec<ObjectRef> = self.workloads.keys().cloned().collect();
            for name in names {
                let revision = self.injects(&name.namespace);
                let now = self.now;
                self.workloads.get_mut(&name).unwrap().tick(revision.as_deref(), now);
            }
        }
        if let Some((_, name)) = self.nack_at.take_if(|(at, _)| *at <= to) {
            let one = self.workloads.get_mut(&name).unwrap();
            let new = one.pods.iter_mut().filter(|pod| pod.revision.as_deref() == Some(TARGET));
            new.for_each(|pod| pod.nack = true);
        }
        self.now = self.now.max(to);
    }

    fn apply_again(&mut self) {
        let Some(target) = &self.applied_again else { return };
        if let Some(one) = self.workloads.get_mut(target) {
            one.version += 1;
            one.restarted_at = None;
        }
        if let Some(object) = self.objects.get_mut(target) {
            object.meta_mut().labels.insert("istio.io/rev".into(), "prod".into());
        }
    }

    fn push(&mut self, millis: i64, event: InputEvent) {
        self.order += 1;
        self.queue.insert((self.now.plus_millis(millis), self.order), event);
    }

    fn write(&mut self, write: &Write) -> Outcome {
        let number = self.writes.len();
        self.writes.push(write.clone());
        if let Some((_, finding)) = self.finding_after.take_if(|(after, _)| *after == number) {
            self.findings.push(finding);
        }
        if let Some(command) = self.commands.remove(&number) {
            self.push(self.command_millis, InputEvent::Command(command));
        }
        match self.faults.remove(&number) {
            Some(Fault::Refuse(failure)) => Outcome::Failed { failure },
            Some(Fault::LoseAnswer) => {
                let _ = self.change(write);
                let message = "timeout".to_owned();
                Outcome::Failed { failure: Failure::Unavailable { message } }
            }
            None => match self.change(write) {
                Ok(stored) => Outcome::Done { stored },
                Err(failure) => Outcome::Failed { failure },
            },
        }
    }

    fn check_version(&mut self, write: &Write) -> Result<(), Failure> {
        let (uid, version) = match self.workloads.get(&write.target) {
            Some(one) => (one.uid.clone(), one.version.to_string()),
            None => match self.objects.get(&write.target) {
                Some(object) => (object.meta().uid.clone(), object.meta().resource_version.to_string()),
                None => return Ok(()),
            },
        };
        let message = "the object has been modified".to_owned();
        let fits = write.uid.as_ref().is_none_or(|wanted| *wanted == uid)
            && write.resource_version.as_ref().is_none_or(|wanted| *wanted == version);
        if fits { Ok(()) } else { Err(Failure::Conflict { message }) }
    }

    fn change(&mut self, write: &Write) -> Result<Vec<serde_json::Value>, Failure> {
        self.check_version(write)?;
        self.next_version += 1;
        let (now, version) = (self.now, self.next_version);
        let missing = || Failure::NotFound { message: write.target.to_string() };
        if let Some(one) = self.workloads.get_mut(&write.target) {
            one.version = version;
        }
        let name = write.target.name.clone();
        match &write.change {
            Change::Labels { labels } => {
                let meta = self.objects.get_mut(&write.target).ok_or_else(missing)?.meta_mut();
                meta.resource_version = version.to_string().into();
                for (key, value) in labels {
                    match value {
                        Some(value) => drop(meta.labels.insert(key.clone(), value.clone())),
                        None => drop(meta.labels.remove(key)),
                    }
                }
            }
            Change::TemplateAnnotation { value, .. } => {
                let one = self.workloads.get_mut(&write.target).ok_or_else(missing)?;
                one.restarted_at.clone_from(value);
                one.generation += 1;
            }
            Change::Replicas { replicas } => {
                self.workloads.get_mut(&write.target).ok_or_else(missing)?.replicas = *replicas;
            }
            Change::Evict | Change::Delete if write.target.kind == "Pod" => self.remove_pod(write, now)?,
            Change::Delete => {
                let known = self.objects.remove(&write.target).is_some();
                let gone = self.workloads.remove(&write.target).is_some();
                return if known || gone { Ok(vec![]) } else { Err(missing()) };
            }
            Change::Restore { stored } => self.restore(&write.target, stored),
            Change::InstallRevision { replicas_min, .. } => self.install(&name, *replicas_min),
            Change::RecreatePod => {
                let revision = self.injects(&write.target.namespace);
                self.workloads.get_mut(&write.target).ok_or_else(missing)?.recreate(revision.as_deref(), now);
            }
            Change::SetTag { revision } => drop(self.tags.insert(name.to_string(), revision.to_string())),
            Change::RemoveTag => drop(self.tags.remove(name.as_str())),
            Change::ApplyCrds { .. } => {}
            other => return Err(Failure::Unsupported { message: format!("{other:?}") }),
        }
        Ok(vec![])
    }

    fn remove_pod(&mut self, write: &Write, now: Time) -> Result<(), Failure> {
        let uid = write.uid.clone().unwrap();
        let owner = self.workloads.values_mut().find(|one| one.pods.iter().any(|pod| pod.uid == uid));
        let Some(owner) = owner else { return Err(Failure::NotFound { message: uid }) };
        if write.change == Change::Evict && owner.budget_until.is_some_and(|until| now < until) {
            return Err(Failure::Budget { message: "needs 3 healthy pods and has 3".into() });
        }
        owner.terminate(&uid, now);
        Ok(())
    }

    fn install(&mut self, revision: &str, replicas: i32) {
        let me = ObjectRef::new("Deployment", "istio-system", &format!("istiod-{revision}"));
        let now = self.now;
        self.workloads.entry(me.clone()).or_insert_with(|| {
            let mut one = Workload::new(me, 0, None, now);
            one.replicas = replicas;
            one
        });
    }

    fn restore(&mut self, target: &ObjectRef, stored: &serde_json::Value) {
        if target.kind == "Pod" {
            let (revision, now) = (self.injects(&target.namespace), self.now);
            let one = self.workloads.entry(target.clone());
            let one = one.or_insert_with(|| Workload::new(target.clone(), 1, None, now));
            one.recreate(revision.as_deref(), now);
        } else if target.kind == "Deployment" {
            let replicas = stored["spec"]["replicas"].as_i64().unwrap_or(0);
            let now = self.now;
            let mut one = Workload::new(target.clone(), 0, None, now);
            one.replicas = i32::try_from(replicas).unwrap();
            self.workloads.insert(target.clone(), one);
        } else {
            let object = Object::from_value(&target.kind, stored.clone()).unwrap().unwrap();
            self.objects.insert(target.clone(), object);
        }
    }
}

impl WorldPort for World {
    fn now(&self) -> Time {
        self.now
    }

    fn submit(&mut self, effect: EffectId, asked: &Effect) {
        let (millis, outcome) = match asked {
            Effect::Read(query) => (20, crate::answer::answer(self, query)),
            Effect::Write(write) => (100, self.write(write)),
        };
        self.push(millis, InputEvent::Outcome { effect, outcome });
    }

    fn next(&mut self, until: Option<Time>) -> Input {
        let due = self.queue.first_key_value().map(|(key, _)| *key);
        match (due, until) {
            (Some(key), until) if until.is_none_or(|until| key.0 <= until) => {
                self.advance(key.0);
                let event = self.queue.remove(&key).unwrap();
                Input { at: self.now, event }
            }
            (_, until) => {
                self.advance(until.unwrap_or(self.now));
                Input { at: self.now, event: InputEvent::Tick }
            }
        }
    }

    fn snapshot(&mut self) -> Result<Snapshot, PortError> {
        Err(PortError { reason: "this world has no snapshot".into() })
    }
}

/// A namespace that selects by `istio.io/rev`.
pub(crate) fn namespace(name: &str, rev: &str) -> (ObjectRef, Object) {
    let mut one = Namespace::default();
    one.metadata.name = name.into();
    one.metadata.uid = format!("uid-{name}");
    one.metadata.resource_version = "1".into();
    one.metadata.labels.insert("istio.io/rev".into(), rev.into());
    (one.object_ref(), one.into_object())
}

pub(crate) fn target() -> RevisionName {
    RevisionName::from(TARGET)
}
