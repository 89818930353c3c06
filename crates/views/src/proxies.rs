//! What istiods say of the proxies that they serve.

use std::collections::BTreeMap;

use meshlift_model::injection::revision_of_istiod;
use meshlift_model::k8s::Pod;
use meshlift_model::names::{ObjectRef, RevisionName};
use meshlift_model::snapshot::{IstiodAnswers, ProxyStatus};
use meshlift_model::time::Time;

use crate::source::ObjectSource;

/// A proxy's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Revision of the istiod.
    pub revision: RevisionName,
    /// All xDS types are acknowledged.
    pub synced: bool,
    /// Words of a rejection.
    pub nack: Option<String>,
}

/// Whoever knows which proxy is connected to which istiod.
pub trait Proxies {
    /// The connection of a pod's proxy; absent where there is none that is known to be this pod's.
    fn link(&self, pod: &Pod) -> Option<Link>;

    /// The pods of all proxies that are connected to a revision's istiods.
    fn connected_to(&self, revision: &RevisionName) -> Vec<ObjectRef>;
}

/// Connections as the debug endpoints of istiods tell them.
#[derive(Clone, Debug, Default)]
pub struct ToldProxies {
    /// By namespace and pod, the newest first.
    seen: BTreeMap<(String, String), Vec<Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    revision: RevisionName,
    status: Option<ProxyStatus>,
    since: Option<Time>,
}

impl ToldProxies {
    /// What the istiods among the pods answered, by pod name.
    #[must_use]
    pub fn new(source: &impl ObjectSource, answers: &BTreeMap<String, IstiodAnswers>) -> Self {
        let mut seen: BTreeMap<(String, String), Vec<Seen>> = BTreeMap::new();
        for istiod in source.list_all::<Pod>() {
            let (revision, told) = (revision_of_istiod(istiod), answers.get(&istiod.metadata.name));
            let (Some(revision), Some(told)) = (revision, told) else { continue };
            for (key, (status, since)) in listed(told) {
                seen.entry(key).or_default().push(Seen { revision: revision.clone(), status, since });
            }
        }
        for links in seen.values_mut() {
            links.sort_by_key(|link| std::cmp::Reverse(link.since));
        }
        Self { seen }
    }
}

type Listed = BTreeMap<(String, String), (Option<ProxyStatus>, Option<Time>)>;

/// What one istiod lists, by namespace and pod.
fn listed(told: &IstiodAnswers) -> Listed {
    let key = |proxy: &str| proxy.rsplit_once('.').map(|(pod, namespace)| (namespace.into(), pod.into()));
    let mut listed = Listed::new();
    for status in told.syncz.iter().flatten() {
        if let Some(key) = key(&status.proxy) {
            listed.entry(key).or_default().0 = Some(status.clone());
        }
    }
    for connection in told.connections.iter().flatten() {
        if let Some(key) = key(connection.proxy()) {
            let since = &mut listed.entry(key).or_default().1;
            *since = (*since).max(connection.connected_at);
        }
    }
    listed
}

impl Proxies for ToldProxies {
    fn link(&self, pod: &Pod) -> Option<Link> {
        let key = (pod.metadata.namespace.to_string(), pod.metadata.name.clone());
        // A pod of the same name may have had it before: its connection is older than this pod.
        let is_own = |seen: &&Seen| {
            let since = seen.since.map(Time::whole_second);
            since.is_none_or(|since| pod.metadata.creation_timestamp.is_none_or(|created| since >= created))
        };
        let own: Vec<&Seen> = self.seen.get(&key)?.iter().filter(is_own).collect();
        let statuses = || own.iter().filter_map(|seen| seen.status.as_ref());
        Some(Link {
            revision: own.first()?.revision.clone(),
            synced: statuses().next().is_some() && statuses().all(ProxyStatus::is_synced),
            nack: statuses().find_map(ProxyStatus::nack).map(str::to_owned),
        })
    }

    fn connected_to(&self, revision: &RevisionName) -> Vec<ObjectRef> {
        let on_it = self.seen.iter().filter(|(_, links)| links.iter().any(|link| link.revision == *revision));
        on_it.map(|((namespace, pod), _)| ObjectRef::new("Pod", namespace, pod)).collect()
    }
}

#[cfg(test)]
mod tests {
    use meshlift_model::k8s::{Container, EnvVar, Objects};
    use meshlift_model::snapshot::{Connection, SyncState};

    use super::*;

    fn istiod(name: &str, revision: &str) -> Pod {
        let mut pod = Pod::default();
        pod.metadata.name = name.to_owned();
        pod.metadata.namespace = "istio-system".into();
        let env =
            vec![EnvVar { name: "REVISION".to_owned(), value: revision.to_owned(), ..EnvVar::default() }];
        pod.spec.containers =
            vec![Container { name: "discovery".to_owned(), env, ..Container::default() }].into();
        pod
    }

    fn told(since: &str, state: SyncState) -> IstiodAnswers {
        let status = ProxyStatus {
            proxy: "pg-0.data".to_owned(),
            types: std::iter::once(("cds".to_owned(), state)).collect(),
            ..ProxyStatus::default()
        };
        let connection = Connection {
            connection_id: "pg-0.data-7".to_owned(),
            connected_at: Some(Time::parse(since).unwrap()),
            ..Connection::default()
        };
        IstiodAnswers {
            syncz: Some(vec![status]),
            connections: Some(vec![connection]),
            ..IstiodAnswers::default()
        }
    }

    #[test]
    fn a_connection_that_is_older_than_the_pod_is_its_namesakes() {
        let mut pod = Pod::default();
        pod.metadata.name = "pg-0".to_owned();
        pod.metadata.namespace = "data".into();
        pod.metadata.creation_timestamp = Some(Time::parse("2026-01-01T10:00:00Z").unwrap());
        let objects =
            Objects { pods: vec![istiod("old", "1-29-6"), istiod("new", "1-30-3")], ..Objects::default() };
        let mut answers =
            BTreeMap::from([("old".to_owned(), told("2026-01-01T09:00:00.5Z", SyncState::Synced))]);
        let before = ToldProxies::new(&objects, &answers);
        assert_eq!(before.link(&pod), None);
        // It counts as a connection of its revision all the same: something still needs that istiod.
        assert_eq!(before.connected_to(&"1-29-6".into()), [ObjectRef::new("Pod", "data", "pg-0")]);
        answers.insert(
            "new".to_owned(),
            told("2026-01-01T10:00:00.2Z", SyncState::Error("no such cluster".to_owned())),
        );
        let link = ToldProxies::new(&objects, &answers).link(&pod).unwrap();
        assert_eq!(link.revision.as_str(), "1-30-3");
        assert!(!link.synced);
        assert_eq!(link.nack.as_deref(), Some("no such cluster"));
    }
}
