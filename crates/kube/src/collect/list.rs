//! One list, page by page.

use std::time::Duration;

use kube::Client;
use meshlift_model::snapshot::SourceStatus;
use meshlift_snapshot::live::{ListOutcome, ListPages, is_read_as_protobuf};
use tokio::spawn;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use super::Progress;
use super::arrive::arrive;
use super::discovery::Served;
use super::request::{NoAnswer, Question, get};
use super::wanted::Wanted;
use crate::refusal::{Permission, refused, request_chain};

/// Time for one list, all pages, waits and restarts included. 100,000 pods take a healthy API server a minute.
const LIST_SECONDS_MAX: u64 = 300;
/// Times that a list may start again because its pages became too old (410).
const RESTARTS_MAX: usize = 3;

/// Pages of a list that wait to be decoded: each is some megabytes.
const PAGES_AHEAD: usize = 1;

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
    /// Long lists are asked for in one answer.
    pub(super) at_once: bool,
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
        if self.at_once
            && accepted(wanted) == MESSAGES
            && let Some(pages) = self.whole(wanted, place, deadline).await
        {
            return Ok(pages);
        }
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

    /// All of a list in one answer; `None` where that did not work: its pages tell why.
    async fn whole(&self, wanted: &Wanted, place: &str, deadline: Instant) -> Option<ListPages> {
        let mut arriving = arrive(self.client.clone(), place.to_owned(), deadline);
        let mut pages = ListPages::new(wanted.resource, place);
        loop {
            let (part, is_last) = arriving.recv().await?;
            pages.add_part(&part).ok()?;
            if is_last {
                pages.end();
                return Some(pages);
            }
            self.tell(wanted, pages.items(), false);
        }
    }

    async fn once(&self, wanted: &Wanted, place: &str, deadline: Instant) -> Result<ListPages, NoAnswer> {
        let mut pages = ListPages::new(wanted.resource, place);
        let mut token = String::new();
        loop {
            let asker = Asker {
                client: self.client.clone(),
                place: place.to_owned(),
                page: self.page,
                accept: accepted(wanted),
                deadline,
            };
            let mut answers = asker.start(token);
            loop {
                let gone = || NoAnswer::Broken(format!("{place}: nobody asks for its pages any more"));
                let (answer, expected) = answers.recv().await.ok_or_else(gone)?;
                let next = pages.add(&answer?).map_err(NoAnswer::Broken)?;
                let Some(next) = next else { return Ok(pages) };
                self.tell(wanted, pages.items(), false);
                if expected.as_ref() != Some(&next) {
                    token = next;
                    break;
                }
            }
        }
    }

    fn tell(&self, wanted: &Wanted, items: usize, ended: bool) {
        // Whoever shows them may be slow, or gone: a dropped line is no loss.
        let _ = self.news.try_send(Progress { source: wanted.resource.to_owned(), items, ended });
    }
}

/// Forms in which a list is taken.
fn accepted(wanted: &Wanted) -> &'static str {
    match wanted.resource {
        _ if wanted.metadata_alone => METADATA,
        resource if is_read_as_protobuf(resource) => MESSAGES,
        _ => OBJECTS,
    }
}

/// Asks for the pages of a list, one after another, on other threads than the one that decodes them: neither the server
/// nor the decoder waits for the other, nor for other lists.
struct Asker {
    client: Client,
    place: String,
    page: usize,
    accept: &'static str,
    deadline: Instant,
}

/// A page, and the token of the next one, if its head tells.
type Answer = (Result<Vec<u8>, NoAnswer>, Option<String>);

impl Asker {
    /// Begins at a token; ends where a page does not tell the next one, and where nobody takes its answers.
    fn start(self, mut token: String) -> Receiver<Answer> {
        let (answers, taken) = channel(PAGES_AHEAD);
        spawn(async move {
            loop {
                let path = page_path(&self.place, self.page, &token);
                let question =
                    Question { path: &path, accept: self.accept, deadline: self.deadline, patient: true };
                let answer = get(&self.client, &question).await;
                let next = answer.as_ref().ok().and_then(|page| ListPages::peek(page));
                if answers.send((answer, next.clone())).await.is_err() {
                    return;
                }
                match next {
                    Some(next) => token = next,
                    None => return,
                }
            }
        });
        taken
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
