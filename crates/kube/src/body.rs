//! Bodies of answers.

use std::error::Error;
use std::pin::pin;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};

/// A body in one piece; its parts are let go as they come.
pub(crate) async fn whole<B>(body: B, bytes_max: usize) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut body = pin!(Limited::new(body, bytes_max));
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(part) = frame?.data_ref() {
            bytes.extend_from_slice(part);
        }
    }
    Ok(bytes)
}
