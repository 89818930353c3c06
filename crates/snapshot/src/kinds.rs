//! Which resource an object belongs to.

use meshlift_model::k8s::{KINDS, KindInfo};

/// Group of an `apiVersion`; empty for the core group.
pub(crate) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The kind of an object as it is on the wire, in whatever version of its group; `None` where it is not read.
pub(crate) fn kind_of(wire_kind: &str, api_version: &str) -> Option<&'static KindInfo> {
    let group = group_of(api_version);
    KINDS.iter().find(|known| known.wire_kind() == wire_kind && group_of(known.api_version) == group)
}
