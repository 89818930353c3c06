//! Requests to the API server: each with a deadline, reads tried again, writes only where they were not begun.
//!
//! A read that the API server turns away (429), that fails there (5xx) or that gets no answer is asked again, as late
//! as the server says. A write that it turned away too; one whose answer is not clear is left to the engine, which
//! looks before it writes again.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::conflict::is_of_managers;
use super::failure::CallError;
use super::fence::Fence;
use super::moment::Moment;
use super::places::query;
use crate::refusal::chain;

/// Who we are among the managers of fields.
pub(super) const FIELD_MANAGER: &str = "meshlift";
/// Longest that one request is waited for, in seconds: a webhook behind it may take 30 itself.
const REQUEST_SECONDS_MAX: u64 = 35;
/// Longest that one read is tried for, in seconds; the engine gives an answer up after 300.
const READ_SECONDS_MAX: u64 = 90;
/// Longest that a write is offered to an API server that turns it away, in seconds.
const TURNED_AWAY_SECONDS_MAX: u64 = 30;
/// Longest that an API server is waited for that cannot be reached, in seconds: one that restarts takes a minute or two;
/// the engine gives an answer up after 300.
const UNREACHABLE_SECONDS_MAX: u64 = 180;
/// How long after it was away an API server may still refuse what it permits.
const STARTING: Duration = Duration::from_secs(60);
/// Between two tries to reach it.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(2);
/// Tries at one object of a group that is applied, and the pause between two.
const APPLY_TRIES_MAX: usize = 5;
const APPLY_PAUSE: Duration = Duration::from_secs(1);
/// First pause between two attempts, and the longest, in milliseconds.
const PAUSE_MILLIS: (u64, u64) = (250, 8000);
/// Objects of one page of a list: what kubectl asks for.
const PAGE_OBJECTS: usize = 500;
/// Pages of one list at most: a million objects.
const PAGES_MAX: usize = 2000;

/// What an apply does with fields that another manager wants otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Apply {
    /// Nothing is written: they are told.
    DryRun,
    /// They refuse it.
    Keep,
    /// They are taken.
    Force,
}

/// A request.
#[derive(Clone, Debug)]
struct Call {
    method: Method,
    uri: String,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Call {
    fn new(method: Method, uri: String) -> Self {
        Self { method, uri, content_type: "application/json", body: Vec::new() }
    }

    /// Method and path.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.uri.split('?').next().unwrap_or_default())
    }

