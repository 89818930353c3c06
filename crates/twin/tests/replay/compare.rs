//! What is compared: per object the sequence of distinct values, each with its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshlift_model::k8s::{
    Condition, DaemonSet, Deployment, EndpointSlice, Object, PodDisruptionBudget, ReplicaSet, Resource,
    StatefulSet,
};
use meshlift_model::time::Time;
use meshlift_twin::Twin;

use crate::recording::Recording;

/// How far a change may be from its recorded time.
const TOLERANCE_MILLIS: i64 = 1000;

/// One value of one object over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Track {
    subject: String,
    /// Distinct values; the first is the one before.
    values: Vec<(Time, String)>,
    /// Only least, most and last count, without their times.
    bounds_only: bool,
}

/// One version of one object.
struct Version {
    at: Time,
    object: Arc<Object>,
    deleted: bool,
    before: bool,
}

pub(crate) fn tracks_of_recording(recording: &Recording) -> Vec<Track> {
    use meshlift_snapshot::fixtures::WatchEventType::Deleted;
    let versions = recording.events.iter().map(|event| Version {
        at: recording.time(event.at_millis),
        object: Arc::new(event.object.clone()),
        deleted: event.type_ == Deleted,
        before: Recording::is_before(event),
    });
    tracks(versions.collect())
}

pub(crate) fn tracks_of_twin(twin: &Twin, recording: &Recording) -> Vec<Track> {
    let start = recording.time(1000);
    let versions = twin.cluster.store.changes().iter().map(|change| Version {
        at: change.at,
        object: Arc::clone(&change.new),
        deleted: change.is_deletion(),
        before: change.at <= start,
    });
    tracks(versions.collect())
}

fn tracks(versions: Vec<Version>) -> Vec<Track> {
    let names = Names::of(&versions);
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    for version in &versions {
        for (aspect, value, bounds_only) in values(&version.object, version.deleted, &names) {
            let subject = format!("{aspect} of {}", names.subject(&version.object));
            let track =
                tracks.entry(subject.clone()).or_insert(Track { subject, values: Vec::new(), bounds_only });
            if track.values.last().is_none_or(|(_, last)| *last != value) {
                track.values.push((version.at, value));
            }
        }
    }
    tracks.into_values().collect()
}

/// The compared aspects of an object: name, value, and whether only bounds count.
fn values(object: &Object, deleted: bool, names: &Names) -> Vec<(&'static str, String, bool)> {
    let aspect = |name, value| (name, value, false);
    if let Some(set) = ReplicaSet::from_object(object) {
        let revision = set.metadata.annotation("deployment.kubernetes.io/revision").unwrap_or_default();
        return vec![
            aspect("replicas", format!("{:?} deleted {deleted}", set.spec.replicas)),
            aspect("revision", revision.to_owned()),
            aspect("conditions", names.conditions(&set.status.conditions)),
        ];
    }
    if let Some(deployment) = Deployment::from_object(object) {
        return vec![aspect("conditions", names.conditions(&deployment.status.conditions))];
    }
    if let Some(set) = StatefulSet::from_object(object) {
        let status = &set.status;
        let value = format!(
            "replicas {} current {} updated {} revisions {} {}",
            status.replicas,
            status.current_replicas,
            status.updated_replicas,
            names.stable(&status.current_revision),
            names.stable(&status.update_revision)
        );
        return vec![aspect("status", value)];
    }
    if let Some(set) = DaemonSet::from_object(object) {
        let status = &set.status;
        let value = format!(
            "desired {} current {} updated {} ready {}",
            status.desired_number_scheduled,
            status.current_number_scheduled,
            status.updated_number_scheduled,
            status.number_ready
        );
        return vec![aspect("status", value)];
    }
    if let Some(budget) = PodDisruptionBudget::from_object(object) {
        let status = &budget.status;
        let value = format!(
            "healthy {:04} of {} at least {} allowed {}",
            status.current_healthy, status.expected_pods, status.desired_healthy, status.disruptions_allowed
        );
        // Two pods that become Ready in one second are two steps or one.
        return vec![("status", value, true)];
    }
    if let Some(slice) = EndpointSlice::from_object(object) {
        let ready = slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready == Some(true)).count();
        return vec![("ready endpoints", format!("{ready:04}"), true)];
    }
    Vec::new()
}

