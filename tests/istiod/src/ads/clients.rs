//! Who is connected to which istiod, what was sent to it, and what it said to that.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;

use super::node::Node;
use crate::mirror::Key;

/// What one client watches of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    /// Names that it asked for; none for types of which it gets all.
    pub(crate) names: Vec<String>,
    /// Nonce of what was sent last.
    pub(crate) sent: String,
    /// When.
    pub(crate) sent_at: Option<Timestamp>,
    /// Nonce of what it took last.
    pub(crate) acked: String,
    /// Why it refused what was sent last.
    pub(crate) last_error: Option<String>,
}

/// One stream.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// `POD.NAMESPACE-NUMBER`.
    pub(crate) id: String,
    pub(crate) node: Node,
    pub(crate) peer: SocketAddr,
    pub(crate) since: Timestamp,
    /// By type URL.
    pub(crate) watched: BTreeMap<String, Watched>,
    /// Number of the last push that it got.
    pub(crate) pushed: u64,
}

/// What a request says of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// It asks for the first time, or for other names.
    Asks,
    /// It took or refused what was sent, or speaks of something older: there is nothing to send.
    Nothing,
}

impl Watched {
    /// Takes a request (istio: pkg/xds/server.go, `ShouldRespond`).
    pub(crate) fn take(&mut self, nonce: &str, error: Option<String>, names: Vec<String>) -> Says {
        if error.is_some() {
            self.last_error = error;
            return Says::Nothing;
        }
        if nonce.is_empty() {
            self.names = names;
            return Says::Asks;
        }
        if nonce != self.sent {
            return Says::Nothing;
        }
        nonce.clone_into(&mut self.acked);
        self.last_error = None;
        if self.names == names {
            return Says::Nothing;
        }
        self.names = names;
        Says::Asks
    }

    /// True once the client said something to what was sent last.
    pub(crate) fn is_answered(&self) -> bool {
        self.acked == self.sent || self.last_error.is_some()
    }
}

/// All clients of all istiods, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    clients: BTreeMap<Key, BTreeMap<u64, Client>>,
    numbers: BTreeMap<Key, u64>,
}

impl Clients {
    /// A client connected; its number at this istiod.
    pub(crate) fn enter(&mut self, istiod: &Key, node: Node, peer: SocketAddr, pushed: u64) -> u64 {
        let number = self.numbers.entry(istiod.clone()).or_default();
        *number += 1;
        let id = format!("{}-{number}", node.proxy());
        let since = Timestamp::now();
        let client = Client { id, node, peer, since, watched: BTreeMap::new(), pushed };
        self.clients.entry(istiod.clone()).or_default().insert(*number, client);
        *number
    }

    /// It is gone.
    pub(crate) fn leave(&mut self, istiod: &Key, number: u64) {
        if let Some(own) = self.clients.get_mut(istiod) {
            own.remove(&number);
        }
    }

    /// That one.
    pub(crate) fn get_mut(&mut self, istiod: &Key, number: u64) -> Option<&mut Client> {
        self.clients.get_mut(istiod)?.get_mut(&number)
    }

    /// Clients of an istiod.
    pub(crate) fn of(&self, istiod: &Key) -> impl Iterator<Item = &Client> {
        self.clients.get(istiod).into_iter().flat_map(BTreeMap::values)
    }

    /// The client whose id contains the text (istio: pilot/pkg/xds/debug.go, `getProxyConnection`).
    pub(crate) fn find(&self, istiod: &Key, text: &str) -> Option<&Client> {
        self.of(istiod).find(|client| client.id.contains(text))
    }

    /// Proxies of all istiods: clients that are no tools.
    pub(crate) fn proxies(&self) -> usize {
        self.clients.values().flat_map(BTreeMap::values).filter(|one| one.node.has_proxy_config).count()
    }

    /// True once all clients of an istiod for which it holds got a push, or one that came after it.
    pub(crate) fn got(&self, push: u64, of: impl Fn(&Key) -> bool) -> bool {
        self.all(of, |client| client.pushed >= push)
    }

    /// True once they said something to all that was sent.
    pub(crate) fn answered(&self, of: impl Fn(&Key) -> bool) -> bool {
        self.all(of, |client| client.watched.values().all(Watched::is_answered))
    }

    fn all(&self, of: impl Fn(&Key) -> bool, holds: impl Fn(&Client) -> bool) -> bool {
        let own = self.clients.iter().filter(|(istiod, _)| of(istiod));
        own.flat_map(|(_, own)| own.values()).all(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_ask_acknowledge_refuse_or_are_late() {
        let names = || vec!["8080".to_owned()];
        let mut watched = Watched::default();
        assert_eq!(watched.take("", None, names()), Says::Asks);
        watched.sent = "2".to_owned();
        assert_eq!(watched.take("1", None, names()), Says::Nothing, "it speaks of an older one");
        assert!(watched.acked.is_empty() && !watched.is_answered());
        assert_eq!(watched.take("2", Some("no listener".to_owned()), names()), Says::Nothing);
        assert_eq!((watched.acked.as_str(), watched.last_error.as_deref()), ("", Some("no listener")));
        assert_eq!(watched.take("2", None, names()), Says::Nothing);
        assert_eq!((watched.acked.as_str(), watched.last_error.as_deref()), ("2", None));
        assert_eq!(watched.take("2", None, vec![]), Says::Asks, "other names");
    }
}