    fn with(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

/// Requests of one client.
#[derive(Clone)]
pub(super) struct Calls {
    client: Client,
    fence: Option<Arc<Fence>>,
    /// When an answer was last lost.
    lost_at: Arc<Moment>,
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

impl Calls {
    pub(super) fn new(client: Client) -> Self {
        Self { client, fence: None, lost_at: Arc::default() }
    }

    /// The same, whose writes pass a fence.
    pub(super) fn behind(self, fence: Option<Fence>) -> Self {
        Self { fence: fence.map(Arc::new), ..self }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The object at a path; absent where there is none.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, CallError> {
        match self.read(&Call::new(Method::GET, path.to_owned())).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects at a path, page by page. A list that has grown too old in the middle (410) begins anew, once.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        selector: &str,
    ) -> Result<Vec<T>, CallError> {
        match self.pages(path, selector).await {
            Err(error) if error.code() == Some(410) => self.pages(path, selector).await,
            other => other,
        }
    }

    async fn pages<T: DeserializeOwned>(&self, path: &str, selector: &str) -> Result<Vec<T>, CallError> {
        let limit = PAGE_OBJECTS.to_string();
        let (mut all, mut next) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let pairs = [("limit", limit.as_str()), ("labelSelector", selector), ("continue", &next)];
            let page: Page<T> = self.read(&Call::new(Method::GET, query(path, &pairs))).await?;
            all.extend(page.items.unwrap_or_default());
            match page.metadata.next.filter(|next| !next.is_empty()) {
                Some(more) => next = more,
                None => return Ok(all),
            }
        }
        let (request, why) = (format!("GET {path}"), format!("it has over {PAGES_MAX} pages"));
        Err(CallError::Lost { request, why, unsent: false })
    }

    /// Creates an object.
    pub(super) async fn create(&self, path: &str, object: &Value) -> Result<Value, CallError> {
        let uri = query(path, &[("fieldManager", FIELD_MANAGER)]);
        self.write(&Call::new(Method::POST, uri).with(object)).await
    }

    /// What an object would be once it was created. This is a look, and is asked again like one.
    pub(super) async fn try_create(&self, path: &str, object: &Value) -> Result<Value, CallError> {
        let uri = query(path, &[("dryRun", "All"), ("fieldManager", FIELD_MANAGER)]);
        self.read(&Call::new(Method::POST, uri).with(object)).await
    }

    /// Posts to something that is no collection of objects (eviction, token, proxy).
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.write(&Call::new(Method::POST, path.to_owned()).with(body)).await
    }

    /// Patches an object, by JSON merge patch.
    pub(super) async fn patch(&self, path: &str, patch: &Value) -> Result<Value, CallError> {
        let call = Call::new(Method::PATCH, query(path, &[("fieldManager", FIELD_MANAGER)])).with(patch);
        self.write(&Call { content_type: "application/merge-patch+json", ..call }).await
    }

    /// Applies an object: trying (a dry run) is a look, and writing the same again is writing it once, so that neither
    /// is given up at the first answer that is lost.
    pub(super) async fn apply(&self, path: &str, object: &Value, mode: Apply) -> Result<Value, CallError> {
        let option = match mode {
            Apply::DryRun => ("dryRun", "All"),
            Apply::Keep => ("force", ""),
            Apply::Force => ("force", "true"),
        };
        let call = Call::new(Method::PATCH, query(path, &[("fieldManager", FIELD_MANAGER), option]));
        let call = Call { content_type: "application/apply-patch+yaml", ..call.with(object) };
        let mut tries = 1;
        loop {
            let error = match self.write(&call).await {
                Ok(applied) => return Ok(applied),
                Err(error) => error,
            };
            let raced = error.code() == Some(409) && !is_of_managers(&error);
            if tries == APPLY_TRIES_MAX || !(raced || error.may_pass()) {
                return Err(error);
            }
            tries += 1;
            tokio::time::sleep(APPLY_PAUSE).await;
        }
    }

    /// Deletes an object.
    pub(super) async fn delete(&self, path: &str, options: &Value) -> Result<Value, CallError> {
        self.write(&Call::new(Method::DELETE, path.to_owned()).with(options)).await
    }

    async fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let deadline = Instant::now() + Duration::from_secs(READ_SECONDS_MAX);
        let (first, longest) = PAUSE_MILLIS;
        let mut pause = Duration::from_millis(first);
        loop {
            let error = match self.once(call).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(pause);
            let late = Instant::now() + wait >= deadline;
            // What admission of a dry run raced with (a quota's count) is over by the next try.
            let raced = call.method == Method::POST && error.code() == Some(409);
            // A webhook that does not answer is the answer.
            let passes = (raced || error.may_pass() || self.is_starting(&error)) && !error.is_of_webhook();
            if late || !passes {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(Duration::from_millis(longest));
        }
    }

    /// A request that changes something. One that was turned away (429) was not begun, nor one that found no
    /// connection: it is sent again when the API server says so, or after a pause. Any other answer is the answer; what an
    /// eviction is told of a budget too.
    async fn write(&self, call: &Call) -> Result<Value, CallError> {
        let began = Instant::now();
        loop {
            self.pass_fence(call).await?;
            let error = match self.once(call).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let (wait, seconds_max) = match error.turned_away() {
                Some(wait) => (wait, TURNED_AWAY_SECONDS_MAX),
                None if error.is_unsent() || self.is_starting(&error) => {
                    (UNREACHABLE_PAUSE, UNREACHABLE_SECONDS_MAX)
                }
                None => return Err(error),
            };
            if began.elapsed() + wait >= Duration::from_secs(seconds_max) {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Passes while this process executes its run.
    async fn pass_fence(&self, call: &Call) -> Result<(), CallError> {
        let Some(fence) = self.fence.as_ref().filter(|fence| !fence.is_open()) else { return Ok(()) };
        let asked = Instant::now();
        let head = self.get(fence.path()).await?;
        let lost = |why| CallError::Lost { request: call.name(), why, unsent: false };
        fence.look(asked, head.as_ref()).map_err(lost)
    }

    /// True for a refusal of an API server that was away a moment ago: until it has read the roles it refuses everybody.
    fn is_starting(&self, error: &CallError) -> bool {
        error.is_of_permission() && self.lost_at.is_within(STARTING)
    }

    /// Sends a request once.
    async fn once<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let answer = self.send(call).await;
        if matches!(answer, Err(CallError::Lost { .. })) {
            self.lost_at.set(Instant::now());
        }
        answer
    }

    async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CallError> {
        let request = call.name();
        let lost = |why: String| CallError::Lost { request: request.clone(), why, unsent: false };
        let built = Request::builder()
            .method(call.method.clone())
            .uri(&call.uri)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, call.content_type)
            .body(Body::from(call.body.clone()))
            .map_err(|error| lost(format!("it cannot be asked: {error}")))?;
        let answer = async {
            let response = self.client.send(built).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect_bytes().await?))
        };
        let limit = Duration::from_secs(REQUEST_SECONDS_MAX);
        let (head, bytes) = match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let (why, unsent) = (chain(&error), is_connecting(&error));
                return Err(CallError::Lost { request, why, unsent });
            }
            Err(_) => return Err(lost(format!("no answer within {REQUEST_SECONDS_MAX} s"))),
        };
        if head.status.is_success() {
            return serde_json::from_slice(&bytes)
                .map_err(|error| CallError::Shape { request: request.clone(), why: error.to_string() });
        }
        let told = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut status: Status = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(&bytes);
            Status { message: text.chars().take(300).collect(), ..Status::default() }
        });
        status.code = head.status.as_u16();
        Err(CallError::Answer { request, status: Box::new(status), retry_after_seconds: told })
    }
}

/// True if no connection came to be: nothing was sent.
fn is_connecting(error: &kube::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(client) = cause.downcast_ref::<hyper_util::client::legacy::Error>() {
            return client.is_connect();
        }
        source = cause.source();
    }
    false
}
