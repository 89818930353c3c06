//! Reads a live mesh whole: every kind that meshlift knows, and what each istiod says. Nothing is written.
//!
//! Kinds are read beside each other, each in one answer or in pages, trimmed as they come. A source that could not be read
//! has its status and reason in the snapshot; only where nothing can be had at all there is none.

mod arrive;
mod discovery;
mod error;
mod list;
mod request;
#[cfg(test)]
mod tests;
mod verdicts;
mod wanted;

use std::pin::pin;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use kube::Client;
use meshlift_model::k8s::{Objects, Pod, Resource, Secret};
use meshlift_model::snapshot::{Snapshot, SourceStatus};
use meshlift_snapshot::live::{Gathered, IstiodOutcome, ListOutcome};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::discovery::Served;
use self::list::Reader;
use self::request::{NoAnswer, Question, get};
use crate::connection::Connection;
use crate::istiods::{Istiods, is_running_istiod};

pub use self::error::CollectError;
pub use self::wanted::{Wanted, wanted};

/// Objects of a page: what kubectl asks for too.
const PAGE: usize = 500;
/// Lists that are read beside each other: enough to keep both sides busy, few enough not to be throttled.
const LISTS_IN_FLIGHT_MAX: usize = 4;
/// Istiods that are asked beside each other.
const ISTIODS_IN_FLIGHT_MAX: usize = 4;
/// Time for the questions that come before the lists.
const FIRST_SECONDS_MAX: u64 = 30;
/// News that may wait for whoever shows them; more are dropped.
const NEWS_MAX: usize = 64;
/// Reason of the one source that is not asked for.
const SECRETS: &str = "meshlift does not read Secrets: RBAC cannot permit their names without their contents";

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Objects of a page.
    pub page: usize,
    /// Long lists are asked for in one answer, where the server is made for that.
    pub at_once: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { page: PAGE, at_once: true }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Resource, `istiod/POD`, or `istiod/POD/validate`.
    pub source: String,
    /// Objects so far.
    pub items: usize,
    /// True if it is through, read or not.
    pub ended: bool,
}

/// Reads the mesh.
///
/// # Errors
/// Where the API server cannot be reached, does not know who asks, or shows nothing at all.
pub fn collect(
    connection: &Connection,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Snapshot, CollectError> {
    connection.wait(read(connection, options, progress))
}

async fn read(
    connection: &Connection,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Snapshot, CollectError> {
    let client = connection.client();
    let server = connection.server();
    let version = first(client, "/version", "application/json").await;
    let version = version.map_err(|why| CollectError::of_first(server, why))?;
    let served = first(client, "/apis", discovery::ACCEPT).await;
    let served = served
        .map_err(|why| list::status(why, None))
        .and_then(|bytes| Served::parse(&bytes).map_err(|reason| SourceStatus::Broken { reason }));
    let (news, mut heard) = mpsc::channel(NEWS_MAX);
    let version = server_version(&version);
    let at_once = options.at_once && version.as_deref().is_ok_and(arrive::sends_at_once);
    let mut gathered = Gathered { version: Some(version), ..Gathered::default() };
    let secrets = SourceStatus::Refused { reason: SECRETS.to_owned() };
    gathered.lists.insert(Secret::RESOURCE.to_owned(), Err(secrets));
    let reader = Reader { client: client.clone(), page: options.page, at_once, served, news };
    let istiods = Istiods::new(connection.client().clone(), connection.way());
    let (mut lists, mut asked) = (pin!(read_lists(&reader)), stream::empty().boxed_local());
    loop {
        tokio::select! {
            biased;
            Some(one) = heard.recv() => progress(&one),
            Some((pod, outcome)) = asked.next() => take_answers(&mut gathered, pod, outcome, progress),
            ended = lists.next() => match ended {
                Some((resource, outcome)) => {
                    if let (Pod::RESOURCE, Ok(pods)) = (resource.as_str(), &outcome) {
                        asked = ask_istiods(&istiods, pods.objects()).boxed_local();
                    }
                    gathered.lists.insert(resource, outcome);
                }
                None => break,
            },
        }
    }
    while let Some((pod, outcome)) = asked.next().await {
        take_answers(&mut gathered, pod, outcome, progress);
    }
    verdicts::ask(&istiods, &reader, &mut gathered, progress).await;
    let snapshot = gathered.into_snapshot();
    CollectError::if_nothing_was_read(server, &snapshot)?;
    Ok(snapshot)
}

async fn first(client: &Client, path: &str, accept: &str) -> Result<Vec<u8>, NoAnswer> {
    let deadline = Instant::now() + Duration::from_secs(FIRST_SECONDS_MAX);
    get(client, &Question { path, accept, deadline, patient: false }).await
}

/// What `/version` says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

fn server_version(bytes: &[u8]) -> Result<String, SourceStatus> {
    let version: Result<Version, _> = serde_json::from_slice(bytes);
    version
        .map(|version| version.git_version)
        .map_err(|error| SourceStatus::Broken { reason: format!("/version cannot be understood ({error})") })
}

/// All lists, a few at a time. Answers arrive on other threads, and all are decoded on this one: the allocator keeps room
/// for each thread that makes objects.
fn read_lists(reader: &Reader) -> impl Stream<Item = (String, ListOutcome)> {
    let lists = wanted()
        .into_iter()
        .map(move |wanted| async move { (wanted.resource.to_owned(), reader.read(&wanted).await) });
    stream::iter(lists).buffer_unordered(LISTS_IN_FLIGHT_MAX)
}

/// Asks every istiod that runs.
fn ask_istiods<'a>(
    istiods: &'a Istiods,
    objects: &Objects,
) -> impl Stream<Item = (String, IstiodOutcome)> + use<'a> {
    let running: Vec<Pod> = objects.pods.iter().filter(|pod| is_running_istiod(pod)).cloned().collect();
    let ask = move |pod: Pod| async move { (pod.metadata.name.clone(), istiods.ask(&pod).await) };
    stream::iter(running).map(ask).buffer_unordered(ISTIODS_IN_FLIGHT_MAX)
}

fn take_answers(
    gathered: &mut Gathered,
    pod: String,
    outcome: IstiodOutcome,
    progress: &mut dyn FnMut(&Progress),
) {
    progress(&Progress { source: format!("istiod/{pod}"), items: outcome.statuses.len(), ended: true });
    gathered.istiods.insert(pod, outcome);
}
