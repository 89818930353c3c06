//! What all tasks of the process share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::Client;
use meshlift_model::k8s::Pod;
use tokio::sync::watch;

use crate::ads::clients::Clients;
use crate::behaviour::{Behaviour, Behaviours};
use crate::certificates::Authority;
use crate::mirror::{Key, Mirror, revision};
use crate::token::Reviewed;

/// State; cloned by handle.
#[derive(Clone)]
pub(crate) struct Shared {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    authority: Authority,
    mirror: Mutex<Mirror>,
    clients: Mutex<Clients>,
    behaviours: Mutex<Behaviours>,
    reviewed: Mutex<Reviewed>,
    changes: watch::Sender<u64>,
    pushes: watch::Sender<Push>,
}

/// A push of all config to all clients.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    /// Counts them.
    pub(crate) number: u64,
    at: Timestamp,
}

impl Push {
    /// Time and number, as istiods write it.
    pub(crate) fn version(&self) -> String {
        format!("{}/{}", self.at.strftime("%Y-%m-%dT%H:%M:%SZ"), self.number)
    }

    /// The version and what no other answer has.
    pub(crate) fn nonce(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        format!("{}-{:x}", self.version(), COUNT.fetch_add(1, Ordering::Relaxed))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked left plain data behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(client: Client, authority: Authority) -> Self {
        let inner = Inner {
            client,
            authority,
            mirror: Mutex::default(),
            clients: Mutex::default(),
            behaviours: Mutex::default(),
            reviewed: Mutex::default(),
            changes: watch::Sender::new(0),
            pushes: watch::Sender::new(Push { number: 0, at: Timestamp::now() }),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.inner.authority
    }

    /// Changes the mirror and tells the reconciler.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Mirror)) {
        change(&mut self.mirror());
        self.touch();
    }

    /// Lets the reconciler look again.
    pub(crate) fn touch(&self) {
        self.inner.changes.send_modify(|number| *number += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    pub(crate) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        locked(&self.inner.mirror)
    }

    /// Whoever needs the mirror too takes this one first.
    pub(crate) fn clients(&self) -> MutexGuard<'_, Clients> {
        locked(&self.inner.clients)
    }

    pub(crate) fn pushes(&self) -> watch::Receiver<Push> {
        self.inner.pushes.subscribe()
    }

    /// The last push.
    pub(crate) fn push(&self) -> Push {
        self.inner.pushes.borrow().clone()
    }

    pub(crate) fn reviewed(&self) -> MutexGuard<'_, Reviewed> {
        locked(&self.inner.reviewed)
    }

    pub(crate) fn behaviour(&self, revision: &str) -> Behaviour {
        locked(&self.inner.behaviours).get(revision).cloned().unwrap_or_default()
    }

    /// From now on, behave like this: all config is pushed, so that proxies show it; the push's number.
    pub(crate) fn behave(&self, behaviours: Behaviours) -> u64 {
        *locked(&self.inner.behaviours) = behaviours;
        self.touch();
        self.inner.pushes.send_modify(|push| *push = Push { number: push.number + 1, at: Timestamp::now() });
        self.push().number
    }

    /// The istiod's pod, if it is still there, and its revision.
    pub(crate) fn istiod(&self, key: &Key) -> Option<(Pod, String)> {
        let pod = self.mirror().pods.get(key)?.clone();
        let revision = revision(&pod);
        Some((pod, revision))
    }
}
