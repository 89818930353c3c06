//! One GET, with patience and limits.

use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use meshlift_snapshot::live::refusal;
use tokio::time::{Instant, sleep, timeout_at};

use crate::body::whole;
use crate::refusal::words;

/// Time for one answer. A page of 500 pods takes a healthy API server a tenth of a second; its own limit is 60 s.
const ANSWER_SECONDS_MAX: u64 = 60;
/// Longest answer: 500 objects of half a megabyte each.
const ANSWER_BYTES_MAX: usize = 1 << 28;
/// Wait where a busy server names none, doubled each time.
const WAIT_SECONDS: u64 = 1;
/// Longest wait that a server is granted at once.
const WAIT_SECONDS_MAX: u64 = 30;
/// Connections that may break, and answers that may be failures, before it is given up: an API server that restarts
/// breaks one or two.
const BREAKS_MAX: usize = 3;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// 404: it is not served.
    NotFound,
    /// 410: the page's list is too old by now.
    Expired,
    /// 401 or 403, with the server's words.
    Refused {
        /// 401: not even who asks is known.
        unknown_user: bool,
        /// What it said.
        words: String,
    },
    /// Anything else that the server said, or nothing in time.
    Broken(String),
    /// The server was not reached, its certificate not trusted, or the connection broke.
    Unreachable(kube::Error),
}

/// What to ask for.
pub(super) struct Question<'a> {
    pub(super) path: &'a str,
    pub(super) accept: &'a str,
    /// When there must be an answer, all waits included.
    pub(super) deadline: Instant,
    /// Broken connections are tried again.
    pub(super) patient: bool,
}

/// Asks; waits and asks again where the server is busy.
pub(super) async fn get(client: &Client, question: &Question<'_>) -> Result<Vec<u8>, NoAnswer> {
    let mut wait = Duration::from_secs(WAIT_SECONDS);
    let mut breaks = 0;
    loop {
        let (why, pause) = match once(client, question).await {
            Ok(Once::Answer(bytes)) => return Ok(bytes),
            Ok(Once::Busy { words, pause }) => (NoAnswer::Broken(format!("{words} (still busy)")), pause),
            Ok(Once::Failed(words)) if breaks < BREAKS_MAX => {
                breaks += 1;
                (NoAnswer::Broken(words), None)
            }
            Ok(Once::Failed(words)) => return Err(NoAnswer::Broken(words)),
            Err(why @ NoAnswer::Unreachable(_)) if question.patient && breaks < BREAKS_MAX => {
                breaks += 1;
                (why, None)
            }
            Err(why) => return Err(why),
        };
        let pause = pause.unwrap_or(wait).min(Duration::from_secs(WAIT_SECONDS_MAX));
        if Instant::now() + pause >= question.deadline {
            return Err(why);
        }
        sleep(pause).await;
        wait *= 2;
    }
}

enum Once {
    Answer(Vec<u8>),
    /// 5xx, with the server's words: what is behind it (etcd, a webhook) may be back soon.
    Failed(String),
    Busy {
        words: String,
        /// What its `Retry-After` says.
        pause: Option<Duration>,
    },
}

async fn once(client: &Client, question: &Question<'_>) -> Result<Once, NoAnswer> {
    let began = Instant::now();
    let until = question.deadline.min(began + Duration::from_secs(ANSWER_SECONDS_MAX));
    let late = |_| {
        let granted = (until - began).as_secs_f64().round();
        NoAnswer::Broken(format!("{}: no answer within {granted} s", question.path))
    };
    let response = timeout_at(until, send(client, question.path, question.accept)).await.map_err(late)??;
    let (code, pause) = (response.status(), retry_after(&response));
    let body = timeout_at(until, whole(response.into_body(), ANSWER_BYTES_MAX)).await.map_err(late)?;
    let body = body.map_err(|error| NoAnswer::Unreachable(kube::Error::Service(error)))?;
    if code.is_success() {
        return Ok(Once::Answer(body));
    }
    let words = said(code, &body);
    match code {
        StatusCode::NOT_FOUND => Err(NoAnswer::NotFound),
        StatusCode::GONE => Err(NoAnswer::Expired),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(NoAnswer::Refused { unknown_user: code == StatusCode::UNAUTHORIZED, words })
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Ok(Once::Busy { words, pause }),
        code if code.is_server_error() => Ok(Once::Failed(words)),
        _ => Err(NoAnswer::Broken(words)),
    }
}

/// Asks once; its answer may be of any kind, and its body is still to come.
pub(super) async fn send(client: &Client, path: &str, accept: &str) -> Result<Response<Body>, NoAnswer> {
    let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty());
    let request = request.map_err(|error| NoAnswer::Broken(error.to_string()))?;
    client.send(request).await.map_err(NoAnswer::Unreachable)
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_secs)
}

/// The server's words: the message of its `Status`, else the start of its page.
fn said(code: StatusCode, body: &[u8]) -> String {
    const SHOWN_MAX: usize = 200;
    let status: Option<Status> = serde_json::from_slice(body).ok().or_else(|| refusal(body));
    match status {
        Some(status) if !status.message.is_empty() => words(&status),
        Some(_) | None => {
            let page = String::from_utf8_lossy(body);
            format!("it answered {code} {}", page.trim().chars().take(SHOWN_MAX).collect::<String>())
        }
    }
}
