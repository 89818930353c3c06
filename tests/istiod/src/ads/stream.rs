//! One client's stream: what it asks is answered, and what changes is pushed (istio: pilot/pkg/xds/ads.go).

use std::net::SocketAddr;

use envoy_types::pb::envoy::config::core::v3::ControlPlane;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::protobuf::Any;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc::Sender;
use tonic::{Status, Streaming};

use super::clients::Says;
use super::content::resources;
use super::node::Node;
use super::status::{SYNCZ, syncz};
use crate::debug;
use crate::serve::{Place, version};
use crate::shared::Push;
use crate::token::{Account, may_see, only};

/// Type URL of debug pages; the one resource's name is the page.
const DEBUG: &str = "istio.io/debug";

/// A stream, from its first request on.
pub(super) struct Conversation {
    place: Place,
    peer: SocketAddr,
    /// Whose token it is; `None` over plain connections.
    account: Option<Account>,
    answers: Sender<Result<DiscoveryResponse, Status>>,
    /// Number of the client, once it said who it is.
    number: Option<u64>,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.place.shared.clients().leave(&self.place.istiod, number);
        }
    }
}

impl Conversation {
    pub(super) fn new(
        place: Place,
        peer: SocketAddr,
        account: Option<Account>,
        answers: Sender<Result<DiscoveryResponse, Status>>,
    ) -> Self {
        Self { place, peer, account, answers, number: None }
    }

    /// Until the client hangs up.
    pub(super) async fn run(mut self, mut requests: Streaming<DiscoveryRequest>) {
        let mut pushes = self.place.shared.pushes();
        loop {
            let done = tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(request)) => {
                        let push = pushes.borrow().clone();
                        self.take(request, &push).await
                    }
                    Ok(None) | Err(_) => return,
                },
                changed = pushes.changed() => match changed {
                    Ok(()) => {
                        let push = pushes.borrow_and_update().clone();
                        self.push(&push).await
                    }
                    Err(_) => return,
                },
            };
            if let Err(status) = done {
                // A client that does not read any more is gone, and needs no reason.
                let _ = self.answers.send(Err(status)).await;
                return;
            }
        }
    }

    async fn take(&mut self, request: DiscoveryRequest, push: &Push) -> Result<(), Status> {
        let number = match self.number {
            Some(number) => number,
            None => self.enter(&request, push)?,
        };
        let DiscoveryRequest { type_url, response_nonce, error_detail, resource_names, .. } = request;
        if type_url.starts_with(DEBUG) {
            let resources = self.debug(&type_url, resource_names.first().map(String::as_str))?;
            return self.send(self.response(push, &type_url, String::new(), resources)).await;
        }
        let says = {
            let mut clients = self.place.shared.clients();
            let Some(client) = clients.get_mut(&self.place.istiod, number) else { return Ok(()) };
            let watched = client.watched.entry(type_url.clone()).or_default();
            watched.take(&response_nonce, error_detail.map(|detail| detail.message), resource_names)
        };
        if says == Says::Asks { self.send_type(number, &type_url, push).await } else { Ok(()) }
    }

    /// Who it is, and whether the token is its own (istio: pilot/pkg/xds/auth.go).
    fn enter(&mut self, request: &DiscoveryRequest, push: &Push) -> Result<u64, Status> {
        let node = request.node.as_ref().filter(|node| !node.id.is_empty());
        let node = node.ok_or_else(|| Status::invalid_argument("missing node information"))?;
        let node = Node::read(node).map_err(Status::invalid_argument)?;
        if let Some(account) = &self.account {
            let namespace = match node.metadata("NAMESPACE") {
                "" => &node.pod.0,
                written => written,
            };
            let name = node.metadata("SERVICE_ACCOUNT");
            if account.namespace != *namespace || !(name.is_empty() || name == account.name) {
                let identity = format!("spiffe://cluster.local/ns/{}/sa/{}", account.namespace, account.name);
                let why = format!("no identities ([{identity}]) matched {namespace}/{name}");
                return Err(Status::permission_denied(format!("authorization failed: {why}")));
            }
        }
        let Place { shared, istiod, .. } = &self.place;
        let number = shared.clients().enter(istiod, node, self.peer, push.number);
        self.number = Some(number);
        Ok(number)
    }

    fn debug(&self, type_url: &str, page: Option<&str>) -> Result<Vec<Any>, Status> {
        let Some(account) = &self.account else {
            return Err(Status::unauthenticated("authentication failure"));
        };
        let page = if type_url == SYNCZ { "syncz" } else { page.unwrap_or_default() };
        let name = page.split('?').next().unwrap_or_default();
        let Place { shared, istiod, .. } = &self.place;
        if !may_see(account, name, &istiod.0) {
            let identity = format!("{}/{}", account.namespace, account.name);
            let why = format!("the debug info is not available for current identity: \"{identity}\"");
            return Err(Status::permission_denied(why));
        }
        if type_url == SYNCZ {
            return Ok(syncz(shared.clients().of(istiod)));
        }
        let only = only(account, &istiod.0);
        let (_, body) = debug::page(&self.place, page, only.as_deref());
        Ok(vec![Any { type_url: DEBUG.to_owned(), value: body.into_bytes() }])
    }

    /// Everything that it watches, anew.
    async fn push(&mut self, push: &Push) -> Result<(), Status> {
        let Some(number) = self.number else { return Ok(()) };
        let types: Vec<String> = {
            let mut clients = self.place.shared.clients();
            let client = clients.get_mut(&self.place.istiod, number);
            client.map(|client| client.watched.keys().cloned().collect()).unwrap_or_default()
        };
        for type_url in types {
            self.send_type(number, &type_url, push).await?;
        }
        if let Some(client) = self.place.shared.clients().get_mut(&self.place.istiod, number) {
            client.pushed = push.number;
        }
        Ok(())
    }

    async fn send_type(&self, number: u64, type_url: &str, push: &Push) -> Result<(), Status> {
        let nonce = push.nonce();
        let Place { shared, istiod, .. } = &self.place;
        let found = shared.istiod(istiod);
        let (pod, _) = found.ok_or_else(|| Status::unavailable("no such istiod any more"))?;
        let made = {
            let mut clients = shared.clients();
            let Some(client) = clients.get_mut(istiod, number) else { return Ok(()) };
            let watched = client.watched.entry(type_url.to_owned()).or_default();
            watched.sent.clone_from(&nonce);
            watched.sent_at = Some(Timestamp::now());
            resources(type_url, &client.node, &watched.names, &pod, &shared.mirror())
        };
        let messages = made.into_iter().map(|one| one.message).collect();
        self.send(self.response(push, type_url, nonce, messages)).await
    }

    fn response(&self, push: &Push, type_url: &str, nonce: String, resources: Vec<Any>) -> DiscoveryResponse {
        let istiod = self.place.shared.istiod(&self.place.istiod);
        let version = istiod.map(|(pod, _)| version(&pod)).unwrap_or_default();
        let identifier = json!({
            "Component": "istiod", "ID": self.place.istiod.1, "Info": {"version": version},
        });
        DiscoveryResponse {
            version_info: push.version(),
            resources,
            type_url: type_url.to_owned(),
            nonce,
            control_plane: Some(ControlPlane { identifier: identifier.to_string() }),
            ..DiscoveryResponse::default()
        }
    }

    async fn send(&self, response: DiscoveryResponse) -> Result<(), Status> {
        let gone = |_| Status::cancelled("the client is gone");
        self.answers.send(Ok(response)).await.map_err(gone)
    }
}
