//! What all tasks of the process share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use meshlift_model::k8s::Pod;
use tokio::sync::watch;

use crate::behaviour::{Behaviour, Behaviours};
use crate::certificates::Authority;
use crate::mirror::{Key, Mirror, revision};
use crate::proxies::Links;
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
    links: Mutex<Links>,
    behaviours: Mutex<Behaviours>,
    reviewed: Mutex<Reviewed>,
    changes: watch::Sender<u64>,
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
            links: Mutex::default(),
            behaviours: Mutex::default(),
            reviewed: Mutex::default(),
            changes: watch::Sender::new(0),
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

    pub(crate) fn links(&self) -> MutexGuard<'_, Links> {
        locked(&self.inner.links)
    }

    pub(crate) fn reviewed(&self) -> MutexGuard<'_, Reviewed> {
        locked(&self.inner.reviewed)
    }

    pub(crate) fn behaviour(&self, revision: &str) -> Behaviour {
        locked(&self.inner.behaviours).get(revision).cloned().unwrap_or_default()
    }

    pub(crate) fn behave(&self, behaviours: Behaviours) {
        *locked(&self.inner.behaviours) = behaviours;
        self.touch();
    }

    /// The istiod's pod, if it is still there, and its revision.
    pub(crate) fn istiod(&self, key: &Key) -> Option<(Pod, String)> {
        let pod = self.mirror().pods.get(key)?.clone();
        let revision = revision(&pod);
        Some((pod, revision))
    }
}
