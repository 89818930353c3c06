//! A mesh read from a live cluster, put together: pages as they come, then one snapshot. The same objects give the
//! same snapshot as a folder of their lists.

use std::collections::BTreeMap;

use meshlift_model::k8s::{Objects, with_kind};
use meshlift_model::snapshot::{IstiodAnswers, ReadProblem, Snapshot, SourceStatus};

use crate::folder::istiod::{ENDPOINTS, istiod_answer};
use crate::folder::list::{ListError, PageBytes, ReadPage, count_page, head_token};
use crate::folder::sources::FOREIGN_CRDS;
use crate::folder::{ISTIOD, VERSION_SOURCE};
use crate::intake::Intake;
use crate::limits::PROBLEMS_MAX;
use crate::normal::normalise;

pub use crate::wire::{Arriving, Part, is_read_as_protobuf, refusal};

/// Kinds of which only it is asked whether they are served and how many there are (plural with group).
pub const COUNTED_KINDS: &[&str] = FOREIGN_CRDS;

/// One list as it arrives, page by page: objects of a known kind, trimmed and redacted, or a count.
#[derive(Debug)]
pub struct ListPages {
    resource: String,
    place: String,
    intake: Intake,
    problems: Vec<ReadProblem>,
    items: usize,
}

impl ListPages {
    /// Of a resource (plural with group), asked for at a place (the path of the request).
    #[must_use]
    pub fn new(resource: &str, place: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            place: place.to_owned(),
            intake: Intake::redacting(),
            problems: Vec::new(),
            items: 0,
        }
    }

    /// Takes one page (a list as JSON or protobuf); yields the token of the next one. Objects that cannot be read are kept as
    /// problems.
    ///
    /// # Errors
    /// A sentence that says where and why, if the page is no list or holds too much that cannot be read.
    pub fn add(&mut self, page: &[u8]) -> Result<Option<String>, String> {
        let token = self.take(PageBytes::Answer(page))?;
        if token.is_none() {
            self.intake.finish();
        }
        Ok(token)
    }

    /// Takes some objects of a list that arrives in one answer.
    ///
    /// # Errors
    /// As [`Self::add`], and where the list goes on in another answer.
    pub fn add_part(&mut self, part: &Part) -> Result<(), String> {
        match self.take(PageBytes::Part(part))? {
            None => Ok(()),
            Some(_) => Err(format!("{} holds only the first page of its list", self.place)),
        }
    }

    /// Says that all parts came.
    pub fn end(&mut self) {
        self.intake.finish();
    }

    fn take(&mut self, bytes: PageBytes<'_>) -> Result<Option<String>, String> {
        let read = ReadPage {
            place: &self.place,
            first: self.items,
            bytes,
            intake: &mut self.intake,
            problems: &mut self.problems,
        };
        let found = with_kind(&self.resource, read).unwrap_or_else(|| match bytes {
            PageBytes::Answer(page) => count_page(page),
            PageBytes::Part(part) => Err(ListError(format!("holds a {}, which is not read so", part.kind))),
        });
        let (items, token) = found.map_err(|ListError(why)| format!("{} {why}", self.place))?;
        if self.problems.len() > PROBLEMS_MAX {
            return Err(format!("{} holds more than {PROBLEMS_MAX} objects that cannot be read", self.place));
        }
        self.items += items;
        Ok(token)
    }

    /// The token of the next page, known before the page is taken; `None` where only [`Self::add`] can tell.
    #[must_use]
    pub fn peek(page: &[u8]) -> Option<String> {
        head_token(page)
    }

    /// Objects so far; all of them once there is no next page.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        self.intake.objects()
    }

    /// Items so far, those that could not be read included.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }
}

/// What became of one list.
pub type ListOutcome = Result<ListPages, SourceStatus>;

/// What one istiod pod answered, and what became of each endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IstiodOutcome {
    /// Answers that could be read.
    pub answers: IstiodAnswers,
    /// By endpoint ([`istiod_endpoints`]).
    pub statuses: BTreeMap<&'static str, SourceStatus>,
}

impl IstiodOutcome {
    /// Takes the body that an endpoint answered with, and gives the endpoint its status.
    pub fn take(&mut self, endpoint: &'static str, body: &[u8]) {
        let status = match istiod_answer(endpoint, body, &mut self.answers) {
            Ok(count) => SourceStatus::Read { count },
            Err(why) => SourceStatus::Broken { reason: format!("its answer {why}") },
        };
        self.statuses.insert(endpoint, status);
    }
}

/// Endpoints of istiod that are read: `version`, `syncz`, `connections`, `metrics`.
pub fn istiod_endpoints() -> impl Iterator<Item = &'static str> {
    ENDPOINTS.iter().map(|(endpoint, _)| *endpoint)
}

/// All that was read of a live cluster.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The server's version, or what became of the question.
    pub version: Option<Result<String, SourceStatus>>,
    /// By resource.
    pub lists: BTreeMap<String, ListOutcome>,
    /// By pod.
    pub istiods: BTreeMap<String, IstiodOutcome>,
}

impl Gathered {
    /// Objects that are there so far.
    pub fn objects(&self) -> impl Iterator<Item = &Objects> {
        self.lists.values().flatten().map(ListPages::objects)
    }

    /// The snapshot: every source with its status, objects in their normal form.
    #[must_use]
    pub fn into_snapshot(self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let version = match self.version {
            Some(Ok(version)) => {
                snapshot.kubernetes_version = Some(version);
                SourceStatus::Read { count: 1 }
            }
            Some(Err(status)) => status,
            None => SourceStatus::Broken { reason: "it was not asked".to_owned() },
        };
        snapshot.sources.insert(VERSION_SOURCE.to_owned(), version);
        for (resource, outcome) in self.lists {
            let status = match outcome {
                Ok(list) => {
                    let (mut objects, outlines) = list.intake.into_parts();
                    snapshot.objects.take_from(&mut objects);
                    snapshot.outlines.extend(outlines);
                    snapshot.problems.extend(list.problems);
                    SourceStatus::Read { count: list.items }
                }
                Err(status) => status,
            };
            snapshot.sources.insert(resource, status);
        }
        for (pod, outcome) in self.istiods {
            for (endpoint, status) in outcome.statuses {
                snapshot.sources.insert(format!("{ISTIOD}/{pod}/{endpoint}"), status);
            }
            snapshot.istiods.insert(pod, outcome.answers);
        }
        normalise(&mut snapshot);
        snapshot
    }
}
