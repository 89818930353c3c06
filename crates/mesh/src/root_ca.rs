//! The mesh's root certificate: what istiod tells of it, and what it gave to each namespace.

use std::collections::BTreeMap;

use meshlift_model::defaults::ROOT_CERT;
use meshlift_model::snapshot::Snapshot;
use meshlift_model::time::Time;
use x509_parser::pem::Pem;

use crate::index::Index;

/// Gauge of istiod: seconds since 1970 at which its root ends (istio `security/pkg/server/ca/monitoring.go`).
const UNTIL: &str = "citadel_server_root_cert_expiry_timestamp";

/// When the root of a revision ends: as an istiod tells it, else by the certificate that it gave its own namespace.
pub(crate) fn until(index: &Index<'_>, istiods: &[String], namespace: &str) -> Option<Time> {
    told(index, istiods).or_else(|| earliest_end(given(index.snapshot).get(namespace)?))
}

/// The earliest end that an istiod tells.
fn told(index: &Index<'_>, istiods: &[String]) -> Option<Time> {
    let answers = istiods.iter().filter_map(|pod| index.snapshot.istiods.get(pod)?.metrics.as_ref());
    let seconds = answers.filter_map(|metrics| metrics.get(UNTIL).copied());
    let earliest = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0).reduce(f64::min)?;
    // Whole seconds far below 2^53: exact.
    Some(Time::from_millis((earliest as i64).saturating_mul(1000)))
}

/// The root that the pods of each namespace trust, as PEM (RFC 7468); while a root is rotated, more than one.
pub fn given(snapshot: &Snapshot) -> BTreeMap<&str, &str> {
    let roots = snapshot.objects.config_maps.iter().filter(|map| map.metadata.name == ROOT_CERT.0);
    let given =
        roots.filter_map(|map| Some((map.metadata.namespace.as_str(), map.data.get(ROOT_CERT.1)?.as_str())));
    given.collect()
}

/// The earliest end of the certificates in a PEM text; `None` where one of them cannot be read, or there is none.
fn earliest_end(pem: &str) -> Option<Time> {
    let mut earliest = None;
    for block in Pem::iter_from_buffer(pem.as_bytes()) {
        let block = block.ok()?;
        let seconds = block.parse_x509().ok()?.validity().not_after.timestamp();
        let end = Time::from_millis(seconds.saturating_mul(1000));
        earliest = Some(earliest.map_or(end, |known: Time| known.min(end)));
    }
    earliest
}
