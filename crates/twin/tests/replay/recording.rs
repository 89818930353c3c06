//! A recorded rollout: what was before, what was done, what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use meshlift_model::k8s::{DaemonSet, Deployment, Object, Pod, ReplicaSet, Resource, StatefulSet};
use meshlift_model::time::Time;
use meshlift_snapshot::fixtures::{self, WatchEvent, WatchEventType};
use meshlift_twin::Twin;

/// What is first seen before this time was there before.
const BEFORE_MILLIS: i64 = 1000;
/// Mesh in which the rollouts were recorded: namespaces, Services and nodes are not among the events.
const CLUSTER: &str = "canary-moved";
/// Annotation that `kubectl rollout restart` writes.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// One namespace's recording.
pub(crate) struct Recording {
    pub(crate) namespace: String,
    /// Events in order of resourceVersion.
    pub(crate) events: Vec<WatchEvent>,
    pub(crate) restarts: Vec<(i64, Restart)>,
}

/// `kubectl rollout restart KIND/NAME`.
pub(crate) struct Restart {
    kind: String,
    namespace: String,
    name: String,
}

impl Recording {
    pub(crate) fn read(namespace: &str) -> Self {
        let mut events = fixtures::rollout(namespace).expect("recorded rollout");
        events.sort_by_key(version);
        let restarts = read_restarts().into_iter().filter(|(_, restart)| restart.namespace == namespace);
        Self { namespace: namespace.to_owned(), restarts: restarts.collect(), events }
    }

    /// A time on the watcher's clock as a point in time.
    pub(crate) fn time(&self, at_millis: i64) -> Time {
        began().plus_millis(at_millis)
    }

    /// When the recording ended: the time of the last line of the commands.
    pub(crate) fn end(&self) -> Time {
        let text = fixtures::rollout_commands().expect("recorded commands");
        let last = text.lines().rev().find_map(|line| seconds(line.split_whitespace().next()?));
        self.time(last.expect("commands have times"))
    }

    /// The state before: the first version of each object, and the mesh's Services and nodes.
    pub(crate) fn before(&self) -> Vec<Object> {
        let cluster = fixtures::cluster(CLUSTER).expect("recorded cluster").objects;
        let services =
            cluster.services.into_iter().filter(|service| service.metadata.namespace == self.namespace);
        let mut objects: Vec<Object> = services.map(Resource::into_object).collect();
        objects.extend(cluster.nodes.into_iter().map(Resource::into_object));
        let mut seen = BTreeSet::new();
        for event in self.events.iter().filter(|event| event.at_millis < BEFORE_MILLIS) {
            if seen.insert(event.object.meta().uid.clone()) {
                objects.push(event.object.clone());
            }
        }
        objects
    }

    /// True if the object of the event was there before.
    pub(crate) fn is_before(event: &WatchEvent) -> bool {
        event.at_millis < BEFORE_MILLIS
    }

    /// All versions of a kind, with their times.
    pub(crate) fn versions<R: Resource + 'static>(&self) -> impl Iterator<Item = (Time, &WatchEvent, &R)> {
        self.events
            .iter()
            .filter_map(|event| Some((self.time(event.at_millis), event, R::from_object(&event.object)?)))
    }

    /// ReplicaSets by uid: Deployment and revision, which name them on both sides.
    pub(crate) fn cohorts(&self) -> BTreeMap<String, String> {
        self.versions::<ReplicaSet>()
            .map(|(_, _, set)| (set.metadata.uid.clone(), cohort_of_set(set)))
            .collect()
    }
}

/// Deployment and revision of a ReplicaSet.
pub(crate) fn cohort_of_set(set: &ReplicaSet) -> String {
    let owner = set.metadata.controller().map_or("", |owner| owner.name.as_str());
    let revision = set.metadata.annotation("deployment.kubernetes.io/revision").unwrap_or_default();
    format!("{owner}#{revision}")
}

/// What owns a pod, under a name that recording and twin share.
pub(crate) fn cohort_of_pod(pod: &Pod, set: impl Fn(&str) -> Option<String>) -> String {
    let Some(owner) = pod.metadata.controller() else { return pod.metadata.name.clone() };
    set(&owner.uid).unwrap_or_else(|| owner.name.clone())
}

impl Restart {
    /// Sets the annotation on the pod template, as kubectl does.
    pub(crate) fn carry_out(&self, twin: &mut Twin) {
        let now = twin.now().whole_second().to_string();
        let store = &mut twin.cluster.store;
        let mark = |template: &mut meshlift_model::k8s::PodTemplateSpec| {
            template.metadata.annotations.insert(RESTARTED_AT.to_owned(), now);
        };
        let done = match self.kind.as_str() {
            "deployment.apps" => store
                .patch::<Deployment>(&self.namespace, &self.name, |object| mark(&mut object.spec.template))
                .map(drop),
            "statefulset.apps" => store
                .patch::<StatefulSet>(&self.namespace, &self.name, |object| mark(&mut object.spec.template))
                .map(drop),
            "daemonset.apps" => store
                .patch::<DaemonSet>(&self.namespace, &self.name, |object| mark(&mut object.spec.template))
                .map(drop),
            other => unreachable!("no restart of {other} was recorded"),
        };
        done.expect("restarted object is there");
    }
}

fn version(event: &WatchEvent) -> u64 {
    event.object.meta().resource_version.parse().unwrap_or(0)
}

/// Seconds with a fraction, in milliseconds.
fn seconds(text: &str) -> Option<i64> {
    text.parse().ok().map(|seconds: f64| (seconds * 1000.0).round() as i64)
}

/// `SECONDS  kubectl rollout restart KIND/NAME -n NAMESPACE`.
fn read_restarts() -> Vec<(i64, Restart)> {
    let text = fixtures::rollout_commands().expect("recorded commands");
    let read = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [at, "kubectl", "rollout", "restart", target, "-n", namespace] = words.as_slice() else {
            return None;
        };
        let (kind, name) = target.split_once('/')?;
        let restart = Restart { kind: kind.into(), namespace: (*namespace).into(), name: name.into() };
        Some((seconds(at)?, restart))
    };
    text.lines().filter_map(read).collect()
}

/// When the watches began. Stamps are whole seconds and made before they are seen, so the latest beginning
/// that they allow, over all recordings, is a few milliseconds off at most.
fn began() -> Time {
    static BEGAN: OnceLock<Time> = OnceLock::new();
    *BEGAN.get_or_init(|| {
        let earliest = |namespace: &&str| {
            let events = fixtures::rollout(namespace).expect("recorded rollout");
            let stamps = events.iter().filter(|event| !Recording::is_before(event)).filter_map(stamp);
            stamps.max()
        };
        fixtures::ROLLOUTS.iter().filter_map(earliest).max().expect("some event bears a stamp")
    })
}

/// The beginning that an event's newest stamp allows.
fn stamp(event: &WatchEvent) -> Option<Time> {
    let pod = Pod::from_object(&event.object)?;
    let conditions = pod.status.conditions.iter().filter_map(|condition| condition.last_transition_time);
    let stamp = conditions.chain(pod.metadata.creation_timestamp).max()?;
    Some(stamp.plus_millis(-event.at_millis)).filter(|_| event.type_ != WatchEventType::Deleted)
}
