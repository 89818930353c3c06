//! Bodies of answers.

use std::error::Error;
use std::pin::pin;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};

/// Most that is set aside because a server announces it.
const ROOM_AT_ONCE_MAX: usize = 1 << 24;

/// A body in one piece; its parts are let go as they come.
pub(crate) async fn whole<B>(body: B, bytes_max: usize) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = pin!(Limited::new(body, bytes_max));
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(announced.min(ROOM_AT_ONCE_MAX).min(bytes_max));
    while let Some(frame) = body.frame().await {
        if let Some(part) = frame?.data_ref() {
            bytes.extend_from_slice(part);
        }
    }
    Ok(bytes)
}
