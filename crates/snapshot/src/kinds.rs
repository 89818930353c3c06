//! Which resource an object belongs to, and which names are names.

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

/// True for what the API server takes as a pod's name. Answers of istiods are filed under it, so it must not
/// lead out of its folder.
pub(crate) fn is_pod_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    name.bytes().all(inner) && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}
