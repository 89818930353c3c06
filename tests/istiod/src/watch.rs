//! Lists and watches of the kinds that istiods look at.

use futures::TryStreamExt;
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use meshlift_model::k8s::Resource;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

use crate::mirror::Kind;
use crate::shared::Shared;

/// Pause after an API server that did not answer.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Listed<R> {
    metadata: ListMetadata,
    #[serde(default = "Vec::new")]
    items: Vec<R>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
}

/// Keeps the mirror's objects of one kind up to date, for ever; a watch that ends begins anew.
pub(crate) async fn follow<R>(client: Client, shared: Shared)
where
    R: Resource + Kind + Clone + DeserializeOwned + Send + 'static,
{
    loop {
        if let Err(error) = list_and_watch::<R>(&client, &shared).await {
            eprintln!("watching {}: {error}", R::RESOURCE);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn list_and_watch<R>(client: &Client, shared: &Shared) -> Result<(), kube::Error>
where
    R: Resource + Kind + Clone + DeserializeOwned + Send + 'static,
{
    let plural = R::RESOURCE.split('.').next().unwrap_or(R::RESOURCE);
    let root = if R::API_VERSION.contains('/') { "apis" } else { "api" };
    let request = Request::new(format!("/{root}/{}/{plural}", R::API_VERSION));
    let built = |built: Result<http::Request<Vec<u8>>, kube::core::request::Error>| {
        built.map_err(kube::Error::BuildRequest)
    };
    let listed: Listed<R> = client.request(built(request.list(&ListParams::default()))?).await?;
    shared.change(|mirror| R::kept(mirror).replace(listed.items));
    let mut version = listed.metadata.resource_version;
    loop {
        let params = WatchParams::default();
        let events = client.request_events::<R>(built(request.watch(&params, &version))?).await?;
        futures::pin_mut!(events);
        while let Some(event) = events.try_next().await? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    version = object.meta().resource_version.to_string();
                    shared.change(|mirror| R::kept(mirror).put(object));
                }
                WatchEvent::Deleted(object) => {
                    version = object.meta().resource_version.to_string();
                    shared.change(|mirror| R::kept(mirror).remove(&object));
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            }
        }
    }
}
