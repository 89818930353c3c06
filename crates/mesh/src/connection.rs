//! Which istiod each proxy is connected to, as the istiods say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use meshlift_model::k8s::Pod;
use meshlift_model::names::RevisionName;
use meshlift_model::snapshot::{IstiodAnswers, ProxyStatus, Snapshot};
use meshlift_model::time::Time;

use crate::control::ControlPlane;
use crate::in_order::InOrder;

/// What the istiods say about their proxies.
pub(crate) struct Connections<'a> {
    /// By namespace, in the order of their pods; those of one proxy with the newest connection first.
    proxies: InOrder<&'a str, Vec<Seen<'a>>>,
    /// Connected proxies by istiod pod; absent where that was not read.
    pub(crate) counts: BTreeMap<String, Option<usize>>,
    /// True if every istiod that runs was asked: who is on no list is not connected.
    complete: bool,
}

/// What one istiod says about one proxy.
struct Seen<'a> {
    /// Pod and namespace.
    proxy: (&'a str, &'a str),
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
            let listed = listed(control.by_pod.get(istiod.as_str()), answers);
            let read = answers.syncz.is_some() || answers.connections.is_some();
            counts.insert(istiod.clone(), read.then_some(listed.len()));
            for seen in listed {
                proxies.entry(seen.proxy.1).or_default().push(seen);
            }
        }
        for here in proxies.values_mut() {
            here.sort_by_key(|seen| (seen.proxy, Reverse(seen.connected_at)));
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
        Self { proxies: proxies.into_iter().collect(), counts, complete }
    }

    /// Connection of a pod's proxy.
    pub(crate) fn of(&self, pod: &Pod) -> Connected {
        let (name, namespace) = (pod.metadata.name.as_str(), pod.metadata.namespace.as_str());
        let here = self.proxies.get(namespace).map_or(&[][..], Vec::as_slice);
        let from = here.partition_point(|seen| seen.proxy.0 < name);
        let seen = || here[from..].iter().take_while(|seen| seen.proxy.0 == name);
        let statuses = || seen().filter_map(|seen| seen.status);
        let revisions: Vec<_> = seen().filter_map(|seen| seen.revision.cloned()).collect();
        Connected {
            // Listed by an istiod that was not recorded itself: to whom it is connected is not known.
            known: if seen().next().is_none() { self.complete } else { !revisions.is_empty() },
            revisions,
            synced: statuses().next().is_some() && statuses().all(ProxyStatus::is_synced),
            nack: statuses().find_map(ProxyStatus::nack).map(str::to_owned),
        }
    }
}

/// The proxies of one istiod, each once.
fn listed<'a>(revision: Option<&'a RevisionName>, answers: &'a IstiodAnswers) -> Vec<Seen<'a>> {
    let statuses = answers.syncz.iter().flatten();
    let statuses = statuses.map(|status| Seen {
        proxy: pod_and_namespace(&status.proxy),
        revision,
        status: Some(status),
        connected_at: None,
    });
    let connections = answers.connections.iter().flatten();
    let connections = connections.map(|connection| Seen {
        proxy: pod_and_namespace(connection.proxy()),
        revision,
        status: None,
        connected_at: connection.connected_at,
    });
    let mut listed: Vec<Seen<'_>> = statuses.chain(connections).collect();
    listed.sort_by_key(|seen| seen.proxy);
    listed.dedup_by(|next, seen| {
        let same = next.proxy == seen.proxy;
        if same {
            seen.status = next.status.or(seen.status);
            seen.connected_at = seen.connected_at.max(next.connected_at);
        }
        same
    });
    listed
}

/// Of `POD.NAMESPACE`: names of pods may hold dots, those of namespaces do not.
fn pod_and_namespace(proxy: &str) -> (&str, &str) {
    proxy.rsplit_once('.').unwrap_or((proxy, ""))
}

/// True for an istiod that can have connections.
fn serves(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Running" | "") || pod.is_ready()
}
