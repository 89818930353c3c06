//! Requests with a deadline, and what their answers mean.

use std::future::Future;
use std::time::Duration;

use kube::Error;
use kube::core::Status;
use tokio::time::Instant;

use super::RecordError;

/// Longest that a question is repeated, and the pause between two tries.
const INSIST: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_secs(1);
/// Longest that one request is waited for.
pub(super) const REQUEST_SECONDS_MAX: u64 = 20;

/// The answer, or why there is none in time. `what` names verb and object.
pub(super) async fn ask<T>(
    what: impl Into<String> + Send,
    request: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, RecordError> {
    match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(RecordError::Api { what: what.into(), source: Box::new(source) }),
        Err(_) => Err(RecordError::Late { what: what.into(), seconds: REQUEST_SECONDS_MAX }),
    }
}

/// As [`ask`], for what may be asked twice: asked again while there is no answer, or the API server is busy.
pub(super) async fn insist<T, F>(
    what: impl Into<String>,
    mut request: impl FnMut() -> F + Send,
) -> Result<T, RecordError>
where
    F: Future<Output = Result<T, Error>> + Send,
{
    let (what, deadline) = (what.into(), Instant::now() + INSIST);
    loop {
        match ask(what.clone(), request()).await {
            Err(error) if (may_pass(&error) || is_too_old(&error)) && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

/// What the API server answered, if it did.
fn status(error: &RecordError) -> Option<&Status> {
    match error {
        RecordError::Api { source, .. } => match source.as_ref() {
            Error::Api(status) => Some(status),
            _ => None,
        },
        RecordError::Late { .. }
        | RecordError::NoRun { .. }
        | RecordError::Taken { .. }
        | RecordError::Held { .. }
        | RecordError::Damaged { .. }
        | RecordError::Journal { .. } => None,
    }
}

/// Something else was written in between.
pub(super) fn is_conflict(error: &RecordError) -> bool {
    status(error).is_some_and(|status| status.code == 409 && status.reason != "AlreadyExists")
}

pub(super) fn already_exists(error: &RecordError) -> bool {
    status(error).is_some_and(|status| status.reason == "AlreadyExists")
}

/// A list that is too old to be read on.
fn is_too_old(error: &RecordError) -> bool {
    status(error).is_some_and(|status| status.code == 410)
}

/// Not permitted: also what an API server says that starts, until it has read the roles.
pub(super) fn is_forbidden(error: &RecordError) -> bool {
    status(error).is_some_and(|status| status.code == 403)
}

pub(super) fn is_not_found(error: &RecordError) -> bool {
    status(error).is_some_and(|status| status.code == 404)
}

/// True if nobody knows whether it happened, or it did not and may later: no answer, 429, 5xx.
pub(super) fn may_pass(error: &RecordError) -> bool {
    match error {
        RecordError::Late { .. } => true,
        RecordError::Api { source, .. } => match source.as_ref() {
            Error::Api(status) => status.code == 429 || status.code >= 500,
            Error::HyperError(_) | Error::Service(_) | Error::ReadEvents(_) | Error::HttpError(_) => true,
            _ => false,
        },
        RecordError::NoRun { .. }
        | RecordError::Taken { .. }
        | RecordError::Held { .. }
        | RecordError::Damaged { .. }
        | RecordError::Journal { .. } => false,
    }
}
