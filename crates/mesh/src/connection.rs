//! Which istiod each proxy is connected to, as the istiods say.

use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::Pod;
use meshlift_model::names::RevisionName;
use meshlift_model::snapshot::{ProxyStatus, Snapshot};
use meshlift_model::time::Time;

use crate::control::ControlPlane;

/// What the istiods say about their proxies.
pub(crate) struct Connections<'a> {
    /// By `POD.NAMESPACE`.
    proxies: BTreeMap<&'a str, Vec<Seen<'a>>>,
    /// Connected proxies by istiod pod; absent where that was not read.
    pub(crate) counts: BTreeMap<String, Option<usize>>,
    /// True if every istiod that runs was asked: who is on no list is not connected.
    complete: bool,
}

struct Seen<'a> {
    revision: Option<&'a RevisionName>,
    status: Option<&'a ProxyStatus>,
    connected_at: Option<Time>,
}

/// One proxy's connection.
pub(crate) struct Connected {
    /// Revisions of the istiods that it is connected to, the newest connection first.
    pub(crate) revisions: Vec<RevisionName>,
    /// Whether its absence would mean anything.
    pub(crate) known: bool,
    pub(crate) synced: bool,
    pub(crate) nack: Option<String>,
}

impl<'a> Connections<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, control: &'a ControlPlane<'a>) -> Self {
        let mut proxies: BTreeMap<&str, Vec<Seen<'_>>> = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for (istiod, answers) in &snapshot.istiods {
            let revision = control.by_pod.get(istiod.as_str());
            let mut listed: BTreeMap<&str, Seen<'_>> = BTreeMap::new();
            for status in answers.syncz.iter().flatten() {
                let seen = Seen { revision, status: Some(status), connected_at: None };
                listed.insert(&status.proxy, seen);
            }
            for connection in answers.connections.iter().flatten() {
                let seen = listed.entry(connection.proxy()).or_insert(Seen {
                    revision,
                    status: None,
                    connected_at: None,
                });
                seen.connected_at = seen.connected_at.max(connection.connected_at);
            }
            let read = answers.syncz.is_some() || answers.connections.is_some();
            counts.insert(istiod.clone(), read.then_some(listed.len()));
            for (proxy, seen) in listed {
                proxies.entry(proxy).or_default().push(seen);
            }
        }
        let running: BTreeSet<&str> = control
            .pods
            .iter()
            .filter(|(_, pod)| serves(pod))
            .map(|(_, pod)| pod.metadata.name.as_str())
            .collect();
        let complete =
            !running.is_empty() && running.iter().all(|pod| matches!(counts.get(*pod), Some(Some(_))));
        for pod in running {
            counts.entry(pod.to_owned()).or_insert(None);
        }
        for seen in proxies.values_mut() {
            seen.sort_by_key(|seen| std::cmp::Reverse(seen.connected_at));
        }
        Self { proxies, counts, complete }
    }

    /// Connection of a pod's proxy.
    pub(crate) fn of(&self, pod: &Pod) -> Connected {
        let id = format!("{}.{}", pod.metadata.name, pod.metadata.namespace);
        let seen = self.proxies.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        let statuses = || seen.iter().filter_map(|seen| seen.status);
        let revisions: Vec<_> = seen.iter().filter_map(|seen| seen.revision.cloned()).collect();
        Connected {
            // Listed by an istiod that was not recorded itself: to whom it is connected is not known.
            known: if seen.is_empty() { self.complete } else { !revisions.is_empty() },
            revisions,
            synced: statuses().next().is_some() && statuses().all(ProxyStatus::is_synced),
            nack: statuses().find_map(ProxyStatus::nack).map(str::to_owned),
        }
    }
}

/// True for an istiod that can have connections.
fn serves(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Running" | "") || pod.is_ready()
}
