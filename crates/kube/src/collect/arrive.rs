//! A list in one answer. Its API server makes it from what it watches anyway; page by page it asks etcd for each page, and
//! takes twice as long for all of them together.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use kube::Client;
use meshlift_model::names::minor_of;
use meshlift_snapshot::live::{Arriving, Part};
use tokio::spawn;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

use super::request::send;

/// Parts that wait to be decoded: about a megabyte each.
const PARTS_AHEAD: usize = 2;
/// Time without news until it is given up.
const SILENCE_SECONDS_MAX: u64 = 30;
/// No JSON here: it would have to be there as a whole.
const ACCEPT: &str = "application/vnd.kubernetes.protobuf";
/// The first minor version of Kubernetes that makes such lists from its cache and sends them as it makes them
/// (ConsistentListFromCache, StreamingCollectionEncodingToProtobuf).
const SINCE: u32 = 33;

/// True if an API server of that version (`v1.34.4`) sends long lists in one answer without keeping them in memory.
pub(super) fn sends_at_once(version: &str) -> bool {
    minor_of(version).is_some_and(|(major, minor)| major == 1 && minor >= SINCE)
}

/// Asks for a list; its parts come as they arrive, the last one with `true`. Where it ends without, it failed.
pub(super) fn arrive(client: Client, place: String, deadline: Instant) -> Receiver<(Part, bool)> {
    let (parts, taken) = channel(PARTS_AHEAD);
    spawn(async move { send_parts(&client, &place, deadline, &parts).await });
    taken
}

async fn send_parts(
    client: &Client,
    place: &str,
    deadline: Instant,
    parts: &Sender<(Part, bool)>,
) -> Option<()> {
    let until = || deadline.min(Instant::now() + Duration::from_secs(SILENCE_SECONDS_MAX));
    let response = timeout_at(until(), send(client, place, ACCEPT)).await.ok()?.ok()?;
    if response.status() != StatusCode::OK {
        return None;
    }
    let (mut body, mut arriving) = (response.into_body(), Arriving::default());
    while let Some(frame) = timeout_at(until(), body.frame()).await.ok()? {
        let frame = frame.ok()?;
        let Some(came) = frame.data_ref() else { continue };
        if let Some(part) = arriving.take(came).ok()? {
            parts.send((part, false)).await.ok()?;
        }
    }
    parts.send((arriving.end().ok()?, true)).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_that_stream_lists_are_asked_for_them_at_once() {
        for (version, sends) in [
            ("v1.34.4", true),
            ("v1.33.0-gke.100", true),
            ("v1.32.9", false),
            ("v2.40.0", false),
            ("", false),
        ] {
            assert_eq!(sends_at_once(version), sends, "{version}");
        }
    }
}
