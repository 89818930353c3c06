//! Stand-in proxies: one connection for each injected pod that is Ready, to an istiod of the revision that
//! injected it, from then until the pod is gone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use meshlift_model::defaults::REV_LABEL;
use meshlift_model::injection::status_of;
use meshlift_model::k8s::Pod;

use crate::mirror::{Key, Mirror, key};

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Pod of the proxy.
    pub(crate) pod: Key,
    /// Its istiod.
    pub(crate) istiod: Key,
    /// When it connected.
    pub(crate) since: Timestamp,
    /// Number of the connection at its istiod.
    pub(crate) number: u64,
}

/// All connections, by uid of the proxy's pod.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<String, Link>,
    numbers: BTreeMap<Key, u64>,
}

impl Links {
    /// Connects and disconnects, as the mirror shows it now. An istiod accepts where `accepts` says so.
    pub(crate) fn update(&mut self, mirror: &Mirror, accepts: impl Fn(&str) -> bool) {
        let istiods: Vec<(Key, String)> = mirror
            .istiods()
            .filter(|(pod, revision)| pod.metadata.deletion_timestamp.is_none() && accepts(revision))
            .map(|(pod, revision)| (key(pod), revision))
            .collect();
        let pods: BTreeMap<&str, &Pod> = mirror
            .pods
            .iter()
            .filter(|pod| pod.status.phase == "Running" && status_of(pod).is_some())
            .map(|pod| (pod.metadata.uid.as_str(), pod))
            .collect();
        self.links.retain(|uid, link| {
            pods.contains_key(uid.as_str()) && istiods.iter().any(|(istiod, _)| *istiod == link.istiod)
        });
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        for link in self.links.values() {
            *counts.entry(link.istiod.clone()).or_default() += 1;
        }
        for (uid, pod) in pods {
            if pod.is_ready() && pod.metadata.deletion_timestamp.is_none() && !self.links.contains_key(uid) {
                self.connect(uid, pod, &istiods, &mut counts);
            }
        }
    }

    /// To the istiod of its revision that has the fewest, as a Service spreads them.
    fn connect(
        &mut self,
        uid: &str,
        pod: &Pod,
        istiods: &[(Key, String)],
        counts: &mut BTreeMap<Key, usize>,
    ) {
        let revision = pod.metadata.annotation(REV_LABEL).unwrap_or_default();
        let of_revision = istiods.iter().filter(|(_, own)| own == revision).map(|(istiod, _)| istiod);
        let Some(istiod) = of_revision.min_by_key(|istiod| counts.get(*istiod)).cloned() else { return };
        *counts.entry(istiod.clone()).or_default() += 1;
        let number = self.numbers.entry(istiod.clone()).or_default();
        *number += 1;
        let link = Link { pod: key(pod), istiod, since: Timestamp::now(), number: *number };
        self.links.insert(uid.to_owned(), link);
    }

    /// Connections of an istiod, each with its pod's uid.
    pub(crate) fn of(&self, istiod: &Key) -> Vec<(String, Link)> {
        let own = self.links.iter().filter(|(_, link)| link.istiod == *istiod);
        own.map(|(uid, link)| (uid.clone(), link.clone())).collect()
    }

    /// Connections of all istiods.
    pub(crate) fn count(&self) -> usize {
        self.links.len()
    }
}
