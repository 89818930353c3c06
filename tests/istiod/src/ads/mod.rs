//! ADS: the streams on which istiods send config, and by which tools ask for debug pages.

pub(crate) mod clients;
pub(crate) mod content;
pub(crate) mod node;
mod status;
mod stream;

use std::net::SocketAddr;
use std::pin::Pin;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::AggregatedDiscoveryService;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::mpsc::{self, Receiver};
use tonic::{Request, Response, Status, Streaming};

use self::stream::Conversation;
use crate::serve::Place;
use crate::token;

/// Answers that may wait for a client that does not read.
const ANSWERS_MAX: usize = 16;

/// Plain ADS; with TLS, a token is demanded.
pub(crate) const PLAIN: u16 = 15010;
/// ADS over TLS.
pub(crate) const SECURE: u16 = 15012;

/// ADS of one istiod, for one connection.
pub(crate) struct Ads {
    pub(crate) place: Place,
    pub(crate) peer: SocketAddr,
    /// It came over TLS, so it must say who it is.
    pub(crate) secure: bool,
}

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn answers<T: Send + 'static>(receiver: Receiver<Result<T, Status>>) -> Answers<T> {
    Box::pin(unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver))))
}

#[tonic::async_trait]
impl AggregatedDiscoveryService for Ads {
    type StreamAggregatedResourcesStream = Answers<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Answers<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let account = if self.secure {
            let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
            let account = token::account(&self.place.shared, header).await;
            Some(account.ok_or_else(|| Status::unauthenticated("authentication failure"))?)
        } else {
            None
        };
        let (sender, receiver) = mpsc::channel(ANSWERS_MAX);
        let conversation = Conversation::new(self.place.clone(), self.peer, account, sender);
        tokio::spawn(conversation.run(request.into_inner()));
        Ok(Response::new(answers(receiver)))
    }

    async fn delta_aggregated_resources(
        &self,
        _: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("the stand-in sends the state of the world alone"))
    }
}
