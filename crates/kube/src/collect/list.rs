//! One list, page by page.

use std::time::Duration;

use futures::future::join;
use kube::Client;
use meshlift_model::snapshot::SourceStatus;
use meshlift_snapshot::live::{ListOutcome, ListPages, is_read_as_protobuf};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::Progress;
use super::discovery::Served;
use super::request::{NoAnswer, Question, get};
use super::wanted::Wanted;
use crate::refusal::{Permission, refused, request_chain};

/// Time for one list, all pages, waits and restarts included. 100,000 pods take a healthy API server a minute.
const LIST_SECONDS_MAX: u64 = 300;
/// Times that a list may start again because its pages became too old (410).
const RESTARTS_MAX: usize = 3;

/// Whole objects.
pub(super) const OBJECTS: &str = "application/json";
/// Whole objects in a form that both sides handle several times as fast; as JSON from a server that cannot do that.
const MESSAGES: &str = "application/vnd.kubernetes.protobuf,application/json";
/// Their metadata; whole objects from a server that cannot do that.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// Reads lists.
pub(super) struct Reader {
    pub(super) client: Client,
    /// Objects of a page.
    pub(super) page: usize,
    /// What the cluster serves, or why that is not known.
    pub(super) served: Result<Served, SourceStatus>,
    pub(super) news: Sender<Progress>,
}

impl Reader {
    /// Reads a list whole.
    pub(super) async fn read(&self, wanted: &Wanted) -> ListOutcome {
        let outcome = match self.place(wanted) {
            Ok(place) => self.pages(wanted, &place).await,
            Err(status) => Err(status),
        };
        let items = outcome.as_ref().map_or(0, ListPages::items);
        self.tell(wanted, items, true);
        outcome
    }

    /// Path of the list, in a version that the cluster serves.
    pub(super) fn place(&self, wanted: &Wanted) -> Result<String, SourceStatus> {
        let (group, plural) = (wanted.group(), wanted.plural());
        if group.is_empty() {
            return Ok(format!("/api/v1/{plural}"));
        }
        let version = match &self.served {
            Ok(served) => served.version(group, plural, wanted.version).ok_or(SourceStatus::Absent)?,
            Err(status) => wanted.version.ok_or_else(|| status.clone())?.to_owned(),
        };
        Ok(format!("/apis/{group}/{version}/{plural}"))
    }

    async fn pages(&self, wanted: &Wanted, place: &str) -> ListOutcome {
        let deadline = Instant::now() + Duration::from_secs(LIST_SECONDS_MAX);
        for _ in 0..=RESTARTS_MAX {
            match self.once(wanted, place, deadline).await {
                Ok(pages) => return Ok(pages),
                Err(NoAnswer::Expired) => {}
                Err(why) => return Err(status(why, Some(wanted.permission()))),
            }
        }
        let reason =
            format!("{place}: its pages became too old {RESTARTS_MAX} times while they were read (410)");
        Err(SourceStatus::Broken { reason })
    }

    async fn once(&self, wanted: &Wanted, place: &str, deadline: Instant) -> Result<ListPages, NoAnswer> {
        let accept = match wanted.resource {
            _ if wanted.metadata_alone => METADATA,
            resource if is_read_as_protobuf(resource) => MESSAGES,
            _ => OBJECTS,
        };
        let page = async |token: &str| {
            let path = page_path(place, self.page, token);
            get(&self.client, &Question { path: &path, accept, deadline, patient: true }).await
        };
        let mut pages = ListPages::new(wanted.resource, place);
        let mut bytes = page("").await?;
        loop {
            // The server makes the next page while this one is decoded.
            let expected = ListPages::peek(&bytes);
            let next = async {
                match &expected {
                    Some(token) => Some(page(token).await),
                    None => None,
                }
            };
            let (next, token) = join(next, async { pages.add(&bytes) }).await;
            let Some(token) = token.map_err(NoAnswer::Broken)? else { return Ok(pages) };
            self.tell(wanted, pages.items(), false);
            bytes = match next {
                Some(next) if expected.as_ref() == Some(&token) => next?,
                Some(_) | None => page(&token).await?,
            };
        }
    }

    fn tell(&self, wanted: &Wanted, items: usize, ended: bool) {
        // Whoever shows them may be slow, or gone: a dropped line is no loss.
        let _ = self.news.try_send(Progress { source: wanted.resource.to_owned(), items, ended });
    }
}

/// What no answer means for a source.
pub(super) fn status(why: NoAnswer, permission: Option<Permission<'_>>) -> SourceStatus {
    match (why, permission) {
        (NoAnswer::NotFound, _) => SourceStatus::Absent,
        (NoAnswer::Refused { unknown_user: false, words }, Some(permission)) => refused(&words, permission),
        (NoAnswer::Refused { words, .. }, _) => SourceStatus::Refused { reason: words },
        (NoAnswer::Expired, _) => SourceStatus::Broken { reason: "it answered 410".to_owned() },
        (NoAnswer::Broken(reason), _) => SourceStatus::Broken { reason },
        (NoAnswer::Unreachable(error), _) => SourceStatus::Broken { reason: request_chain(&error) },
    }
}

/// Path of one page; the first one has no token.
pub(super) fn page_path(place: &str, items: usize, token: &str) -> String {
    let follow = if token.is_empty() { String::new() } else { format!("&continue={}", escaped(token)) };
    format!("{place}?limit={items}{follow}")
}

/// A token as part of a query.
fn escaped(token: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    token.bytes().map(one).collect()
}