/// Names that both sides share: what was made during the rollout is called by its order instead.
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(versions: &[Version]) -> Self {
        let mut names = BTreeMap::new();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for version in versions.iter().filter(|version| !version.before) {
            let made =
                matches!(version.object.as_ref(), Object::ReplicaSet(_) | Object::ControllerRevision(_));
            let meta = version.object.meta();
            if !made
                || names.contains_key(&meta.name)
                || versions.iter().any(|other| other.before && other.object.meta().name == meta.name)
            {
                continue;
            }
            let owner = meta.controller().map_or("", |owner| owner.name.as_str());
            let count = counts.entry(owner.to_owned()).or_default();
            *count += 1;
            names.insert(meta.name.clone(), format!("{owner}+{count}"));
        }
        Self(names)
    }

    fn stable(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn subject(&self, object: &Object) -> String {
        let name = match object {
            Object::EndpointSlice(slice) => {
                slice.metadata.label("kubernetes.io/service-name").unwrap_or_default().to_owned()
            }
            _ => self.stable(&object.meta().name),
        };
        format!("{} {name}", object.info().kind)
    }

    /// Type, status, reason and message, in order of type; generated names are replaced.
    fn conditions(&self, conditions: &[Condition]) -> String {
        let mut lines: Vec<String> = conditions
            .iter()
            .map(|condition| {
                let message = self.message(&condition.message);
                format!("{} {} {} {message}", condition.type_, condition.status, condition.reason)
            })
            .collect();
        lines.sort();
        lines.join(" | ")
    }

    fn message(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for (name, stable) in &self.0 {
            // The pod of a refused creation: its last letters are drawn anew each time.
            while let Some(place) = text.find(&format!("{name}-")) {
                let end = (place + name.len() + 6).min(text.len());
                text.replace_range(place..end, &format!("{stable} pod"));
            }
            text = text.replace(name.as_str(), stable);
        }
        text
    }
}

/// What differs, one line each.
pub(crate) fn differences(recorded: &[Track], simulated: &[Track]) -> Vec<String> {
    let by_subject = |tracks: &[Track]| -> BTreeMap<String, Track> {
        tracks.iter().map(|track| (track.subject.clone(), track.clone())).collect()
    };
    let (recorded, simulated) = (by_subject(recorded), by_subject(simulated));
    let mut found = Vec::new();
    for (subject, track) in &recorded {
        match simulated.get(subject) {
            Some(other) => found.extend(track_difference(track, other)),
            None => found.push(format!("{subject}: only recorded: {:?}", track.values)),
        }
    }
    let extra = simulated.keys().filter(|subject| !recorded.contains_key(*subject));
    found.extend(extra.map(|subject| format!("{subject}: only simulated: {:?}", simulated[subject].values)));
    found
}

fn track_difference(recorded: &Track, simulated: &Track) -> Option<String> {
    let texts =
        |track: &Track| -> Vec<String> { track.values.iter().map(|(_, value)| value.clone()).collect() };
    let equal = if recorded.bounds_only {
        let bounds = |track: &Track| {
            let texts = texts(track);
            (texts.iter().min().cloned(), texts.iter().max().cloned(), texts.last().cloned())
        };
        bounds(recorded) == bounds(simulated)
    } else {
        texts(recorded) == texts(simulated) && in_time(recorded, simulated)
    };
    let show = |track: &Track| -> String {
        track.values.iter().map(|(at, value)| format!("\n    {at} {value}")).collect()
    };
    (!equal).then(|| {
        format!("{}:\n  recorded:{}\n  simulated:{}", recorded.subject, show(recorded), show(simulated))
    })
}

/// Each change within the tolerance of its recorded time; the values before have no time.
fn in_time(recorded: &Track, simulated: &Track) -> bool {
    let pairs = recorded.values.iter().zip(&simulated.values).skip(1);
    pairs.into_iter().all(|((a, _), (b, _))| a.millis_since(*b).abs() <= TOLERANCE_MILLIS)
}
